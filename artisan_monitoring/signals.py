"""Signals that a project may connect to."""

from __future__ import annotations

from django.dispatch import Signal

alert_changed = Signal()
"""Sent after an alert changed its state. Arguments: `alert` (the row), `old_state`, `new_state` (strings)."""
