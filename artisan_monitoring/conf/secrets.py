"""The project's own secrets by value, so that they are taken out wherever they turn up.

They are looked for in all settings and in the environment: what stands under a name that announces a secret (and under
names of keys and DSNs, which in a request would say nothing), and passwords in URLs under any name. Paths, dotted
names and common words are none, whatever they are called: they would eat text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.conf import settings

from ..core.guard import guarded
from ..core.plain import is_lazy, unwrapped
from ..core.reach import SHORTEST, is_opaque, is_telling
from ..core.secret_names import QUERY_NAMES, is_secret_name, word_set, words_of

__all__ = ["SHORTEST", "Secret", "inventory", "secrets"]

DEPTH = 6
NODES = 5_000
LONGEST = 8_192

_KEYS = frozenset(("key", "keys", "dsn", "dsns"))
# What is said about a secret, not the secret: PASSWORD_HASHERS, CSRF_COOKIE_DOMAIN, KEY_PREFIX, TOKEN_MODEL.
_ABOUT = word_set("""
    age algorithm algorithms alias backend backends class classes domain engine field fields file files form function
    functions hasher hashers header headers id issuer length lifetime location method model models module name names
    origin origins path paths policy prefix samesite schema scheme serializer serializers size suffix template timeout
    type types uri url urls validator validators view views
""")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){1,8}")
_LOOKED_INTO = (str, bytes, Mapping, list, tuple, set, frozenset)
_OURS = "ARTISAN_MONITORING"
_NAMES_ONLY = ("REDACTION",)
"""In our own setting: holds names of secrets, no secret."""

_SENT_ALONG = "OTLP.HEADERS"
"""Sent to a collector: keys and tenants, whatever they are called."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value and where it stands, such as `settings.DATABASES.default.PASSWORD`."""

    place: str
    value: str = field(repr=False)


def secrets() -> tuple[str, ...]:
    """Return the values of the inventory, each once, without those that `REDACTION["ALLOW"]` calls harmless."""
    ours = getattr(settings, _OURS, None)
    redaction = ours.get("REDACTION") if isinstance(ours, Mapping) else None
    allowed = redaction.get("ALLOW") if isinstance(redaction, Mapping) else None
    names = allowed if isinstance(allowed, Collection) else ()
    harmless = {"".join(words_of(name)) for name in names if isinstance(name, str)}
    found = (each.value for each in inventory() if "".join(words_of(each.place.rpartition(".")[2])) not in harmless)
    return tuple(dict.fromkeys(found))


def inventory(*, fit: bool = True) -> Iterator[Secret]:
    """Yield every secret of the settings and the environment that may be removed wherever it stands.

    With `fit=False` yield the others: too short or too common, so that they would eat text.
    """
    return (each for each in _found() if each.value and is_telling(each.value) == fit)


def _found() -> Iterator[Secret]:
    walk = _Walk()
    # The lazy settings around it refuse an empty key, and from Django 6.1 on warn of the settings of mail.
    as_set = vars(settings)["_wrapped"]
    for name in sorted(dir(as_set)):
        if name.isupper():
            with guarded("conf.secrets"):  # a foreign mapping may do anything
                yield from list(walk.under(f"settings.{name}", name, getattr(as_set, name, None), DEPTH))
    for name, value in sorted(os.environ.items()):
        yield from walk.under(f"environment.{name}", name, value, 1)


class _Walk:
    """One walk through nested settings, and how many values it may still visit."""

    def __init__(self) -> None:
        self._left = NODES

    def under(self, place: str, name: str, value: object, depth: int, secret: bool = False) -> Iterator[Secret]:
        """Yield what is secret in the value of `name`; `secret` says that what it stands in is."""
        self._left -= 1
        kind = type(value)  # never isinstance(): on a lazy object `__class__` evaluates it
        if is_lazy(kind):
            value = unwrapped(value)
            kind = type(value)
        if depth < 0 or self._left < 0 or not issubclass(kind, _LOOKED_INTO) or is_lazy(kind):
            return
        announced = secret or _announces(name)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str):
            yield from (Secret(place, text) for text in _values(value, announced, name))
        elif isinstance(value, Mapping):
            # {"API_KEYS": {"stripe": ...}}: the name announces what is right below it, and nothing further down.
            announced = announced or place.endswith(_SENT_ALONG)
            for key, item in value.items():
                if not (name == _OURS and key in _NAMES_ONLY):
                    below = announced and isinstance(item, str | bytes) and not _is_about(str(key))
                    yield from self.under(f"{place}.{key}", str(key), item, depth - 1, below)
        elif isinstance(value, list | tuple | set | frozenset):
            for item in value:
                yield from self.under(place, name, item, depth - 1)


@lru_cache(maxsize=1_024)
def _announces(name: str) -> bool:
    words = words_of(name)
    while words and words[-1].isdigit():
        words.pop()
    if not words or words[-1] in _ABOUT:
        return False
    return words[-1] in _KEYS or "dsn" in words or is_secret_name(name)


def _is_about(name: str) -> bool:
    words = words_of(name)
    return bool(words) and words[-1] in _ABOUT


def _values(text: str, announced: bool, name: str) -> Iterator[str]:
    """Yield the secrets of one text: of a URL its password (and of a DSN or webhook the rest), else itself."""
    if len(text) > LONGEST:
        return
    if "://" in text:
        try:
            yield from _in_url(urlsplit(text), announced or "webhook" in words_of(name))
        except ValueError:
            pass
    elif announced and not _is_reference(text):
        # "Bearer x" and "x" alone: the key is what must not be seen.
        scheme, _, rest = text.partition(" ")
        yield rest if rest and scheme.lower() in ("bearer", "basic", "token") else text


def _in_url(url: SplitResult, secret: bool) -> Iterator[str]:
    """Yield secrets of a URL as they stand there and decoded."""
    parts = [url.password or ""]
    parts += [value for name, value in parse_qsl(url.query) if is_secret_name(name) or name.lower() in QUERY_NAMES]
    if secret:
        parts += [url.username or "", *(part for part in url.path.split("/") if is_opaque(part))]
    for part in filter(None, parts):
        yield part
        yield unquote(part)


def _is_reference(text: str) -> bool:
    """Say whether a text names something else: a class by its dotted path, a file."""
    if text.startswith(("/", "./", "../", "~/")) and text.count("/") > 1:
        return True
    return _DOTTED.fullmatch(text) is not None and not text.startswith("eyJ") and sum(map(str.isdigit, text)) < 4
