"""Where drained records go: each kind has one sink, which a feature registers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from django.utils.module_loading import import_string

from ..core.guard import guarded


class Sink(Protocol):
    """Write records as rows, inside the drain's transaction on the alias `using`; raise for a bad one."""

    def __call__(self, records: Sequence[dict[str, Any]], *, using: str) -> None: ...


_sinks: dict[str, str] = {}
_listeners: dict[str, set[str]] = defaultdict(set)


def register_sink(kind: str, path: str) -> None:
    """Name the sink of a kind by its dotted path, imported when the first record arrives."""
    _sinks[kind] = path


def sink_for(kind: str) -> Sink | None:
    """Return the sink of a kind, or nothing where no feature takes it."""
    path = _sinks.get(kind)
    sink: Sink | None = import_string(path) if path else None
    return sink


def on_drained(kind: str, path: str) -> None:
    """Have the callable at a dotted path called, without arguments, after records of a kind were committed."""
    _listeners[kind].add(path)


def tell_drained(kinds: set[str]) -> None:
    """Call what listens to any of these kinds, each once."""
    for path in sorted({path for kind in kinds for path in _listeners[kind]}):
        with guarded(f"sinks.{path}"):
            listener: Callable[[], object] = import_string(path)
            listener()
