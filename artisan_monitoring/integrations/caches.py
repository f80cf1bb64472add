"""Calls of Django's caches on the trail of a failing request: which key, whether it was there, how long it took.

Django has no signal for them. Where `ERRORS["TRAIL"]` names `cache`, and only there, each cache object that Django
makes gets methods of its own around those of its class: no class is changed, and nothing else about the object.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from threading import get_ident
from time import perf_counter
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from ..conf import get_settings, on_settings_change
from ..core import context
from ..core.trail import CACHE, call

READS = ("get", "get_many", "has_key")
WRITES = ("set", "add", "touch", "delete", "incr", "set_many", "delete_many", "clear")
LONGEST_KEYS = 200
# Of a session's key the last part is what its cookie holds.
_SESSION = re.compile(r"(django\.contrib\.sessions\.(?:cached_db|cache))\w+")


class _Bound:
    """Whether cache calls are asked for, and whether Django's handler tells us of new caches already."""

    on = False
    wrapped = False


def watch(cache: BaseCache, alias: str) -> None:
    """Put a cache object's calls on the trail of whatever request makes them."""
    inside: set[int] = set()
    for name in (*READS, *WRITES):
        method = getattr(cache, name, None)
        if callable(method):
            setattr(cache, name, _noted(method, name, alias, inside))


def _noted(method: Callable[..., Any], name: str, alias: str, inside: set[int]) -> Callable[..., Any]:
    @wraps(method)
    def noted(*args: Any, **kwargs: Any) -> Any:
        thread = get_ident()
        # A backend's get_many may call its own get for each key: one call of the project is one entry.
        if not _Bound.on or context.observation.get() is None or thread in inside:
            return method(*args, **kwargs)
        inside.add(thread)
        began = perf_counter()
        result: Any = None
        try:
            result = method(*args, **kwargs)
        finally:
            inside.discard(thread)
            call(CACHE, began, f"{name} {_keys(args)}".rstrip(), _more(name, alias, args, kwargs, result))
        return result

    return noted


def _keys(args: tuple[Any, ...]) -> str:
    """Return which key, or keys, a call is about."""
    given = args[0] if args else ""
    if isinstance(given, str):
        keys = given
    else:
        keys = ", ".join(key for key in list(given)[:10] if isinstance(key, str)) if _is_plain(given) else ""
    return _SESSION.sub(r"\1[redacted]", keys[: 2 * LONGEST_KEYS])[:LONGEST_KEYS]


def _is_plain(given: object) -> bool:
    # An iterator must be left for the call that it was made for.
    return isinstance(given, list | tuple | set | frozenset | dict)


def _more(name: str, alias: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> dict[str, object]:
    more: dict[str, object] = {} if alias in ("", "default") else {"cache": alias}
    if name == "get":
        default = args[1] if len(args) > 1 else kwargs.get("default")
        more["hit"] = result is not default
    elif name == "has_key":
        more["hit"] = bool(result)
    elif name == "get_many" and isinstance(result, dict):
        more["hits"] = len(result)
    return more


def _watch_new() -> None:
    create = caches.create_connection

    @wraps(create)
    def create_connection(alias: str) -> BaseCache:
        cache = create(alias)
        watch(cache, alias)
        return cache

    caches.create_connection = create_connection  # type: ignore[method-assign]
    _Bound.wrapped = True


@on_settings_change
def bind() -> None:
    """Take over the settings."""
    chosen = get_settings()
    _Bound.on = chosen.ENABLED and CACHE in chosen.ERRORS.TRAIL
    if _Bound.on and not _Bound.wrapped:
        _watch_new()
        for cache in caches.all(initialized_only=True):
            watch(cache, "")  # made before this: Django does not say under which alias
