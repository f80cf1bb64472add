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
CLAIM_S = 120.0
"""Longer than a run and any channel's timeout."""
BATCH = 500
FIRST_RETRY_S = 30.0
LONGEST_RETRY_S = 900.0
GIVE_UP_S = 86_400.0
"""After a day nobody is helped by the message; the row says that it was given up, and why."""
ERROR_LENGTH = 2000

State = AlertNotification.State


def deliver_notifications() -> None:
    """Send what is due. A channel that fails is left alone for the rest of the run, so that it holds up no other."""
    ends = time.monotonic() + RUN_S
    broken: set[str] = set()
    for notification in _due(moment(time.time())):
        breathe()
        if time.monotonic() > ends:
            break
        if notification.channel in broken or not _claim(notification):
            continue
        if _overtaken(notification):
            _finish(notification, State.SUPERSEDED, "")
        elif not _send(notification):
            broken.add(notification.channel)


def _due(now: datetime) -> Iterable[AlertNotification]:
    """Return the notifications that are due, most severe first and then in the order they were queued."""
    rows = notifications().filter(state=State.QUEUED, due_at__lte=now).select_related("alert")
    first = list(rows.order_by("due_at", "pk")[:BATCH])
    return sorted(first, key=lambda each: (-AlertSeverity(each.alert.severity).rank, each.created_at, each.pk))


def _claim(notification: AlertNotification) -> bool:
    """Take the notification for this worker; False when another was faster."""
    mine = notifications().filter(pk=notification.pk, state=State.QUEUED, attempts=notification.attempts)
    due_at = moment(time.time() + CLAIM_S)
    if not mine.update(attempts=F("attempts") + 1, due_at=due_at):
        return False
    notification.attempts += 1
    return True


def _overtaken(notification: AlertNotification) -> bool:
    """Say whether the alert was resolved before this could be sent: the message about the end tells the whole story."""
    firing = notification.kind == AlertNotification.Kind.FIRING
    return firing and notification.alert.state == AlertState.RESOLVED


def _send(notification: AlertNotification) -> bool:
    """Send one notification and note how it went."""
    try:
        channel = get_channel(notification.channel)
        channel.send(compose(notification.alert, notification.kind, notification.generation))
    except Exception as exc:
        _put_off(notification, redactor().text(f"{type(exc).__qualname__}: {exc}")[:ERROR_LENGTH])
        return False
    _finish(notification, State.SENT, "")
    return True


def _put_off(notification: AlertNotification, error: str) -> None:
    """Keep the failure, and try again later; after a day give up."""
    logger.warning("The alert channel %r failed: %s", notification.channel, error)
    now = moment(time.time())
    if now - notification.created_at > timedelta(seconds=GIVE_UP_S):
        _finish(notification, State.FAILED, error)
        return
    _mine(notification).update(error=error, due_at=now + timedelta(seconds=retry_after(notification.attempts)))


def retry_after(attempts: int) -> float:
    """Return the seconds before the next attempt: 30, 60, 120 ... 900, each a fifth more or less so that none align."""
    wait = min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 10), LONGEST_RETRY_S)
    return wait * random.uniform(0.8, 1.2)


def _finish(notification: AlertNotification, state: AlertNotification.State, error: str) -> None:
    sent_at = moment(time.time()) if state == State.SENT else None
    _mine(notification).update(state=state, sent_at=sent_at, error=error)


def _mine(notification: AlertNotification) -> QuerySet[AlertNotification]:
    """Return the row while this worker's claim stands: the attempt number is the claim."""
    return notifications().filter(pk=notification.pk, state=State.QUEUED, attempts=notification.attempts)
