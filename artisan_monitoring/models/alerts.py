"""Alert rules, the alerts they raise, and the log of what was told to whom."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..core.rules import Comparator, RuleKind


class Severity(models.TextChoices):
    """`AlertSeverity`, as choices of a column."""

    LOW = "LOW", _("low")
    MEDIUM = "MEDIUM", _("medium")
    HIGH = "HIGH", _("high")
    CRITICAL = "CRITICAL", _("critical")


class AlertState(models.TextChoices):
    """Where an alert is in its life; `pending` has not been told to anybody."""

    PENDING = "pending", _("pending")
    FIRING = "firing", _("firing")
    ACKNOWLEDGED = "acknowledged", _("acknowledged")
    RESOLVED = "resolved", _("resolved")


class AlertRule(models.Model):
    """One condition that is looked at every 15 seconds."""

    class Kind(models.TextChoices):
        ERROR_COUNT = RuleKind.ERROR_COUNT.value, _("number of errors")
        ERROR_RATE = RuleKind.ERROR_RATE.value, _("share of failed requests")
        HEALTH = RuleKind.HEALTH.value, _("health check failing")
        JOB_OVERDUE = RuleKind.JOB_OVERDUE.value, _("job overdue")

    class Compare(models.TextChoices):
        GTE = Comparator.GTE.value, _("at least")
        GT = Comparator.GT.value, _("more than")
        LTE = Comparator.LTE.value, _("at most")
        LT = Comparator.LT.value, _("less than")

    class Source(models.TextChoices):
        DEFAULT = "default", _("came with the app")
        ADMIN = "admin", _("made in the admin")
        SETTINGS = "settings", _("declared in settings")

    name = models.CharField(_("name"), max_length=120, unique=True)
    kind = models.CharField(_("looks at"), max_length=20, choices=Kind.choices)
    error_severity = models.CharField(
        _("errors of at least"),
        max_length=8,
        choices=Severity.choices,
        blank=True,
        help_text=_("Only errors this severe count. Empty: all errors."),
    )
    comparator = models.CharField(_("fires when"), max_length=3, choices=Compare.choices, default=Compare.GTE)
    threshold = models.FloatField(_("threshold"), help_text=_("A number of errors, or a share: 0.05 is 5 %."))
    minimum = models.PositiveIntegerField(
        _("minimum traffic"),
        default=0,
        help_text=_("A share is judged only on at least so many requests in the window."),
    )
    window_s = models.PositiveIntegerField(
        _("window"), default=300, help_text=_("Seconds looked back, in whole minutes.")
    )
    for_s = models.PositiveIntegerField(
        _("pending for"), default=0, help_text=_("Seconds the condition must hold before the alert fires.")
    )
    keep_firing_for_s = models.PositiveIntegerField(
        _("keep firing for"), default=0, help_text=_("Seconds the alert goes on after the condition last held.")
    )
    severity = models.CharField(_("severity"), max_length=8, choices=Severity.choices, default=Severity.MEDIUM)
    environment = models.CharField(
        _("environment"), max_length=64, blank=True, help_text=_("Only there. Empty: everywhere.")
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    source = models.CharField(_("source"), max_length=8, choices=Source.choices, default=Source.ADMIN, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("alert rule")
        verbose_name_plural = _("alert rules")
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class SeededRule(models.Model):
    """The default rules this installation was once given: what is named here is never made again.

    It outlives the rule, so that a default that somebody deleted stays deleted through every later `migrate`.
    """

    name = models.CharField(max_length=120, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """One episode of one rule for one set of labels: from the moment its condition held until it is resolved.

    The rule's name and severity are copied, so that the episode can be read after the rule was changed or deleted.
    `version` counts the writes; each write names the version it was decided on, so that a worker that slept through
    another's decision changes nothing. `generation` numbers what is worth telling: 1, and one more per reminder.
    """

    rule = models.ForeignKey(
        AlertRule, verbose_name=_("rule"), null=True, on_delete=models.SET_NULL, related_name="alerts"
    )
    rule_name = models.CharField(_("rule"), max_length=120)
    fingerprint = models.CharField(_("identity"), max_length=32, help_text=_("A hash of the rule and the labels."))
    labels = models.JSONField(_("labels"), default=dict)
    severity = models.CharField(_("severity"), max_length=8, choices=Severity.choices)
    state = models.CharField(_("state"), max_length=12, choices=AlertState.choices)
    value = models.FloatField(_("value"), null=True)
    why = models.TextField(_("why"), blank=True)
    started_at = models.DateTimeField(_("started"), help_text=_("Since when the condition has held."))
    met_at = models.DateTimeField(_("last held"))
    fired_at = models.DateTimeField(_("fired"), null=True)
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True)
    acknowledged_by = models.CharField(_("acknowledged by"), max_length=150, blank=True)
    acknowledged_by_pk = models.CharField(max_length=64, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    resolved_by = models.CharField(_("resolved by"), max_length=150, blank=True)
    resolved_by_pk = models.CharField(max_length=64, blank=True)
    generation = models.PositiveIntegerField(default=1)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering: ClassVar[list[str]] = ["-started_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["fingerprint"], condition=~Q(state="resolved"), name="artisan_alert_one_unresolved"
            ),
            models.CheckConstraint(
                condition=Q(state="resolved", resolved_at__isnull=False)
                | (~Q(state="resolved") & Q(resolved_at__isnull=True)),
                name="artisan_alert_resolved_has_time",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "resolved_at"], name="artisan_alert_state"),
            models.Index(fields=["-started_at", "-id"], name="artisan_alert_started"),
            models.Index(fields=["fingerprint", "resolved_at"], name="artisan_alert_episodes"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_name} ({self.state})"


class AlertNotification(models.Model):
    """What is to be told, and was told, of an alert on one channel.

    One row per (alert, channel, kind, generation) is the whole of idempotence: whoever decides makes the row, whoever
    sends claims it, and a row that was sent is not sent again.
    """

    class Kind(models.TextChoices):
        FIRING = "firing", _("firing")
        RESOLVED = "resolved", _("resolved")

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        FAILED = "failed", _("given up")
        SUPERSEDED = "superseded", _("overtaken")

    alert = models.ForeignKey(Alert, verbose_name=_("alert"), on_delete=models.CASCADE, related_name="notifications")
    channel = models.CharField(_("channel"), max_length=64)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    generation = models.PositiveIntegerField(default=1)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("queued"))
    due_at = models.DateTimeField(
        _("next attempt"), help_text=_("Not before this; a claim moves it past the time a sending may take.")
    )
    sent_at = models.DateTimeField(_("sent"), null=True)
    error = models.TextField(_("last failure"), blank=True)

    class Meta:
        verbose_name = _("alert notification")
        verbose_name_plural = _("alert notifications")
        ordering: ClassVar[list[str]] = ["-created_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["alert", "channel", "kind", "generation"], name="artisan_alert_notification_once"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "due_at"], name="artisan_alert_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.channel}: {self.state}"
