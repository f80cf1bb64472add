"""Database monitoring: what queries a request makes, how long they take, and where the slow ones come from."""
