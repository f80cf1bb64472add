"""Other systems this app works with: each is imported only where it is in use."""
