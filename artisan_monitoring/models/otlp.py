"""The table of log records that wait to be exported by OTLP."""

from __future__ import annotations

from django.db import models
from django.db.models import Count, Min, Sum


class LogOutboxQuerySet(models.QuerySet["LogOutbox"]):
    """What waits for the endpoint."""

    def waiting(self, now: float) -> tuple[int, float]:
        """Return how many lines wait, and for how many seconds the oldest has."""
        told = self.aggregate(lines=Sum("lines"), rows=Count("pk"), oldest=Min("added_at"))
        return told["lines"] or 0, max(0.0, now - told["oldest"]) if told["rows"] else 0.0


class LogOutbox(models.Model):
    """Some log lines, packed together, until the endpoint has taken them."""

    lines = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="Characters of the lines, before packing.")
    payload = models.BinaryField()
    added_at = models.FloatField(db_index=True)

    objects = LogOutboxQuerySet.as_manager()

    class Meta:
        verbose_name = "log outbox row"

    def __str__(self) -> str:
        return f"{self.lines} lines"
