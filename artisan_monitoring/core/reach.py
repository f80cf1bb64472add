"""The secrets of the request that runs now, by value: its credentials, cookies, session and CSRF keys, passwords sent.

They are read from what the request has worked out already: nothing is parsed, loaded or evaluated for it. A request is
asked again only when it has got a new attribute (its session, its form): that costs 0.2 us, reading 5 to 20.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote

from .context import observation
from .needles import spellings
from .secret_names import is_secret_name, word_set

SHORTEST = 8
LONGEST = 4_096
MOST = 20
FIELDS = 60
"""Of headers, cookies, query and form so many names each are looked at: a stranger chooses how many there are, and a
name that was never seen takes 5 us."""

_HEADERS = ("HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION")
# Words that are set as a password, and stand in every second text.
COMMON = word_set("""
    password passwort passw0rd password1 changeme changeit changethis letmein1 secret12 secretkey secret-key insecure
    example1 postgres postgresql redis123 rabbitmq localhost username undefined anonymous testtest test1234 testing1
    administrator development production staging1 default1 django-insecure notasecret
""")
# An opaque value, as keys and tokens are: what a text must not hold to be remembered as harmless for everybody.
_OPAQUE = re.compile(r"[\w+=~-]{16,}|(?=[\w+=~-]*[0-9])[\w+=~-]{8,}")

_is_secret = lru_cache(maxsize=4_096)(is_secret_name)


class InReach:
    """Secrets as they stand, the longest first, and (made when first asked for) in their other spellings."""

    __slots__ = ("_spelled", "size", "values")

    def __init__(self, size: int, values: tuple[str, ...]) -> None:
        self.size = size
        """How many attributes the request had when it was asked."""
        self.values = values
        self._spelled: tuple[str, ...] | None = None

    @property
    def spelled(self) -> tuple[str, ...]:
        """The spellings other than the values themselves, the longest first. 10 us for each value, once."""
        if self._spelled is None:
            found = {spelling for value in self.values for spelling in spellings(value)}.difference(self.values)
            self._spelled = tuple(sorted(found, key=len, reverse=True))
        return self._spelled

    def replaced(self, text: str, by: str) -> str:
        """Return `text` with every secret replaced."""
        for value in self.values:
            if value in text:
                text = text.replace(value, by)
        if is_opaque(text):
            for value in self.spelled:
                if value in text:
                    text = text.replace(value, by)
        return text


NOTHING = InReach(0, ())
_outside: ContextVar[InReach] = ContextVar("artisan_secrets", default=NOTHING)


def in_reach() -> InReach:
    """Return the secrets of the running request."""
    running = observation.get()
    if running is None or running.request is None:
        return _outside.get()
    request = running.request()
    known = running.secrets
    size = 0 if request is None else len(request.__dict__)
    if known is not None and (request is None or known.size == size):
        return known
    found = running.secrets = InReach(size, () if request is None else secrets_of(request))
    return found


@contextmanager
def in_reach_of(request: object) -> Iterator[None]:
    """Run the block with the secrets of a request that nobody observes in reach."""
    if request is None or observation.get() is not None:
        yield
        return
    token = _outside.set(InReach(0, secrets_of(request)))
    try:
        yield
    finally:
        _outside.reset(token)


def secrets_of(request: object) -> tuple[str, ...]:
    """Return the secrets that a Django request holds, as far as it has read itself. Never raises."""
    try:
        own = vars(request)
        found = {value for value in _of(own) if is_telling(value)}
    except Exception:  # a request of another make
        return ()
    return tuple(sorted(found, key=len, reverse=True)[:MOST])


def is_telling(value: str) -> bool:
    """Say whether a secret may be removed wherever it stands: long enough, and no common word or number."""
    if not SHORTEST <= len(value) <= LONGEST or value.lower() in COMMON:
        return False
    return len(set(value)) >= 4 and not (value.isdigit() and len(value) < 10)


def is_opaque(text: str) -> bool:
    """Say whether a text holds what may be somebody's key."""
    return _OPAQUE.search(text) is not None


def _of(own: Mapping[str, Any]) -> Iterator[str]:
    meta = own.get("META") or {}
    headers = [key for key in meta if type(key) is str and key.startswith("HTTP_")][:FIELDS]
    for key in headers:
        value = meta[key]
        if type(value) is str and _is_secret(key):
            if key == "HTTP_COOKIE":
                yield from _cookies(value)
            elif key in _HEADERS:
                yield from _credentials(value)
            else:
                yield value
    yield from _texts((meta.get("CSRF_COOKIE"),))
    session = own.get("session")
    if session is not None:
        yield from _texts((vars(session).get("_SessionBase__session_key"),))
    query = meta.get("QUERY_STRING")
    if query:
        pairs = parse_qsl(query[:LONGEST])[:FIELDS]
        yield from (value for name, value in pairs if _is_secret(name))
    yield from _form(own)


def _cookies(header: str) -> Iterator[str]:
    """Yield cookies that are secret by name, and those that look it: most others are preferences."""
    for pair in header[: 4 * LONGEST].split(";", FIELDS)[:FIELDS]:
        name, _, value = pair.strip().partition("=")
        value = value.strip('"')
        if _is_secret(name) or (len(value) >= 16 and is_opaque(value) and any(map(str.isdigit, value))):
            yield value
            yield unquote(value)


def _credentials(header: str) -> Iterator[str]:
    scheme, _, value = header.partition(" ")
    value = value.strip() or scheme
    yield value
    if scheme.lower() == "basic":  # RFC 7617
        try:
            decoded = base64.b64decode(value + "=" * (-len(value) % 4)).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return
        yield decoded.partition(":")[2]


def _form(own: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a form that was parsed holds under secret names, or under those that a view declared sensitive."""
    form = own.get("_post")
    if not form:
        return
    sensitive = own.get("sensitive_post_parameters") or ()
    everything = sensitive == "__ALL__"
    for name, values in islice(form.lists(), FIELDS):
        if _is_secret(name) or (not everything and name in sensitive):
            yield from _texts(values)
        elif everything:
            yield from (value for value in _texts(values) if is_opaque(value))


def _texts(values: Iterable[object]) -> Iterator[str]:
    return (value for value in values if type(value) is str)
