"""Merging a project's dictionary over the defaults, and saying what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from .options import CHOICES, MonitoringSettings
from .section import Section

SETTING = "ARTISAN_MONITORING"


class Problem(NamedTuple):
    """What is wrong with one key: `kind` is `unknown`, `type` or `choice`; `hint` says what to do."""

    kind: str
    key: str
    message: str
    hint: str


def resolve(user: object) -> tuple[MonitoringSettings, list[Problem]]:
    """Merge the project's dictionary over the defaults.

    What is wrong is returned as problems for the system checks, and its default used: a typing error in a setting
    must not take the site down.
    """
    problems: list[Problem] = []
    if not isinstance(user, Mapping):
        problems.append(Problem("type", SETTING, f"{SETTING} is not a dictionary.", "Make it a dictionary."))
        user = {}
    return _build(MonitoringSettings, user, "", problems), problems


def _build(kind: Any, user: Mapping[object, object], prefix: str, problems: list[Problem]) -> Any:
    known = kind.declared
    hints = _hints(kind)
    accepted: dict[str, object] = {}
    for key, value in user.items():
        path = f"{prefix}{key}"
        if not isinstance(key, str) or key not in known:
            near = difflib.get_close_matches(str(key).upper(), known, n=1, cutoff=0.5)
            hint = f"Did you mean {prefix}{near[0]}?" if near else f"Known keys: {', '.join(sorted(known))}."
            problems.append(Problem("unknown", path, f"{SETTING} has no key {path!r}.", hint))
        elif isinstance(hints[key], type) and issubclass(hints[key], Section):
            accepted[key] = _build_section(hints[key], value, path, problems)
        else:
            taken = value
            if isinstance(value, list | set) and get_origin(hints[key]) is tuple:
                taken = tuple(value)
            problem = _problem(path, taken, hints[key], known[key].reason)
            if problem is None:
                accepted[key] = taken
            else:
                problems.append(problem)
    return kind(**accepted)


def _build_section(kind: Any, value: object, path: str, problems: list[Problem]) -> Any:
    if isinstance(value, Mapping):
        return _build(kind, value, f"{path}.", problems)
    problems.append(Problem("type", path, f"{SETTING}[{path!r}] is not a dictionary.", "Make it a dictionary."))
    return kind()


def _problem(path: str, value: object, hint: Any, reason: str) -> Problem | None:
    if not _fits(value, hint):
        wanted = getattr(hint, "__name__", None) if get_origin(hint) is None else str(hint)
        message = f"{SETTING} {path} is {type(value).__name__}, not {wanted}."
        return Problem("type", path, message, f"Why it exists: {reason}")
    if path in CHOICES and value not in CHOICES[path]:
        return Problem("choice", path, f"{SETTING} {path} is {value!r}.", f"Use one of {', '.join(CHOICES[path])}.")
    return None


def _fits(value: object, hint: Any) -> bool:
    """Say whether a value has the declared type; an `int` is a fine `float`, a `bool` is not a fine `int`."""
    if hint is Any:
        return True
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, arguments[0]) for each in value)
    if origin is not None:
        return isinstance(value, origin)
    if hint in (int, float):
        return isinstance(value, int | hint) and not isinstance(value, bool)
    return isinstance(value, hint)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
