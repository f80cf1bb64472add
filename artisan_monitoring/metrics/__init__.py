"""Metrics: recording them, asking for them, and rolling them up."""
