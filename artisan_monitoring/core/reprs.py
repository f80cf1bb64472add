"""Show a frame's variables as short, redacted text without trusting them: nothing lazy is evaluated, nothing raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

from .plain import broken, describe
from .redaction import MASK, Redactor, told_name

DEPTH = 5
BREADTH = 10
LENGTH = 300
# Depth 5 by breadth 10 would still be 100,000 objects: this bounds what one variable may cost.
NODES = 120
# Secrets are looked for in a longer piece than is shown, so that cutting does not make one unrecognisable.
LOOKAHEAD = 4_000

_CODE = (FunctionType, MethodType, BuiltinFunctionType, ModuleType, type)
_PLAIN = frozenset({int, float, bool, type(None), complex})
_MAX_KINDS = 2_000
_SEQUENCES: dict[type, tuple[Callable[[object], Iterator[object]], str, str]] = {
    list: (list.__iter__, "[", "]"),  # type: ignore[dict-item]
    tuple: (tuple.__iter__, "(", ")"),  # type: ignore[dict-item]
    set: (set.__iter__, "{", "}"),  # type: ignore[dict-item]
    frozenset: (frozenset.__iter__, "{", "}"),  # type: ignore[dict-item]
}


def clean_text(text: str, limit: int = 1_000) -> str:
    """Return text that any database and JSON encoder takes: cut, no NUL, no lone surrogate."""
    if len(text) <= limit and text.isascii() and "\x00" not in text:
        return text
    text = text[: limit + 1]
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()  # an escape is longer: cut after it
    return text if len(text) <= limit else text[: limit - 1] + "…"


def dotted_name(kind: type) -> str:
    """Return a class's dotted name; built-in ones without their module."""
    module, name = kind.__module__, kind.__qualname__
    return str(name) if not isinstance(module, str) or module == "builtins" else f"{module}.{name}"


class SafeRepr:
    """Turn objects into redacted one-line text. One is made per captured error; it is not thread-safe.

    Unlike `Redactor.value` it keeps Python's spelling: a string has its quotes, a tuple is no list.
    """

    __slots__ = ("_clean", "_inside", "_is_secret", "_known", "_nodes")

    def __init__(self, redactor: Redactor) -> None:
        self._clean = redactor.text
        self._is_secret = redactor.is_secret_key
        self._nodes = 0
        self._inside: set[int] = set()
        self._known: dict[int, tuple[object, str]] = {}

    def named(self, name: str, value: object) -> str:
        """Return `value` as text, or the mask where `name` says that it is secret."""
        if self._is_secret(name) and value is not None and not issubclass(type(value), _CODE):
            return MASK
        if type(value) is str or type(value) in _PLAIN:
            return clean_text(self._show(value, DEPTH), LENGTH)
        # The same `self` and `request` are in frame after frame. Held, so that its id stays its own.
        known = self._known.get(id(value))
        if known is None:
            self._nodes = 0
            known = self._known[id(value)] = (value, clean_text(self._show(value, DEPTH), LENGTH))
        return known[1]

    # The hot path: called for each variable and what is in it, some 80 times a sample.
    def _show(self, value: object, depth: int) -> str:
        kind = type(value)  # never isinstance(): on a lazy object `__class__` evaluates it
        try:
            if kind is str:
                return repr(self._clean(value[:LOOKAHEAD])[:LENGTH])  # type: ignore[index]
            if kind in _PLAIN:
                text = repr(value)  # a card number is a secret as an int too
                return self._clean(text) if len(text) > 12 else text
            shower = _showers.get(kind) or _shower(kind)
            if shower is _TEXT:
                return self._text(value)
            self._nodes += 1
            if depth <= 0 or self._nodes > NODES:
                return "…"
            inside, key = self._inside, id(value)
            if key in inside:
                return "<cycle>"
            inside.add(key)
            try:
                return shower(self, value, kind, depth)
            finally:
                inside.discard(key)
        except Exception:
            return broken(value)

    def _text(self, value: object) -> str:
        # The base classes' own methods: a subclass may have replaced them by anything.
        if issubclass(type(value), str):
            text = str.__getitem__(value, slice(LOOKAHEAD))  # type: ignore[index]
            return repr(self._clean(text)[:LENGTH])
        text = bytes(memoryview(value)[:LOOKAHEAD]).decode("latin-1")  # type: ignore[arg-type]
        return "b" + repr(self._clean(text)[:LENGTH])

    def _as_text(self, value: object, kind: type, depth: int) -> str:
        return self._text(value)

    def _sequence(self, value: object, kind: type, depth: int) -> str:
        base = next(each for each in _SEQUENCES if issubclass(kind, each))
        iterate, left, right = _SEQUENCES[base]
        prefix = kind.__qualname__ if kind not in _SEQUENCES or base is frozenset else ""
        if (base is list or base is tuple) and base.__len__(value) == 2:  # type: ignore[arg-type]
            # A name and its value: how headers come from ASGI and many clients, alone or as a list of them.
            first, second = iterate(value)
            named = first.decode("latin-1") if type(first) is bytes else first
            return f"{prefix}{left}{self._show(first, depth - 1)}, {self._under(named, second, depth)}{right}"
        items = list(islice(iterate(value), BREADTH + 1))
        shown = [self._show(item, depth - 1) for item in items[:BREADTH]]
        return f"{prefix}{left}{_listed(shown, len(items))}{right}"

    def _mapping(self, value: object, kind: type, depth: int) -> str:
        mapping: dict[object, object] = value  # type: ignore[assignment]
        items = list(islice(dict.items(mapping), BREADTH + 1))
        told = told_name(items)
        pairs: list[str] = []
        for key, item in items[:BREADTH]:
            # Most are short strings under strings: in place, for half the time.
            name = told if told and key == "value" else key
            if type(name) is not str:
                shown = self._under(name, item, depth)
            elif self._is_secret(name):
                shown = MASK
            else:
                shown = (
                    repr(self._clean(item)) if type(item) is str and len(item) < LENGTH else self._show(item, depth - 1)
                )
            pairs.append(f"{self._show(key, depth - 1)}: {shown}")
        return ("" if kind is dict else kind.__qualname__) + "{" + _listed(pairs, len(items)) + "}"

    def _attributes(self, value: object, kind: type, depth: int) -> str:
        """Show the object's own attributes by name, so that a `password` among them is masked."""
        names = getattr(kind, "_fields", ()) if issubclass(kind, tuple) else ()
        own = list(zip(names, tuple.__iter__(value), strict=False)) if names else list(vars(value).items())  # type: ignore[arg-type]
        pairs = [f"{name}={self._under(name, item, depth)}" for name, item in own[:BREADTH]]
        return f"{kind.__qualname__}({_listed(pairs, len(own))})"

    def _under(self, name: object, item: object, depth: int) -> str:
        if issubclass(type(name), str) and self._is_secret(str.__str__(name)):
            return MASK
        return self._show(item, depth - 1)

    def _code(self, value: object, kind: type, depth: int) -> str:
        if isinstance(value, ModuleType):
            return f"<module {value.__name__}>"
        if isinstance(value, type):
            return f"<class {dotted_name(value)}>"
        home = getattr(value, "__module__", None)
        return f"<{kind.__name__} {home}.{getattr(value, '__qualname__', '?')}>"

    def _described(self, value: object, kind: type, depth: int) -> str:
        return self._clean(describe(value)[:LOOKAHEAD])


def _listed(shown: list[str], size: int) -> str:
    return ", ".join(shown) if size <= BREADTH else ", ".join((*shown, "…"))


_Shower = Callable[[SafeRepr, object, type, int], str]
_showers: dict[type, _Shower] = {}
_TEXT: _Shower = SafeRepr._as_text


def _shower(kind: type) -> _Shower:
    shower = _showers.get(kind)
    if shower is None:
        if len(_showers) >= _MAX_KINDS:  # classes made at run time must not pile up
            _showers.clear()
        shower = _showers[kind] = _choose(kind)
    return shower


def _choose(kind: type) -> _Shower:
    if issubclass(kind, str | bytes | bytearray):
        return _TEXT
    if issubclass(kind, dict):
        return SafeRepr._mapping
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return SafeRepr._attributes
    if issubclass(kind, tuple(_SEQUENCES)):
        return SafeRepr._sequence
    if issubclass(kind, _CODE):
        return SafeRepr._code
    # A made repr (dataclass, attrs, pydantic) prints a secret under its field's name; one that is missing says nothing.
    made = any(hasattr(kind, mark) for mark in ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__"))
    if (made or kind.__repr__ is object.__repr__) and kind.__dictoffset__ and not _is_djangos(kind):
        return SafeRepr._attributes
    return SafeRepr._described


def _is_djangos(kind: type) -> bool:
    """Tell whether a class is one that `describe` knows better than its attributes would (lazy objects, models)."""
    names = {"LazyObject", "Promise", "QuerySet", "RawQuerySet", "BaseManager", "Model"}
    return any(base.__name__ in names and base.__module__.startswith("django.") for base in kind.__mro__)
