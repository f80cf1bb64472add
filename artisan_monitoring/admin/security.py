"""Security events and the activity of users in the admin: read, filtered, searched, never changed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import SecurityEvent, UserActivity
from .base import ReadOnlyAdmin, badge

MEANINGS = {
    "authn_login_fail": _("A log-in failed."),
    "authn_login_fail_max": _("Many log-ins failed in a quarter of an hour, for one account or from one client."),
    "authn_login_successafterfail": _("A log-in worked after several had failed: forgotten, guessed, or stolen."),
    "authz_fail": _("One client was refused many pages (401, 403) within a minute."),
    "input_validation_fail": _("Django refused the request: an unknown host, or input it calls suspicious."),
    "malicious_attack_tool": _("The user agent is that of a known scanner."),
    "malicious_csrf": _("A form came without its CSRF token: a forged request, an old page, or blocked cookies."),
    "malicious_excess_404": _("One client asked for many pages that do not exist within a minute."),
    "malicious_extraneous": _("The request holds what no browser sends: NUL bytes, header lines, double encoding."),
    "malicious_honeypath": _("A path was asked for that this site does not have and scanners try everywhere."),
    "malicious_lfi": _("A parameter or path tries to reach files on the server."),
    "malicious_orm_lookup": _("A parameter's name filters by a secret field: a way to read it letter by letter."),
    "malicious_rce": _("A parameter tries to run a command on the server."),
    "malicious_sqli": _("A parameter tries to change a database query."),
    "malicious_ssrf": _("A parameter tries to make the server fetch an internal address."),
    "malicious_ssti": _("A parameter tries to be run as a template."),
    "malicious_xss": _("A parameter tries to bring a script into a page."),
}
"""What each event means, in a sentence. All are attempts that were seen, not proof that one worked."""


class EventFilter(admin.SimpleListFilter):
    """Offer the events that exist by name: asking the table which ones it holds would read all of it."""

    title = _("event")
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, name) for name in MEANINGS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SecurityEvent]) -> QuerySet[SecurityEvent]:
        return queryset.filter(event=self.value()) if self.value() else queryset


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin[SecurityEvent]):
    """Read security events."""

    list_display = ("event", "severity_badge", "count", "last_seen", "client_link", "who", "place", "rule")
    list_filter = ("severity", EventFilter, "last_seen")
    search_fields = ("rule", "client", "path", "user_pk", "subject", "request_id")
    search_help_text = _("Rule, client, path, user, account or request id")
    ordering = ("-last_seen", "-pk")
    fieldsets = (
        (None, {"fields": ("event", "severity_badge", "meaning", "rule", "score", "findings", "more")}),
        (_("When"), {"fields": ("count", "first_seen", "last_seen")}),
        (_("Who"), {"fields": ("client_link", "who", "user_agent")}),
        (_("Request"), {"fields": ("method", "path", "route", "status", "request_id", "trace_id")}),
    )
    readonly_fields = ("severity_badge", "meaning", "findings", "more", "client_link", "who")

    @admin.display(description=_("severity"), ordering="severity")
    def severity_badge(self, event: SecurityEvent) -> SafeString:
        return badge(event.get_severity_display(), event.severity)

    @admin.display(description=_("meaning"))
    def meaning(self, event: SecurityEvent) -> str:
        return str(MEANINGS.get(event.event, "-"))

    @admin.display(description=_("client"), ordering="client")
    def client_link(self, event: SecurityEvent) -> SafeString | str:
        """Link to all events of the same client."""
        if not event.client:
            return "-"
        url = reverse("admin:artisan_monitoring_securityevent_changelist", current_app=self.admin_site.name)
        return format_html('<a href="{}?{}">{}</a>', url, urlencode({"q": event.client}), event.client)

    @admin.display(description=_("who"))
    def who(self, event: SecurityEvent) -> str:
        if event.user_pk:
            return str(_("user %s") % event.user_pk)
        return str(_("account %s") % event.subject[:8]) if event.subject else "-"

    @admin.display(description=_("where"))
    def place(self, event: SecurityEvent) -> str:
        return f"{event.method} {event.route or event.path}".strip() or "-"

    @admin.display(description=_("findings"))
    def findings(self, event: SecurityEvent) -> SafeString | str:
        """Show each finding on a line. Every word of it came from a stranger: all is escaped."""
        found = _rows(event.details.get("findings") if isinstance(event.details, dict) else None)
        if not found:
            return "-"
        names = ("rule", "score", "where", "parameter", "snippet")
        lines = (tuple(str(each.get(name, "")) for name in names) for each in found)
        body = format_html_join(
            "", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>", lines
        )
        head = format_html_join("", "<th>{}</th>", ((_(name),) for name in names))
        return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)

    @admin.display(description=_("more"))
    def more(self, event: SecurityEvent) -> SafeString | str:
        details = event.details if isinstance(event.details, dict) else {}
        rest = [(name, value) for name, value in sorted(details.items()) if name != "findings"]
        return format_html_join("", "<div>{}: {}</div>", rest) or "-"


def _rows(found: object) -> list[dict[str, object]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


@admin.register(UserActivity)
class UserActivityAdmin(ReadOnlyAdmin[UserActivity]):
    """Read who was active on which day."""

    list_display = ("who", "day", "requests", "first_seen", "last_seen")
    list_filter = ("day",)
    search_fields = ("user_pk", "user_label")
    search_help_text = _("User's key or label")
    ordering = ("-last_seen", "-pk")
    fields = ("user_pk", "user_label", "day", "requests", "first_seen", "last_seen")

    @admin.display(description=_("user"), ordering="user_pk")
    def who(self, row: UserActivity) -> str:
        return f"{row.user_label} ({row.user_pk})" if row.user_label else row.user_pk
