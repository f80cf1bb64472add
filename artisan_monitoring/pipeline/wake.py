"""Waking the jobs at once when something serious is in the inbox, instead of at the next period."""

from __future__ import annotations

from collections.abc import Callable

from ..core.guard import guarded
from ..stores.base import Store

NOTE = "wake"
NOTE_TTL_S = 10.0

hooks: list[Callable[[], None]] = []
"""Called in the flusher's thread after an urgent batch was appended: a local housekeeper, a Celery message."""

_answered_age_s = NOTE_TTL_S


def wake(store: Store) -> None:
    """Tell whoever runs the jobs that there is work: hooks in this process, a note for the others."""
    for hook in hooks:
        with guarded("wake.hook"):
            hook()
    with guarded("wake.note"):
        store.set_note(NOTE, "drain", {}, NOTE_TTL_S)


def asked(store: Store) -> bool:
    """Say whether somebody asked since the last time that this process said so."""
    global _answered_age_s
    note = store.notes(NOTE).get("drain")
    if note is None:
        _answered_age_s = NOTE_TTL_S
        return False
    # A note younger than at the last look was written again since.
    fresh = note.age_s < _answered_age_s
    _answered_age_s = note.age_s
    return fresh
