"""`manage.py demo`: the shop, served and visited in one process, and a summary read back from the store."""
