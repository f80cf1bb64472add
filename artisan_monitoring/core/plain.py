"""Look into and describe single objects without trusting them: nothing lazy is evaluated, no query is run."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import re
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, ValuesView
from itertools import islice
from typing import Any, NamedTuple, cast

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_MAX_KINDS = 2_000


def type_name(kind: type) -> str:
    """Return the class's bare name, also of a class whose metaclass hides it."""
    try:
        return str(type.__dict__["__name__"].__get__(kind))
    except Exception:
        return "object"


def broken(obj: object) -> str:
    """Return what stands for an object that cannot be shown."""
    return f"<broken repr of {type_name(type(obj))}>"


def describe(obj: object) -> str:
    """Return `obj` as text, whatever it is. Raises what its own `__str__` or `__repr__` raises.

    Kinds are looked up by `type(obj)`, never by `isinstance`: that would evaluate the `__class__` of a lazy object.
    """
    kind = type(obj)
    describer = _describers.get(kind)
    if describer is None:
        if len(_describers) >= _MAX_KINDS:  # classes made at run time must not pile up
            _describers.clear()
        describer = _describers[kind] = _choose(kind)
    return describer(obj)


def unwrapped(obj: object) -> object:
    """Return what an already evaluated lazy object holds, else the object itself."""
    own = object.__getattribute__(obj, "__dict__")
    wrapped = own.get("_wrapped") if type(own) is dict else None
    # Django marks "not evaluated" by a bare object().
    return obj if wrapped is None or type(wrapped) is object else wrapped


def is_lazy(kind: type) -> bool:
    """Tell whether instances of `kind` are Django's LazyObject or SimpleLazyObject."""
    return any(base.__name__ == "LazyObject" and base.__module__.startswith("django.") for base in kind.__mro__)


class Children(NamedTuple):
    """What a container holds, at most `breadth` of it: `named` pairs or `items`; `size` is how many there are."""

    size: int
    items: list[object]
    named: list[tuple[object, object]] | None = None


def children(obj: object, breadth: int) -> Children | None:
    """Return what `obj` holds, or None if it is no container.

    Built-in containers are read by their base class's methods: a subclass may have replaced its own by anything.
    """
    kind = type(obj)
    if issubclass(kind, dict):
        mapping = cast("dict[object, object]", obj)
        return Children(dict.__len__(mapping), [], list(islice(dict.items(mapping), breadth)))
    if issubclass(kind, tuple) and isinstance(names := getattr(kind, "_fields", None), tuple):
        named = list(zip(names, tuple.__iter__(cast("tuple[object, ...]", obj)), strict=False))
        return Children(len(named), [], named[:breadth])
    for base in _SEQUENCES:
        if issubclass(kind, base):
            sequence = cast("list[object]", obj)
            return Children(base.__len__(sequence), list(islice(base.__iter__(sequence), breadth)))
    if _is_made(kind):
        named = [(name, item) for name, item in _attributes(obj, kind) if not name.startswith("_")]
        return Children(len(named), [], named[:breadth])
    if issubclass(kind, KeysView | ValuesView | ItemsView):
        view = cast("KeysView[object]", obj)
        return Children(len(view), list(islice(view, breadth)))
    if issubclass(kind, Mapping):
        with no_queries():
            other = cast("Mapping[object, object]", obj)
            return Children(len(other), [], list(islice(other.items(), breadth)))
    return None


def _is_made(kind: type) -> bool:
    # Made reprs print a secret under its field's name and run the reprs of what they hold: we walk the fields instead.
    return any(
        mark in vars(base)
        for base in kind.__mro__
        for mark in ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__")
    )


def _attributes(obj: object, kind: type) -> Iterable[tuple[str, object]]:
    if kind.__dictoffset__:
        return list(vars(obj).items())
    names = getattr(kind, "__slots__", ())
    return [(name, object.__getattribute__(obj, name)) for name in names if isinstance(name, str)]


class _Refusing(threading.local):
    """Whether this thread is inside of `no_queries`: a repr in a repr asks for it again, and each time costs 8 us."""

    already = False


_refusing = _Refusing()


class no_queries:  # noqa: N801  (a context manager, called like one)
    """Refuse SQL on this thread's open Django connections: a `__repr__` that wants some fails instead."""

    __slots__ = ("_held",)

    def __enter__(self) -> None:
        self._held: list[tuple[Any, bool]] | None = None
        database = sys.modules.get("django.db")  # looked up, not imported: without Django loaded nothing can query
        if database is None or _refusing.already:
            return
        _refusing.already = True
        self._held = []
        for connection in database.connections.all(initialized_only=True):
            # As `connection.execute_wrapper()` does it, for a third of the time.
            self._held.append((connection, connection.needs_rollback))
            connection.execute_wrappers.append(_refuse)

    def __exit__(self, *exc_info: object) -> None:
        if self._held is None:
            return  # inside of another
        _refusing.already = False
        for connection, needed_rollback in self._held:
            connection.execute_wrappers.remove(_refuse)
            connection.needs_rollback = needed_rollback


def _refuse(execute: object, sql: object, params: object, many: object, context: object) -> object:
    # It has not reached the database. Django marks the host's transaction as broken all the same when a save() fails:
    # no_queries() takes that mark back.
    raise RuntimeError("a repr must not run a query")


def _choose(kind: type) -> Callable[[object], str]:
    names = {(base.__module__.partition(".")[0], base.__name__) for base in kind.__mro__}
    if ("django", "LazyObject") in names:
        return _lazy
    if ("django", "Promise") in names:
        return str  # a translation: no I/O
    if not names.isdisjoint((("django", "QuerySet"), ("django", "RawQuerySet"), ("django", "BaseManager"))):
        return _query_set
    if ("django", "Model") in names and hasattr(kind, "_meta"):
        return _model
    for base, describer in _BY_BASE:
        if issubclass(kind, base):
            return describer
    return _by_repr


def _lazy(obj: object) -> str:
    return "<lazy>"


def _query_set(obj: object) -> str:
    model = vars(obj).get("model")
    return f"<{type_name(type(obj))} from {type_name(model) if isinstance(model, type) else '?'}>"


def _model(obj: object) -> str:
    # Not str(): a model's __str__ likes to follow a foreign key, which is a query.
    meta = getattr(type(obj), "_meta")  # noqa: B009  (no such attribute in the types of the standard library)
    return f"<{meta.label} pk={vars(obj).get(meta.pk.attname)!r}>"


def _isoformat(obj: object) -> str:
    return cast("datetime.date | datetime.time", obj).isoformat()


def _class(obj: object) -> str:
    return f"<class {type_name(obj)}>" if isinstance(obj, type) else repr(obj)


def _by_repr(obj: object) -> str:
    if type(obj).__repr__ is object.__repr__:
        return f"<{type_name(type(obj))}>"
    with no_queries():
        text = repr(obj)
    return _ADDRESS.sub("", str.__str__(text))


_BY_BASE: tuple[tuple[type, Callable[[object], str]], ...] = (
    (datetime.date, _isoformat),
    (datetime.time, _isoformat),
    (datetime.timedelta, str),
    (decimal.Decimal, str),
    (uuid.UUID, str),
    (pathlib.PurePath, str),
    (enum.Enum, str),
    (type, _class),
)
_SEQUENCES: tuple[type[list[object]], ...] = cast(
    "tuple[type[list[object]], ...]", (list, tuple, set, frozenset, deque)
)
_MADE_MARKS = ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__")
_describers: dict[type, Callable[[object], str]] = {}
