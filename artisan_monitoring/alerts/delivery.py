"""The job that tells: it takes queued notifications, most severe first, claims each, and sends it.

A claim is one conditional write that moves `due_at` past the time a sending may take. A worker that dies after the
sending and before noting it leaves a claim that runs out, and the message goes a second time: a duplicate beats a miss.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from ..conf import redactor
from ..core.records import AlertSeverity
from ..models.alerts import AlertNotification, AlertState
from ..pipeline.pacing import breathe
from .channels import get_channel
from .messages import compose
from .rows import notifications
from .states import moment

logger = logging.getLogger("artisan_monitoring")

RUN_S = 20.0
"""A run ends after this, and the next goes on: it must not outlive its lease."""
CLAIM = timedelta(seconds=120)
"""Longer than a run and any channel's timeout."""
BATCH = 500
FIRST_RETRY_S = 30.0
LONGEST_RETRY_S = 900.0
GIVE_UP = timedelta(days=1)
"""After a day nobody is helped by the message; the row says that it was given up, and why."""
ERROR_LENGTH = 2000

State = AlertNotification.State


def deliver_notifications(now: float | None = None) -> None:
    """Send what is due at `now` (seconds since the epoch).

    A channel that fails is left alone for the rest of the run, so that it holds up no other.
    """
    ends = time.monotonic() + RUN_S
    at = moment(time.time() if now is None else now)
    broken: set[str] = set()
    for notification in _due(at):
        breathe()
        if time.monotonic() > ends:
            break
        if notification.channel not in broken and _claim(notification, at) and not _deliver(notification, at):
            broken.add(notification.channel)


def _due(at: datetime) -> Iterable[AlertNotification]:
    """Return the notifications that are due, most severe first and then in the order they were queued."""
    rows = notifications().filter(state=State.QUEUED, due_at__lte=at).select_related("alert")
    first = list(rows.order_by("due_at", "pk")[:BATCH])
    return sorted(first, key=lambda each: (-AlertSeverity(each.alert.severity).rank, each.created_at, each.pk))


def _claim(notification: AlertNotification, at: datetime) -> bool:
    """Take the notification for this worker; False when another was faster."""
    if not _mine(notification).update(attempts=F("attempts") + 1, due_at=at + CLAIM):
        return False
    notification.attempts += 1
    return True


def _mine(notification: AlertNotification) -> QuerySet[AlertNotification]:
    """Return the row unless somebody else has claimed it: the attempt number is the claim."""
    return notifications().filter(pk=notification.pk, state=State.QUEUED, attempts=notification.attempts)


def _deliver(notification: AlertNotification, at: datetime) -> bool:
    """Send a claimed notification and note how it went; False when the channel failed."""
    alert = notification.alert
    if notification.kind == AlertNotification.Kind.FIRING and alert.state == AlertState.RESOLVED:
        # It ended before its beginning was told: the message about the end tells the whole story.
        _mine(notification).update(state=State.SUPERSEDED)
        return True
    try:
        get_channel(notification.channel).send(compose(alert, notification.kind, notification.generation))
    except Exception as exc:
        _put_off(notification, at, redactor().text(f"{type(exc).__qualname__}: {exc}")[:ERROR_LENGTH])
        return False
    _mine(notification).update(state=State.SENT, sent_at=at, error="")
    return True


def _put_off(notification: AlertNotification, at: datetime, error: str) -> None:
    """Keep the failure and try again later, or give up after a day; the channel's other messages wait as long."""
    logger.warning("The alert channel %r failed: %s", notification.channel, error)
    if at - notification.created_at > GIVE_UP:
        _mine(notification).update(state=State.FAILED, error=error)
        return
    due_at = at + timedelta(seconds=retry_after(notification.attempts))
    _mine(notification).update(error=error, due_at=due_at)
    # Or else the waiting messages of a broken channel, the oldest of all, would keep the others' out of the batch.
    waiting = notifications().filter(channel=notification.channel, state=State.QUEUED, due_at__lte=at)
    waiting.update(due_at=due_at)


def retry_after(attempts: int) -> float:
    """Return the seconds before the next attempt: 30, 60, 120 ... 900, each a fifth more or less so that none align."""
    wait = min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 10), LONGEST_RETRY_S)
    return wait * random.uniform(0.8, 1.2)  # noqa: S311
