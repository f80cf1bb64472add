"""The redactor: a copy of anything as plain JSON values with the secrets in it replaced, made before it is buffered."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import TypeAlias, cast

from .needles import Needles
from .personal import Personal
from .plain import Children, broken, children, describe, is_lazy, type_name, unwrapped
from .reach import in_reach, is_opaque
from .secret_names import is_countable_name, is_secret_name, words_of
from .secret_values import MASK, mask_text

__all__ = ["MASK", "Json", "Redactor"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

LONGEST_TEXT = 8_192
# Text is cut for good only this far before the place where it was cut for the search: half a secret is not recognised.
OVERLAP = 4_096
# depth 6 by breadth 100 would still be 10^12 values: what one call may visit.
NODES = 2_000
_KEYS_REMEMBERED = 4_096
_CLEAN_REMEMBERED = 1_024
_LONGEST_REMEMBERED = 200
_PLAIN = frozenset((int, float, bool, type(None)))
_INT64 = 2**63
_SHORTEST_CARD = 10**12


class Redactor:
    """Take secrets out of text, keys and nested values. Never in place, never raising, never evaluating a lazy object.

    `extra_keys` are further secret names, `allow` names that are never secret (it wins), `secrets` exact values (of 6
    characters or more) that are removed wherever they stand, also URL-quoted, JSON-escaped or in base64; so are those
    of the request that runs now. `personal` masks what belongs to a person. Instances are safe to share between
    threads.
    """

    __slots__ = ("_allow", "_clean", "_extra", "_known", "_needles", "_personal")

    def __init__(
        self,
        extra_keys: Iterable[str] = (),
        allow: Iterable[str] = (),
        secrets: Iterable[str] = (),
        personal: Personal | None = None,
    ) -> None:
        self._extra = frozenset(filter(None, ("".join(words_of(key)) for key in extra_keys)))
        self._allow = frozenset("".join(words_of(key)) for key in allow)
        self._known: dict[str, bool] = {}
        self._clean: set[str] = set()
        self._needles = Needles(secrets)
        self._personal = personal

    def with_secrets(self, secrets: Iterable[str]) -> Redactor:
        """Return a redactor that also removes these values (those of one request, say)."""
        other = Redactor(secrets=(*self._needles.values, *secrets), personal=self._personal)
        other._extra, other._allow, other._known = self._extra, self._allow, self._known
        return other

    def is_secret_key(self, key: str) -> bool:
        """Tell whether what stands under this key is secret, judged by the key's words. About 60 ns when known."""
        known = self._known.get(key)
        if known is None:
            known = is_secret_name(key, self._extra) and "".join(words_of(key)) not in self._allow
            if len(key) <= _LONGEST_REMEMBERED:
                if len(self._known) >= _KEYS_REMEMBERED:
                    self._known.clear()
                self._known[key] = known
        return known

    def text(self, text: str) -> str:
        """Return `text` without secrets: the same object if there are none."""
        if type(text) is not str:
            text = str.__str__(text)
        if text in self._clean:
            return text
        return self._text(text)

    def code(self, text: str) -> str:
        """Return source code without the project's secrets.

        It is the same for every request: read once, and part of an error's fingerprint, which what a visitor sent must
        not change.
        """
        return mask_text(self._needles.replaced(text, MASK), self.is_secret_key)

    def _text(self, text: str) -> str:
        masked = self._needles.replaced(text, MASK)
        if (reach := in_reach()).values:
            masked = reach.replaced(masked, MASK)
        masked = mask_text(masked, self.is_secret_key)
        if self._personal is not None:
            masked = self._personal.masked(masked)
        if masked == text:
            if len(text) <= _LONGEST_REMEMBERED and not is_opaque(text):
                # Paths, user agents and messages come again and again. Not what may hold a key: the next request's.
                if len(self._clean) >= _CLEAN_REMEMBERED:
                    self._clean.clear()
                self._clean.add(text)
            return text
        return masked

    def clip(self, text: str, limit: int = LONGEST_TEXT) -> str:
        """Return at most `limit` characters of `text`, redacted; no part of a secret survives at the cut."""
        if len(text) <= limit:
            return self.text(text)
        masked = self.text(text[: limit + OVERLAP])
        if len(text) <= limit + OVERLAP:
            return masked[:limit]
        return masked[: max(0, min(limit, len(masked) - OVERLAP))]

    def value(self, obj: object, depth: int = 6, breadth: int = 100) -> Json:
        """Return a redacted copy of `obj` of None, bool, int (64 bit), float (finite), str, list and dict only.

        What is deeper than `depth`, beyond `breadth` items of a container, or over 8,192 characters is left out, and
        the copy says so in its place.
        """
        return _Copy(self, breadth).of(obj, depth)

    def pair(self, key: object, obj: object) -> Json:
        """Return `obj` redacted as what stands under `key`."""
        return _Copy(self, 100).under(key, obj, 6)

    def copy(self, obj: object, depth: int = 6, breadth: int = 100) -> tuple[Json, bool]:
        """Return what `value` returns, and whether anything was left out for its size."""
        copy = _Copy(self, breadth)
        return copy.of(obj, depth), copy.cut


class _Copy:
    """One walk through nested values: what it may still visit, and the containers it is inside of."""

    __slots__ = ("_breadth", "_inside", "_left", "_redactor", "cut")

    def __init__(self, redactor: Redactor, breadth: int) -> None:
        self._redactor = redactor
        self._breadth = breadth
        self._left = NODES
        self._inside: set[int] = set()
        self.cut = False

    def of(self, obj: object, depth: int) -> Json:
        try:
            return self._of(obj, depth)
        except Exception:  # the object's own methods: RecursionError and everything else
            return broken(obj)

    def under(self, key: object, obj: object, depth: int) -> Json:
        name = self._name(key)
        if not self._redactor.is_secret_key(name):
            return self.of(obj, depth)
        kind = type(obj)
        if obj is None or kind is bool or (kind in (int, float) and is_countable_name(name)):
            return self.of(obj, depth)
        return MASK

    def _of(self, obj: object, depth: int) -> Json:
        kind = type(obj)
        if kind is str or issubclass(kind, str):
            return self._text(str.__str__(cast("str", obj)))
        if kind in _PLAIN:
            return self._number(cast("int | float | None", obj))
        if issubclass(kind, int):  # an IntEnum: its own methods may do anything
            return self._number(int.__int__(cast("int", obj)))
        if issubclass(kind, float):
            return self._number(float.__float__(cast("float", obj)))
        if issubclass(kind, bytes | bytearray | memoryview):
            return self._bytes(cast("bytes | bytearray | memoryview", obj))
        if is_lazy(kind) and (inner := unwrapped(obj)) is not obj:
            return self.of(inner, depth)
        if (inside := children(obj, self._breadth)) is None:
            return self._text(describe(obj))
        return self._container(obj, inside, depth)

    def _number(self, number: int | float | None) -> Json:
        if number is None or isinstance(number, bool):
            return number
        if isinstance(number, int):
            return number if -_SHORTEST_CARD < number < _SHORTEST_CARD else self._long_number(number)
        return number if math.isfinite(number) else None

    def _long_number(self, number: int) -> Json:
        if not -_INT64 <= number < _INT64:  # beyond 64 bits no two JSON readers agree
            return self._text(str(number)) if number.bit_length() <= 512 else f"<int of {number.bit_length()} bits>"
        text = str(number)
        return number if self._redactor.text(text) == text else MASK

    def _text(self, text: str) -> str:
        if len(text) <= LONGEST_TEXT:
            return self._redactor.text(text)
        self.cut = True
        clipped = self._redactor.clip(text)
        return f"{clipped}[+{len(text) - len(clipped)} characters]"

    def _bytes(self, raw: bytes | bytearray | memoryview) -> str:
        start = bytes(memoryview(raw)[: LONGEST_TEXT + OVERLAP])
        return self._text(start.decode("utf-8", "backslashreplace"))

    def _name(self, key: object) -> str:
        if type(key) is str:
            return key
        try:
            if isinstance(key, bytes):
                return key.decode("latin-1")
            copied = self._of(key, 1)
            return copied if isinstance(copied, str) else json.dumps(copied)
        except Exception:
            return broken(key)

    def _container(self, obj: object, inside: Children, depth: int) -> Json:
        if id(obj) in self._inside:
            return "<cycle>"
        if depth <= 0 or self._left <= 0:
            self.cut = True
            return f"<{type_name(type(obj))} left out>"
        self._inside.add(id(obj))
        self._left -= 1 + len(inside.named or inside.items)
        try:
            copied: list[Json] | dict[str, Json]
            if inside.named is not None:
                copied = self._mapping(inside.named, depth - 1)
            else:
                copied = [self._item(item, depth - 1) for item in inside.items]
            return self._with_rest(copied, inside.size)
        finally:
            self._inside.discard(id(obj))

    def _with_rest(self, copied: list[Json] | dict[str, Json], size: int) -> Json:
        if size > len(copied):
            self.cut = True
            rest = f"<{size - len(copied)} more>"
            if isinstance(copied, dict):
                copied["..."] = rest
            else:
                copied.append(rest)
        return copied

    def _mapping(self, items: list[tuple[object, object]], depth: int) -> dict[str, Json]:
        copied: dict[str, Json] = {}
        told = told_name(items)
        for key, item in items:
            name = self._name(key)
            safe = self._redactor.clip(name, _LONGEST_REMEMBERED)
            while safe in copied:
                safe += "_"
            copied[safe] = self.under(told if told is not None and name == "value" else name, item, depth)
        return copied

    def _item(self, item: object, depth: int) -> Json:
        if type(item) in (list, tuple):
            # [[name, value], ...] is how headers come from ASGI and many clients.
            pair = cast("list[object] | tuple[object, ...]", item)
            if len(pair) == 2 and type(pair[0]) in (str, bytes):
                name = self._name(pair[0])
                if self._redactor.is_secret_key(name):
                    return [name, self.under(name, pair[1], depth - 1)]
        return self.of(item, depth)


def told_name(items: list[tuple[object, object]]) -> str | None:
    """Return what `{"name": "Authorization", "value": "..."}` names: how HAR files and many clients write a header."""
    for key, item in items:
        if type(key) is str and key in ("name", "key") and type(item) is str:
            return item
    return None
