"""Tests of what only the store on Redis does."""
