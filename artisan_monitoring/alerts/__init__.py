"""Alerts: what the rules say about the numbers, and who is told."""
