"""Tests of what only the store in tables does."""
