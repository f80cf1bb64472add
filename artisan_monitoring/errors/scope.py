"""What a project says about the code that runs: context for a block, tags for a unit of work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from ..conf import redactor
from ..core import trail
from ..core.guard import guarded
from ..core.plain import no_queries
from ..core.reprs import SafeRepr, clean_text
from .marks import current_unit, own_attributes

P = ParamSpec("P")
R = TypeVar("R")

MARK = "_artisan_scope"
TAGS = 20
TAG_NAME, TAG_VALUE = 32, 200
CONTEXT_KEYS = 50


@dataclass(frozen=True, slots=True)
class Said:
    """Context and tags in force."""

    context: Mapping[str, object]
    tags: Mapping[str, object]


_NOTHING = Said({}, {})
_said: ContextVar[Said] = ContextVar("artisan_scope", default=_NOTHING)


class Scope:
    """Add context and tags inside a block, or inside each call of a function: `with`, `async with`, decorator.

    An exception that leaves the block takes along what was said in it: Django's signal comes only when the view's
    blocks have ended.
    """

    __slots__ = ("_before", "_context", "_tags")

    def __init__(self, context: Mapping[str, object], tags: Mapping[str, object]) -> None:
        self._context, self._tags = context, tags
        self._before: list[Said] = []

    def __enter__(self) -> None:
        before = _said.get()
        self._before.append(before)
        _said.set(Said({**before.context, **self._context}, {**before.tags, **self._tags}))

    def __exit__(self, kind: object, exc: BaseException | None, traceback: TracebackType | None) -> None:
        if exc is not None:
            with guarded("errors.scope"):
                _attach(exc, _said.get())
        # Not by a token: under `sync_to_async` a block may end in another context than it began in.
        _said.set(self._before.pop() if self._before else _NOTHING)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, kind: object, exc: BaseException | None, traceback: TracebackType | None) -> None:
        self.__exit__(kind, exc, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, sync or async."""
        if iscoroutinefunction(function):

            @wraps(function)
            async def within_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with Scope(self._context, self._tags):
                    return await function(*args, **kwargs)

            return cast("Callable[P, R]", within_async)

        @wraps(function)
        def within(*args: P.args, **kwargs: P.kwargs) -> R:
            with Scope(self._context, self._tags):
                return function(*args, **kwargs)

        return within


def set_tag(name: str, value: object) -> None:
    """Tag what runs until it ends; the twenty-first tag is not taken."""
    tags = trail.here().tags
    if name in tags or len(tags) < TAGS:
        tags[name] = value


def tags_of(excs: Sequence[BaseException]) -> dict[str, str]:
    """Return the tags in force for an error with this chain, as short redacted text: the innermost say wins."""
    observation = trail.running()
    wide = observation.trail.tags if observation is not None and observation.trail is not None else {}
    said = _said.get().tags
    kept = [mark[2] for exc in excs if (mark := own_attributes(exc).get(MARK))]
    if not (wide or said or kept):
        return {}
    tags = tags_as_text({**wide, **said})
    for each in reversed(kept):
        tags.update(each)
    return tags


def context_of(excs: Sequence[BaseException], given: Mapping[str, object] | None) -> dict[str, object]:
    """Return what was said about the code around an error, and with it: raw values, or text that is redacted."""
    merged: dict[str, object] = dict(_said.get().context)
    for exc in reversed(excs):
        if mark := own_attributes(exc).get(MARK):
            merged.update(mark[1])
    return {**merged, **(given or {})}


def tags_as_text(tags: Mapping[str, object]) -> dict[str, str]:
    """Return tags as they are stored."""
    return {clean_text(str(name), TAG_NAME): _as_text(str(name), tags[name], TAG_VALUE) for name in list(tags)[:TAGS]}


def _attach(exc: BaseException, said: Said) -> None:
    """Leave what is in force on the exception, as plain text: it may be pickled by whoever carries it on."""
    unit = current_unit()
    own = own_attributes(exc)
    mark = own.get(MARK)
    if mark is not None and mark[0] == unit:
        return  # an inner block has said it all: what is in force there holds what is said around it
    with no_queries():
        context = {str(key): _as_text(str(key), said.context[key], 1_000) for key in list(said.context)[:CONTEXT_KEYS]}
        own[MARK] = (unit, context, tags_as_text(said.tags))


def _as_text(name: str, value: object, limit: int) -> str:
    redact = redactor()
    if type(value) is str and not redact.is_secret_key(name):
        return clean_text(redact.clip(value, limit), limit)
    return SafeRepr(redact).named(name, value)[:limit]
