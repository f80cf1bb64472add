"""Alerts in the admin: what fires, who has taken it on, what was told, and the rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..alerts.active import publish_active_alerts
from ..alerts.states import UNRESOLVED, acknowledge, resolve
from ..core.rules import Comparator, RuleKind, duration, percent
from ..models.alerts import Alert, AlertNotification, AlertRule, AlertState
from .base import ReadOnlyAdmin, TypedModelAdmin, badge

if TYPE_CHECKING:
    _Inline = admin.TabularInline[AlertNotification, Alert]
    _Form = forms.ModelForm[AlertRule]
else:  # generic in the stubs only
    _Inline = admin.TabularInline
    _Form = forms.ModelForm

STATE_TONES = {
    AlertState.PENDING: "medium",
    AlertState.FIRING: "critical",
    AlertState.ACKNOWLEDGED: "low",
    AlertState.RESOLVED: "good",
}
NOTIFICATION_TONES = {
    AlertNotification.State.QUEUED: "low",
    AlertNotification.State.SENT: "good",
    AlertNotification.State.FAILED: "critical",
    AlertNotification.State.SUPERSEDED: "quiet",
}
LONGEST_S = 86_400
"""One-minute numbers are kept for 24 hours: a longer window would be judged by other numbers than it is drawn with."""


class NotificationInline(_Inline):
    """What was told of an alert, on its page."""

    model = AlertNotification
    extra = 0
    max_num = 0
    can_delete = False
    fields = ("channel", "kind", "state", "attempts", "created_at", "sent_at", "error")
    readonly_fields = fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may read the alert may read what was told of it."""
        return True


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin[Alert]):
    """Read alerts; acknowledge and resolve them."""

    list_display = ("severity_badge", "state_badge", "heading", "why", "shown_value", "began", "lasted")
    list_display_links = ("heading",)
    list_filter = ("state", "severity")
    search_fields = ("rule_name", "why")
    ordering = ("-started_at", "-pk")
    actions = ("acknowledge_selected", "resolve_selected")
    inlines = (NotificationInline,)
    fieldsets = (
        (None, {"fields": ("severity_badge", "state_badge", "rule", "about", "why", "shown_value")}),
        (_("Times"), {"fields": ("started_at", "fired_at", "met_at", "resolved_at", "lasted")}),
        (_("People"), {"fields": ("acknowledged_by", "acknowledged_at", "resolved_by")}),
    )
    readonly_fields = ("severity_badge", "state_badge", "about", "shown_value", "lasted")

    @admin.display(description=_("severity"), ordering="severity")
    def severity_badge(self, alert: Alert) -> SafeString:
        return badge(alert.get_severity_display(), alert.severity)

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, alert: Alert) -> SafeString:
        return badge(alert.get_state_display(), STATE_TONES[AlertState(alert.state)])

    @admin.display(description=_("rule"), ordering="rule_name")
    def heading(self, alert: Alert) -> str:
        subject = ", ".join(value for name, value in sorted(alert.labels.items()) if name != "environment")
        return f"{alert.rule_name}: {subject}" if subject else alert.rule_name

    @admin.display(description=_("about"))
    def about(self, alert: Alert) -> str:
        return ", ".join(f"{name} {value}" for name, value in sorted(alert.labels.items())) or "-"

    @admin.display(description=_("value"), ordering="value")
    def shown_value(self, alert: Alert) -> str:
        return "-" if alert.value is None else f"{alert.value:,.4g}"

    @admin.display(description=_("started"), ordering="started_at")
    def began(self, alert: Alert) -> str:
        return date_format(timezone.localtime(alert.started_at), "M j, H:i")

    @admin.display(description=_("duration"))
    def lasted(self, alert: Alert) -> str:
        return duration(((alert.resolved_at or timezone.now()) - alert.started_at).total_seconds())

    @admin.action(description=_("Acknowledge: I have taken this on"), permissions=["act"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        done = self._each(request, queryset.filter(state=AlertState.FIRING), acknowledge)
        text = ngettext("%d alert acknowledged.", "%d alerts acknowledged.", done) % done
        self.message_user(request, text, messages.SUCCESS if done else messages.WARNING)

    @admin.action(description=_("Resolve: this is over"), permissions=["act"])
    def resolve_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        def by_hand(alert: Alert, now: float, by: str, by_pk: str) -> bool:
            return resolve(alert, now, by=by, by_pk=by_pk)

        done = self._each(request, queryset.filter(state__in=UNRESOLVED), by_hand)
        text = ngettext("%d alert resolved.", "%d alerts resolved.", done) % done
        self.message_user(request, text, messages.SUCCESS if done else messages.WARNING)

    def _each(
        self, request: HttpRequest, alerts: QuerySet[Alert], act: Callable[[Alert, float, str, str], bool]
    ) -> int:
        """Do `act` to each alert in this person's name; return how many changed."""
        now, by, by_pk = time.time(), request.user.get_username(), str(request.user.pk)
        done = sum(act(alert, now, by, by_pk) for alert in list(alerts))
        if done:
            publish_active_alerts()
        return done


class AlertRuleForm(_Form):
    """A rule, with what makes no sense refused in the field where it was typed."""

    class Meta:
        model = AlertRule
        fields = (
            "name",
            "enabled",
            "severity",
            "environment",
            "kind",
            "error_severity",
            "comparator",
            "threshold",
            "minimum",
            "window_s",
            "for_s",
            "keep_firing_for_s",
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for check in (self._check_threshold, self._check_times, self._check_kind):
            check(cleaned)
        return cleaned

    def _check_threshold(self, cleaned: dict[str, Any]) -> None:
        threshold, comparator = cleaned.get("threshold"), cleaned.get("comparator")
        if threshold is None:
            return
        if threshold < 0 or (threshold == 0 and comparator in (Comparator.GTE, Comparator.LT)):
            self.add_error("threshold", _("Must be above 0: such a rule would fire always, or never."))
        elif cleaned.get("kind") == RuleKind.ERROR_RATE and threshold > 1:
            self.add_error("threshold", _("A share lies between 0 and 1: write 5 % as 0.05."))

    def _check_times(self, cleaned: dict[str, Any]) -> None:
        window = cleaned.get("window_s")
        if window is not None and (window % 60 or not 60 <= window <= LONGEST_S):
            self.add_error("window_s", _("Whole minutes: a multiple of 60, from 60 to 86400 seconds."))
        for name in ("for_s", "keep_firing_for_s"):
            if (cleaned.get(name) or 0) > LONGEST_S:
                self.add_error(name, _("At most a day: 86400 seconds."))

    def _check_kind(self, cleaned: dict[str, Any]) -> None:
        kind = cleaned.get("kind")
        if kind == RuleKind.ERROR_RATE and not cleaned.get("minimum"):
            self.add_error("minimum", _("At least 1: one failure of one request at night would be 100 %."))
        if kind and kind != RuleKind.ERROR_COUNT and cleaned.get("error_severity"):
            self.add_error("error_severity", _("Only a rule on the number of errors looks at their severity."))


@admin.register(AlertRule)
class AlertRuleAdmin(TypedModelAdmin[AlertRule]):
    """Make and change rules."""

    form = AlertRuleForm
    list_display = ("name", "enabled", "severity_badge", "kind", "condition", "environment", "source")
    list_filter = ("enabled", "severity", "kind", "source")
    search_fields = ("name",)
    readonly_fields = ("source", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "enabled", "severity", "environment")}),
        (_("Condition"), {"fields": ("kind", "error_severity", "comparator", "threshold", "minimum", "window_s")}),
        (_("Patience"), {"fields": ("for_s", "keep_firing_for_s")}),
        (_("Where it comes from"), {"fields": ("source", "created_at", "updated_at"), "classes": ("collapse",)}),
    )

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("artisan_monitoring/admin.css",)}

    @admin.display(description=_("severity"), ordering="severity")
    def severity_badge(self, rule: AlertRule) -> SafeString:
        return badge(rule.get_severity_display(), rule.severity)

    @admin.display(description=_("condition"))
    def condition(self, rule: AlertRule) -> str:
        of = f" {rule.get_error_severity_display()}" if rule.error_severity else ""
        limit = percent(rule.threshold) if rule.kind == RuleKind.ERROR_RATE else f"{rule.threshold:g}"
        return f"{rule.get_comparator_display()} {limit}{of} in {duration(rule.window_s)}"


@admin.register(AlertNotification)
class AlertNotificationAdmin(ReadOnlyAdmin[AlertNotification]):
    """Read what was told, what waits, and what failed."""

    list_display = ("alert", "channel", "kind", "state_badge", "attempts", "created_at", "sent_at", "error")
    list_filter = ("state", "kind", "channel")
    list_select_related = ("alert",)
    readonly_fields = ("state_badge",)

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, notification: AlertNotification) -> SafeString:
        return badge(notification.get_state_display(), NOTIFICATION_TONES[AlertNotification.State(notification.state)])
