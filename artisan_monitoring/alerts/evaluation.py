"""The job that holds every rule against the numbers and moves alerts through their lives."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from django.db.models import Max

from ..conf import get_settings
from ..core import windows
from ..core.rules import Comparator, Decision, Rule, RuleKind, Sample, Standing, decide
from ..models.alerts import Alert, AlertRule, AlertState
from ..pipeline.pacing import breathe
from ..stores import get_store
from .active import publish_active_alerts
from .measures import Labels, Readings, measure, slot_width
from .rows import alerts, rules
from .states import UNRESOLVED, before, identity, moment, open_alert, refresh, resolve

logger = logging.getLogger("artisan_monitoring")

LONGEST_WINDOW_S = 86_400
STATES_OF_NOW = (RuleKind.HEALTH, RuleKind.JOB_OVERDUE)


def evaluate_alerts(now: float | None = None) -> None:
    """Judge all rules once, at `now` (the store's clock). Safe to run twice, beside another worker, or again.

    A rule that cannot be judged (the store is away) leaves its alerts as they are; the others go on, and then the
    first exception is raised so that the job counts as failed.
    """
    # To the millisecond: what a row keeps must be exactly what the next decision counts from.
    now = round(get_store().now() if now is None else now, 3)
    environment = get_settings().ENVIRONMENT
    standing = {alert.fingerprint: alert for alert in alerts().filter(state__in=UNRESOLVED)}
    in_force = [each for each in rules().filter(enabled=True) if each.environment in ("", environment)]
    evaluation = Evaluation(now, standing, _resolved_by_hand(now))
    failures = []
    for rule in in_force:
        breathe()
        try:
            evaluation.judge(rule)
        except Exception as exc:
            logger.warning("The alert rule %r could not be judged: %s", rule.name, exc, exc_info=exc)
            failures.append(exc)
    evaluation.resolve_orphans({rule.pk for rule in in_force})
    publish_active_alerts()
    if failures:
        raise failures[0]


class Evaluation:
    """One run: the alerts that stood when it began, and the numbers it has read."""

    def __init__(self, now: float, standing: Mapping[str, Alert], cleared: Mapping[str, float]) -> None:
        self._now = now
        self._standing = standing
        self._cleared = cleared
        self._readings = Readings(now)
        self._environment = get_settings().ENVIRONMENT

    def judge(self, rule: AlertRule) -> None:
        """Judge one rule for every set of labels that was measured, or that has an alert standing."""
        measured = {self._labelled(labels): samples for labels, samples in measure(rule, self._readings).items()}
        for alert in self._standing.values():
            if alert.rule_id == rule.pk:
                # What is not measured any more is judged by nothing: it stands for a window, then resolves.
                measured.setdefault(tuple(sorted(alert.labels.items())), [])
        for labels, samples in measured.items():
            breathe()
            self._judge_labels(rule, labels, samples)

    def _labelled(self, labels: Labels) -> Labels:
        return tuple(sorted({"environment": self._environment, **dict(labels)}.items()))

    def _judge_labels(self, rule: AlertRule, labels: Labels, samples: Sequence[Sample]) -> None:
        fingerprint = identity(rule.pk, dict(labels))
        alert = self._standing.get(fingerprint)
        if rule.kind not in STATES_OF_NOW:
            samples = self._since_cleared(rule, fingerprint, samples)
        decision = decide(pure(rule), samples, self._now, before(alert))
        move(rule, labels, alert, decision, self._now)

    def _since_cleared(self, rule: AlertRule, fingerprint: str, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Leave out what a person has seen and resolved; its last slot stays, since it may hold later errors too."""
        cleared = self._cleared.get(fingerprint)
        if cleared is None:
            return samples
        first = windows.floor(cleared, slot_width(rule.window_s))
        return [sample for sample in samples if sample.at >= first]

    def resolve_orphans(self, judged: set[int]) -> None:
        """Resolve the alerts of rules that were deleted, disabled or moved to another environment."""
        for alert in self._standing.values():
            if alert.rule_id not in judged:
                resolve(alert, self._now, why=f"The rule is not in force any more. {alert.why}".strip())


def move(rule: AlertRule, labels: Labels, alert: Alert | None, decision: Decision, now: float) -> None:
    """Make the stored alert what the decision says it is."""
    if decision.standing is Standing.INACTIVE:
        if alert is not None:
            resolve(alert, now)
    elif alert is None:
        open_alert(rule, dict(labels), decision)
    else:
        refresh(alert, rule, decision)


def pure(rule: AlertRule) -> Rule:
    """Return what a decision needs of a stored rule."""
    return Rule(
        kind=RuleKind(rule.kind),
        threshold=rule.threshold,
        comparator=Comparator(rule.comparator),
        window_s=rule.window_s,
        for_s=rule.for_s,
        keep_firing_for_s=rule.keep_firing_for_s,
        minimum=float(rule.minimum),
    )


def _resolved_by_hand(now: float) -> dict[str, float]:
    """Return when a person last resolved each identity, so that what came before does not fire it again at once."""
    since = moment(now - LONGEST_WINDOW_S)
    rows = (
        alerts()
        .filter(state=AlertState.RESOLVED, resolved_at__gte=since)
        .exclude(resolved_by="")
        .order_by()
        .values_list("fingerprint")
        .annotate(Max("resolved_at"))
    )
    return {fingerprint: at.timestamp() for fingerprint, at in rows}
