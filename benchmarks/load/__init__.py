"""Many worker processes played by one, over the real code: what a store, a drain and a roll-up cost at scale."""
