"""Reads back what the monitoring recorded of a run, from its store and tables."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Sum

from artisan_monitoring.metrics.queries import read
from artisan_monitoring.models import Alert, ErrorGroup, SecurityEvent
from testproject.shop.models import Order

DURATION = "http.server.request.duration"
ROUTE, STATUS = "http.route", "http.response.status_code"
# A wider slot would begin before the run does, and count what was there already.
STEP_S = 60
AHEAD_S = 180  # buckets are whole minutes, by the store's clock


@dataclass(slots=True)
class Latency:
    """Requests and percentiles, in milliseconds, of one route or of all."""

    requests: int
    p50: float
    p95: float
    p99: float


class Evidence:
    """What is in the store now, against what was there when the run began.

    Make it before the traffic starts. Buckets are minutes, and rows may be older than the run, so the counts of
    before are taken from those of after. Exact as long as no other process writes to the same store.
    """

    def __init__(self) -> None:
        self.began = time.time()
        self.start = self.began - self.began % 60
        self._before = self._requests()
        self._errors_before = dict(ErrorGroup.objects.values_list("pk", "count"))
        self._security_before = self._security()
        self._orders_before = (self._order_rows(), self._order_metric())

    @property
    def _since(self) -> datetime:
        return datetime.fromtimestamp(self.began, UTC)

    def _requests(self) -> Counter[tuple[str, str]]:
        """Count requests by route and status, without those to the health endpoints."""
        result = read(DURATION, self.start, time.time() + AHEAD_S, step_s=STEP_S, group_by=(ROUTE, STATUS))
        counts = {group: result.total(group).count for group in result.groups}
        return Counter({group: n for group, n in counts.items() if not group[0].lstrip("/").startswith("health")})

    def requests(self) -> Counter[tuple[str, str]]:
        """Count this run's requests by route and status."""
        return self._requests() - self._before

    def latency(self) -> tuple[Latency, dict[str, Latency]]:
        """Give the percentiles of all requests, and of each route, since the minute in which the run began."""
        end = time.time() + AHEAD_S
        total = read(DURATION, self.start, end, step_s=STEP_S)
        by_route = read(DURATION, self.start, end, step_s=STEP_S, group_by=(ROUTE,))
        routes = {group[0]: _latency(by_route.total(group)) for group in by_route.groups}
        return _latency(total.total(())), routes

    def errors(self) -> list[tuple[ErrorGroup, int]]:
        """Give the error groups of this run with how often each came, the most frequent first."""
        seen = ErrorGroup.objects.filter(last_seen__gte=self._since)
        counted = [(group, group.count - self._errors_before.get(group.pk, 0)) for group in seen]
        return sorted(((g, n) for g, n in counted if n), key=lambda each: -each[1])

    def alerts(self) -> list[Alert]:
        """Give the alerts whose condition held during this run."""
        return list(Alert.objects.filter(met_at__gte=self._since).order_by("-fired_at"))

    def _security(self) -> Counter[tuple[str, str]]:
        rows = SecurityEvent.objects.order_by().values_list("event", "rule").annotate(n=Sum("count"))
        return Counter({(event, rule): n for event, rule, n in rows})

    def security(self) -> Counter[tuple[str, str]]:
        """Count this run's security events by name and rule."""
        return self._security() - self._security_before

    def _order_rows(self) -> int:
        return Order.objects.exclude(reference__startswith="AP-SEED").count()

    def _order_metric(self) -> int:
        result = read("shop.orders", self.start, time.time() + AHEAD_S, step_s=STEP_S)
        return round(result.overall().sum)

    def orders(self) -> tuple[int, int]:
        """Count this run's orders: rows in the shop's table, and what the shop's own metric says."""
        return self._order_rows() - self._orders_before[0], self._order_metric() - self._orders_before[1]


def _latency(cell) -> Latency:
    return Latency(cell.count, *(1000 * (cell.quantile(q) or 0.0) for q in (0.5, 0.95, 0.99)))
