"""The life of an alert: each step is one conditional write, so that two workers, or one that slept, make it once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from ..core.rules import Before, Decision, Standing
from ..models.alerts import Alert, AlertNotification, AlertRule, AlertState
from ..signals import alert_changed
from .channels import channel_names
from .rows import alerts, alias, notifications

UNRESOLVED = (AlertState.PENDING, AlertState.FIRING, AlertState.ACKNOWLEDGED)
ACTIVE = (AlertState.FIRING, AlertState.ACKNOWLEDGED)
REFRESH_S = 60
"""An alert whose numbers did not change is written at least this often, so that `met_at` survives a restart."""


def identity(rule_pk: int, labels: Mapping[str, str]) -> str:
    """Return the fingerprint of (rule, labels): 32 hexadecimal digits that stay the same for ever."""
    text = json.dumps([rule_pk, sorted(labels.items())], separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def moment(seconds: float) -> datetime:
    """Return seconds since the epoch as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def before(alert: Alert | None) -> Before:
    """Return what stood after the last decision on this alert."""
    if alert is None:
        return Before()
    standing = Standing.PENDING if alert.state == AlertState.PENDING else Standing.FIRING
    return Before(standing, alert.started_at.timestamp(), alert.met_at.timestamp())


def open_alert(rule: AlertRule, labels: Mapping[str, str], decision: Decision) -> Alert | None:
    """Begin an episode; None when another worker has begun it in the meantime."""
    alert = Alert(
        rule=rule,
        rule_name=rule.name,
        fingerprint=identity(rule.pk, labels),
        labels=dict(labels),
        severity=rule.severity,
        state=AlertState.PENDING if decision.standing is Standing.PENDING else AlertState.FIRING,
        value=decision.value,
        why=decision.why,
        started_at=moment(decision.since),
        met_at=moment(decision.met_at),
        fired_at=moment(decision.met_at) if decision.standing is Standing.FIRING else None,
    )
    try:
        with transaction.atomic(using=alias()):
            alert.save(using=alias(), force_insert=True)
            if alert.state == AlertState.FIRING:
                queue(alert, AlertNotification.Kind.FIRING, decision.met_at)
            announce(alert, "")
    except IntegrityError:
        return None
    return alert


def refresh(alert: Alert, rule: AlertRule, decision: Decision) -> bool:
    """Write what the decision says about an alert that stays open; False when another worker was faster."""
    fires = alert.state == AlertState.PENDING and decision.standing is Standing.FIRING
    changes: dict[str, Any] = {"severity": rule.severity, "rule_name": rule.name, "met_at": moment(decision.met_at)}
    if decision.met is not None:
        changes |= {"value": decision.value, "why": decision.why}
    if fires:
        changes |= {"state": AlertState.FIRING, "fired_at": moment(decision.met_at)}
    elif not _worth_writing(alert, changes):
        return True
    return _write(alert, changes, AlertNotification.Kind.FIRING if fires else None, decision.met_at)


def _worth_writing(alert: Alert, changes: Mapping[str, Any]) -> bool:
    shown = any(getattr(alert, name) != value for name, value in changes.items() if name != "met_at")
    return shown or (changes["met_at"] - alert.met_at).total_seconds() >= REFRESH_S


def resolve(alert: Alert, now: float, why: str = "", by: str = "", by_pk: str = "") -> bool:
    """End an episode; `by` is the person, or empty when the numbers did it. False when another was faster.

    A pending alert was told to nobody and goes without a trace.
    """
    if alert.state == AlertState.PENDING:
        return bool(alerts().filter(pk=alert.pk, version=alert.version, state=AlertState.PENDING).delete()[0])
    changes = {
        "state": AlertState.RESOLVED,
        "resolved_at": moment(now),
        "resolved_by": by[:150],
        "resolved_by_pk": by_pk[:64],
    }
    return _write(alert, changes | ({"why": why} if why else {}), AlertNotification.Kind.RESOLVED, now)


def acknowledge(alert: Alert, now: float, by: str, by_pk: str = "") -> bool:
    """Note that a person has taken the alert on; False when it is not firing any more, or another was faster."""
    if alert.state != AlertState.FIRING:
        return False
    changes = {
        "state": AlertState.ACKNOWLEDGED,
        "acknowledged_at": moment(now),
        "acknowledged_by": by[:150],
        "acknowledged_by_pk": by_pk[:64],
    }
    return _write(alert, changes, None, now)


def _write(alert: Alert, changes: dict[str, Any], tell: AlertNotification.Kind | None, now: float) -> bool:
    """Apply `changes` if nobody wrote since the alert was read; queue what is to be told in the same transaction."""
    old_state = alert.state
    with transaction.atomic(using=alias()):
        # The write comes first: on SQLite a transaction that reads before it writes fails beside another writer.
        mine = alerts().filter(pk=alert.pk, version=alert.version)
        if not mine.update(version=F("version") + 1, **changes):
            return False
        for name, value in (changes | {"version": alert.version + 1}).items():
            setattr(alert, name, value)
        if tell is not None:
            queue(alert, tell, now)
        if alert.state != old_state:
            announce(alert, old_state)
    return True


def queue(alert: Alert, kind: AlertNotification.Kind, now: float) -> None:
    """Make the notification rows of every channel; rows that are there already are left alone."""
    rows = [
        AlertNotification(
            alert=alert,
            channel=name,
            kind=kind,
            generation=alert.generation,
            created_at=moment(now),
            due_at=moment(now),
        )
        for name in channel_names()
    ]
    notifications().bulk_create(rows, ignore_conflicts=True)


def announce(alert: Alert, old_state: str) -> None:
    """Send `signals.alert_changed` when the change is committed; a receiver that raises stops nothing."""
    new_state = str(alert.state)

    def send() -> None:
        alert_changed.send_robust(Alert, alert=alert, old_state=old_state, new_state=new_state)

    transaction.on_commit(send, using=alias(), robust=True)
