"""Where batches wait and metric cells live. `get_store()` gives this process' store."""

from __future__ import annotations

import os
import threading

from django.utils.module_loading import import_string

from ..conf import get_settings, on_settings_change
from .base import Store

__all__ = ["Store", "get_store", "make_store", "reset_store"]

_lock = threading.Lock()
_store: Store | None = None


def make_store() -> Store:
    """Build the store that the settings name; raise what its import or constructor raises."""
    chosen = get_settings().STORE
    backend = import_string(chosen.BACKEND)
    store: Store = backend(**chosen.OPTIONS)
    return store


def get_store() -> Store:
    """Return the store of this process, made on first use."""
    global _store
    store = _store
    if store is None:
        with _lock:
            store = _store = _store or make_store()
    return store


@on_settings_change
def reset_store() -> None:
    """Close the store; the next `get_store()` makes a new one."""
    global _store
    with _lock:
        store, _store = _store, None
    if store is not None:
        store.close()


def _after_fork() -> None:
    # The parent's connections and lock are not the child's: nothing of them is closed, all is forgotten.
    global _store, _lock
    _store = None
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
