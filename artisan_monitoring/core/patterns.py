"""Regular expressions that are compiled when they are first used: most processes never need most of them."""

from __future__ import annotations

import re
from typing import cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "split", "sub", "subn", "pattern", "flags")


class _Lazy:
    """Takes over the methods of its pattern at the first look at one; from then on they cost what the pattern's do."""

    def __init__(self, source: str, flags: int) -> None:
        self._source = source, flags

    def __getattr__(self, name: str) -> object:
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(*self._source)
        vars(self).update({each: getattr(compiled, each) for each in _METHODS})
        return getattr(compiled, name)


def lazily(source: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern as `re.compile` does, compiled at its first use. It has the methods and the source, no more."""
    return cast("re.Pattern[str]", _Lazy(source, flags))
