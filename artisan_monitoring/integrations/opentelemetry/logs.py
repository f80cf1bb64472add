"""Log records by OTLP: from the loggers into the buffer, and from the outbox to the endpoint."""

from __future__ import annotations

import logging
import socket
import time

from ...conf import get_settings
from ...core.guard import guarded
from ...logs.forwarding import ForwardingHandler, shared_formatter, silent
from ...metrics.collector import metrics_collector
from ...models import LogOutbox
from ...pipeline.buffer import buffer
from ...pipeline.flusher import flusher
from ...stores.base import Store
from . import KIND
from .log_encoding import log_request
from .outbox import Parcel, expire, parcels, remove
from .sending import LOGS, NotExported, post, ready, refused_records

LOGGER = "artisan_monitoring.otlp"
HURRY_AT = 500
"""Records in the buffer from which on it is flushed at once: it takes 1,000 of a kind."""

REFUSED = (400, 413, 422)
"""What says that this request will never be taken. Any other answer is about the endpoint, and the lines wait."""

_logger = logging.getLogger(LOGGER)
_records = metrics_collector.handle("artisan.otlp.log_records", unit="{record}", kind="counter")
_waiting = metrics_collector.handle("artisan.otlp.log_outbox", unit="{record}", kind="gauge", combine="last")


# -- from the loggers into the buffer ----------------------------------------------------------------------------------


class _Attached:
    """The handler of this process, while there is one."""

    handler: ForwardingHandler | None = None
    host = ""


def wanted() -> bool:
    """Say whether log records are exported."""
    chosen = get_settings()
    return bool(chosen.ENABLED and chosen.OTLP.LOGS) and ready()


def attach() -> None:
    """Listen to the root logger, or cease to, as the settings say; also where LOGGING has been set up anew since."""
    root, known = logging.getLogger(), _Attached.handler
    if not wanted():
        if known is not None:
            root.removeHandler(known)
            _Attached.handler = None
        return
    chosen = get_settings()
    level = logging.getLevelName(chosen.OTLP.LOGS)
    if known is not None and known in root.handlers and known.level == level:
        return
    if known is not None:
        root.removeHandler(known)
    _Attached.host = chosen.HOST or socket.gethostname()
    handler = ForwardingHandler(forward, level, without=LOGGER)
    handler.setFormatter(shared_formatter())
    root.addHandler(handler)
    _Attached.handler = handler


def forward(line: str, level: int) -> None:
    """Put a finished line into the buffer. Beyond 1,000 a flush they are counted as dropped (`log.full`)."""
    # Under the name of samples, which is what a batch gives up first where the inbox is full.
    buffer.add_record(KIND, {"level": level, "host": _Attached.host, "samples": [line]})
    if buffer.records >= HURRY_AT:
        flusher.hurry()


# -- from the outbox to the endpoint -----------------------------------------------------------------------------------


def export_logs(store: Store, until: float) -> int:
    """Send what waits in the outbox, and return how many records the endpoint took.

    Each request's lines are deleted when it is answered: only where the answer, or the deletion, is lost, are they sent
    again. Raise `NotExported` where the endpoint did not answer for them: they wait.
    """
    using = get_settings().DATABASE
    quiet = silent.set(True)
    try:
        expire(time.time(), using)
        return _export(using, until)
    finally:
        silent.reset(quiet)
        with guarded("otlp.log_outbox"):
            _waiting.set(LogOutbox.objects.using(using).waiting(0.0)[0])


def _export(using: str, until: float) -> int:
    taken = 0
    for parcel in parcels(using):
        # What is left waits for the next run. One that was paused beyond its lease does not send what another may.
        if time.monotonic() > until:
            break
        made, refused, why = _send(parcel)
        # First gone, then counted: were it the other way round, what could not be deleted would be counted twice.
        remove(parcel, using)
        _count(parcel, made, refused, why)
        taken += made - refused
    return taken


def _send(parcel: Parcel) -> tuple[int, int, str]:
    """Send one request; return how many records were in it, how many of them were refused for good, and why.

    Raise `NotExported` where they have to wait.
    """
    request, made = log_request(parcel.lines, parcel.added_at)
    if not made:
        return 0, 0, ""
    chosen = get_settings().OTLP
    try:
        answer = post(chosen.ENDPOINT, LOGS, chosen.HEADERS, request.SerializeToString(), chosen.TIMEOUT_S)
    except NotExported as exc:
        if exc.status not in REFUSED:
            raise
        return made, made, str(exc)
    refused, why = refused_records(answer)
    return made, min(max(0, refused), made), why


def _count(parcel: Parcel, made: int, refused: int, why: str) -> None:
    if made < parcel.count:
        buffer.dropped["log.unreadable"] += parcel.count - made
    if refused:
        _logger.warning("The OTLP endpoint refused %d of %d log records: %s", refused, made, why)
        buffer.dropped["log.refused"] += refused
        _records.add(refused, (("outcome", "refused"),))
    _records.add(made - refused, (("outcome", "taken"),))
