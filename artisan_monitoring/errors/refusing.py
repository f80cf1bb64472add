"""What a project does not want recorded: exception classes and loggers, by settings or by `error_tracker.ignore`."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.reprs import dotted_name

KINDS_REMEMBERED = 1_000

_asked: set[str] = set()
"""By `error_tracker.ignore`; whoever builds a `Refusals` after it sees them."""


def ignore(*what: type[BaseException] | str) -> None:
    """Note classes, dotted names of classes, or names of loggers. Raise TypeError for anything else."""
    for each in what:
        if isinstance(each, str) and each:
            _asked.add(each)
        elif isinstance(each, type) and issubclass(each, BaseException):
            _asked.add(dotted_name(each))
        else:
            raise TypeError(f"ignore() takes exception classes, their dotted names, or names of loggers, not {each!r}")


class Refusals:
    """Answers whether a class or a logger is ignored; each answer is worked out once."""

    __slots__ = ("_kinds", "_names")

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names) | _asked
        self._kinds: dict[type, bool] = {}

    def exception(self, kind: type) -> bool:
        """Say whether exceptions of this class, or of one that it derives from, are ignored."""
        known = self._kinds.get(kind)
        if known is None:
            known = bool(self._names) and any(dotted_name(base) in self._names for base in kind.__mro__)
            if len(self._kinds) >= KINDS_REMEMBERED:  # classes made at run time must not pile up
                self._kinds.clear()
            self._kinds[kind] = known
        return known

    def logger(self, name: str) -> bool:
        """Say whether records of this logger, or of one above it, are ignored."""
        while name:
            if name in self._names:
                return True
            name = name.rpartition(".")[0]
        return False
