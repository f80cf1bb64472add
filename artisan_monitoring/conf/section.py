"""A section of the settings: keys with a type, a default, and the reason for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple


class Option(NamedTuple):
    """What is declared of a key. A section's default is its class."""

    default: Any
    reason: str

    def made(self) -> Any:
        """Return the default for one instance: a dictionary of its own, a section of its own."""
        if isinstance(self.default, type):
            return self.default()
        return dict(self.default) if isinstance(self.default, dict) else self.default


def option(default: Any, reason: str) -> Any:
    """Declare a key: its default, and why it is that."""
    return Option(default, reason)


def section(kind: type[Section], reason: str) -> Any:
    """Declare a key whose value is a dictionary with keys of its own."""
    return Option(kind, reason)


class Section:
    """The annotated attributes of a subclass are its keys; an instance holds what was chosen over their defaults.

    Not a dataclass: compiling its methods takes half a millisecond for each class, and every process of a site has to
    start. Without a `repr`: tokens are among the values.
    """

    declared: ClassVar[Mapping[str, Option]] = {}

    def __init_subclass__(cls) -> None:
        cls.declared = {key: vars(cls)[key] for key in cls.__annotations__}

    def __init__(self, **chosen: Any) -> None:
        for key in chosen:
            if key not in self.declared:
                raise TypeError(f"{type(self).__name__} has no key {key!r}")
        vars(self).update({key: each.made() for key, each in self.declared.items() if key not in chosen}, **chosen)

    def __setattr__(self, key: str, value: object) -> None:
        raise AttributeError(f"settings are not changed in place: {key}")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(type(self))  # what it holds may be a dictionary
