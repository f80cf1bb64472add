"""Errors: caught wherever they appear, grouped by what they are, counted exactly, a few kept in full."""
