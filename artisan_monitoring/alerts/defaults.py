"""The rules a new installation starts with."""

from __future__ import annotations

from django.apps import AppConfig
from django.db import transaction

from ..conf import get_settings
from ..models.alerts import AlertRule, SeededRule, Severity

DEFAULT_RULES: tuple[AlertRule, ...] = (
    # One is enough: CRITICAL is what the project itself calls an emergency.
    AlertRule(
        name="Critical errors",
        kind=AlertRule.Kind.ERROR_COUNT,
        error_severity=Severity.CRITICAL,
        threshold=1,
        window_s=300,
        severity=Severity.CRITICAL,
    ),
    # Two a minute: one visitor reloading a broken page does not wake anybody, a broken page does.
    AlertRule(
        name="Many severe errors",
        kind=AlertRule.Kind.ERROR_COUNT,
        error_severity=Severity.HIGH,
        threshold=10,
        window_s=300,
        severity=Severity.HIGH,
    ),
    # 5 % is past every common objective; with fewer than 50 requests one failure already is 2 %.
    AlertRule(
        name="High error rate",
        kind=AlertRule.Kind.ERROR_RATE,
        threshold=0.05,
        minimum=50,
        window_s=300,
        keep_firing_for_s=120,
        severity=Severity.HIGH,
    ),
    # A minute is two runs of the checks: one lost reply is not an outage.
    AlertRule(
        name="Health check failing",
        kind=AlertRule.Kind.HEALTH,
        threshold=1,
        window_s=300,
        for_s=60,
        severity=Severity.HIGH,
    ),
    AlertRule(
        name="Monitoring job overdue",
        kind=AlertRule.Kind.JOB_OVERDUE,
        threshold=1,
        window_s=300,
        for_s=60,
        severity=Severity.MEDIUM,
    ),
)


def seed_default_rules(sender: AppConfig, using: str, **kwargs: object) -> None:
    """Receiver of `post_migrate`: make each default rule that this installation was never given.

    The note that it was given outlives the rule: what somebody deleted or renamed is not made again.
    """
    if using != get_settings().DATABASE:
        return
    given = set(SeededRule.objects.using(using).values_list("name", flat=True))
    missing = [rule for rule in DEFAULT_RULES if rule.name not in given]
    if not missing:
        return
    with transaction.atomic(using=using):
        SeededRule.objects.using(using).bulk_create([SeededRule(name=rule.name) for rule in missing])
        AlertRule.objects.using(using).bulk_create([_copy(rule) for rule in missing], ignore_conflicts=True)


def _copy(rule: AlertRule) -> AlertRule:
    """Return an unsaved copy: a saved row remembers its key and its database."""
    values = {field.attname: getattr(rule, field.attname) for field in AlertRule._meta.concrete_fields}
    return AlertRule(**values | {"id": None, "source": AlertRule.Source.DEFAULT})
