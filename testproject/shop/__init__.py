"""The shop: artisans, products, promotions, orders and reviews."""
