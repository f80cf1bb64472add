"""What an alert says: one message, from which each channel takes the form it can carry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.template import Context, Engine
from django.urls import NoReverseMatch, reverse

from ..conf import get_settings
from ..core.rules import duration
from ..models.alerts import Alert, AlertNotification

TEMPLATES = Path(__file__).parent.parent / "templates" / "artisan_monitoring" / "alerts"


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """One thing to tell about one alert. `key` is the same for every message about the episode."""

    key: str
    kind: str
    generation: int
    rule: str
    severity: str
    labels: dict[str, str]
    value: float | None
    why: str
    started_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str
    service: str
    environment: str
    release: str
    url: str

    @property
    def firing(self) -> bool:
        """Whether the alert begins with this message, or ends."""
        return self.kind == AlertNotification.Kind.FIRING

    @property
    def title(self) -> str:
        """One line without line breaks, fit for a mail's subject: `[HIGH] Many severe errors (shop, production)`."""
        head = f"[{self.severity}]" if self.firing else "[resolved]"
        details = ", ".join(value for key, value in self.labels.items() if key != "environment")
        name = f"{self.rule}: {details}" if details else self.rule
        return " ".join(f"{head} {name} ({self.service}, {self.environment})".split())[:200]

    @property
    def story(self) -> str:
        """When it happened, in one sentence."""
        began = f"Since {self.started_at:%Y-%m-%d %H:%M:%S} UTC"
        if self.resolved_at is None:
            return f"{began}."
        lasted = duration((self.resolved_at - self.started_at).total_seconds())
        by = f" by {self.resolved_by}" if self.resolved_by else ""
        return f"{began}, resolved{by} at {self.resolved_at:%Y-%m-%d %H:%M:%S} UTC after {lasted}."

    def facts(self) -> dict[str, object]:
        """Return the message as JSON-able facts, for logs and machines."""
        times = {name: getattr(self, name) for name in ("started_at", "fired_at", "resolved_at")}
        return {
            "key": self.key,
            "kind": str(self.kind),
            "rule": self.rule,
            "severity": str(self.severity),
            "labels": dict(self.labels),
            "value": self.value,
            "why": self.why,
            "url": self.url,
        } | {name: value.isoformat() for name, value in times.items() if value is not None}

    def lines(self) -> list[tuple[str, str]]:
        """Return what is shown below the sentence as (name, text)."""
        rows = [("Service", self.service), ("Release", self.release), *self.labels.items()]
        return [(name, text) for name, text in rows if text]

    def text(self) -> str:
        """Return the plain text of a letter."""
        rows = "\n".join(f"{name}: {text}" for name, text in self.lines())
        link = f"\n\n{self.url}" if self.url else ""
        return f"{self.title}\n\n{self.why}\n{self.story}\n\n{rows}{link}\n"

    def html(self) -> str:
        """Return the HTML of a letter; every value is escaped."""
        return str(engine().get_template("message.html").render(Context({"message": self})))


@lru_cache(maxsize=1)
def engine() -> Engine:
    """An engine of our own: a project may have no template engine that looks into apps, and is alerted all the same."""
    return Engine(dirs=[str(TEMPLATES)], autoescape=True)


def compose(alert: Alert, kind: str, generation: int) -> AlertMessage:
    """Return the message that tells `kind` (`firing` or `resolved`) of this alert as it stands."""
    chosen = get_settings()
    return AlertMessage(
        key=f"{alert.fingerprint}-{alert.pk}",
        kind=kind,
        generation=generation,
        rule=alert.rule_name,
        severity=alert.severity,
        labels=alert.labels,
        value=alert.value,
        why=alert.why,
        started_at=alert.started_at,
        fired_at=alert.fired_at,
        resolved_at=alert.resolved_at,
        resolved_by=alert.resolved_by,
        service=chosen.SERVICE,
        environment=str(alert.labels.get("environment", chosen.ENVIRONMENT)),
        release=chosen.RELEASE,
        url=alert_url(alert.pk),
    )


def alert_url(pk: int) -> str:
    """Return the address of an alert's page, or nothing where the site's is not known."""
    return admin_url("alert", pk)


def admin_url(model: str, pk: int) -> str:
    """Return the address of a row's admin page, whole if `ALERTS["BASE_URL"]` says where the site is, else empty."""
    base = get_settings().ALERTS.BASE_URL
    if not base:
        return ""
    try:
        return base.rstrip("/") + reverse(f"admin:artisan_monitoring_{model}_change", args=[pk])
    except NoReverseMatch:
        return ""
