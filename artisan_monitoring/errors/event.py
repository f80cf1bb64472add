"""One error on its way to the buffer: what saw it, and what a project's `BEFORE_SEND` may look at and change."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from django.http import HttpRequest

from ..core.records import AlertSeverity
from .grouping import Parts

PARTS = ("locals", "request", "trail", "context", "user")
"""What `Event.leave_out` may name."""


@dataclass(slots=True)
class Event:
    """An error before its sample is built, so that everything said here is redacted with the rest.

    `exception` is the object itself, never changed by us but for a mark; `request` is there if one runs. `message`,
    `type` and `tags` are filled in before `BEFORE_SEND` is called, the message redacted.
    """

    exception: BaseException
    handled: bool
    mechanism: str
    severity: AlertSeverity
    context: Mapping[str, object] | None = None
    request: HttpRequest | None = None
    logger: str = ""
    template: str = ""
    """Of a log record without an exception: its unformatted message, by which it is grouped."""
    type: str = ""
    message: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    fingerprint: Parts = None
    """What a single report says of its grouping; see `grouping`."""
    leave_out: AbstractSet[str] = frozenset()
    """Parts that its sample goes without (see `PARTS`): `event.leave_out |= {"locals"}`."""
