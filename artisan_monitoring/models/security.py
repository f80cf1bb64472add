"""Security events (one row per event, client, rule and few seconds) and the daily activity of users."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from artisan_monitoring.core.records import AlertSeverity


class SecurityEvent(models.Model):
    """Something hostile or suspicious that was seen; `count` equal sightings were merged before the row was written.

    `event` is a name of OWASP's Logging Vocabulary Cheat Sheet (or one of our extensions, `malicious_xss` and the
    like); what exactly was seen is in `rule`. Rows are only ever inserted and purged, never changed: a later hash chain
    can stand on them.
    """

    event = models.CharField(_("event"), max_length=64)
    severity = models.CharField(
        _("severity"), max_length=8, choices=[(each.value, each.value.title()) for each in AlertSeverity]
    )
    rule = models.CharField(_("rule"), max_length=64, blank=True, default="")
    score = models.PositiveSmallIntegerField(_("score"), default=0, help_text=_("Sum of the rules' scores, as in CRS."))
    count = models.PositiveBigIntegerField(_("count"), default=1)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    client = models.CharField(_("client"), max_length=64, blank=True, default="", help_text=_("As PRIVACY.IP allows."))
    user_pk = models.CharField(_("user"), max_length=64, blank=True, default="")
    subject = models.CharField(
        _("account tried"), max_length=64, blank=True, default="", help_text=_("Keyed hash of the user name typed in.")
    )
    method = models.CharField(_("method"), max_length=16, blank=True, default="")
    path = models.CharField(_("path"), max_length=200, blank=True, default="")
    route = models.CharField(_("route"), max_length=200, blank=True, default="")
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=200, blank=True, default="")
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    trace_id = models.CharField(_("trace id"), max_length=32, blank=True, default="")
    details = models.JSONField(_("details"), default=dict, blank=True)

    class Meta:
        app_label = "artisan_monitoring"
        verbose_name = _("security event")
        verbose_name_plural = _("security events")
        ordering: ClassVar[list[str]] = ["-last_seen", "-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["last_seen"], name="artisan_secev_seen"),
            models.Index(fields=["event", "last_seen"], name="artisan_secev_event"),
            models.Index(fields=["client", "last_seen"], name="artisan_secev_client"),
        ]

    def __str__(self) -> str:
        return f"{self.event} ({self.rule})" if self.rule else self.event


class UserActivity(models.Model):
    """How many requests a user made on a day (UTC), and when the first and the last of them were."""

    user_pk = models.CharField(_("user"), max_length=64)
    user_label = models.CharField(_("label"), max_length=150, blank=True, default="")
    day = models.DateField(_("day"))
    requests = models.PositiveBigIntegerField(_("requests"), default=0)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))

    class Meta:
        app_label = "artisan_monitoring"
        verbose_name = _("user activity")
        verbose_name_plural = _("user activity")
        ordering: ClassVar[list[str]] = ["-last_seen", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user_pk", "day"], name="artisan_activity_user_day"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["last_seen"], name="artisan_activity_seen"),
            models.Index(fields=["day"], name="artisan_activity_day"),
            models.Index(fields=["day", "-requests"], name="artisan_activity_busiest"),
        ]

    def __str__(self) -> str:
        return f"{self.user_label or self.user_pk} {self.day}"
