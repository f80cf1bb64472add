"""The slow page: a sales report for the staff."""

from __future__ import annotations

import time
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from artisan_monitoring import metrics_collector
from testproject.shop.models import OrderLine

DAYS = 28
LEDGER_WAIT_S = 0.18  # what the imagined ledger in another building takes to answer
REVENUE = Sum(F("quantity") * F("unit_price"))


@login_required
@require_safe
def sales(request):
    """Add up four weeks of orders by day, by artisan and by product; staff only."""
    if not request.user.is_staff:
        raise PermissionDenied
    with metrics_collector.measure_time("shop.report.ledger"):
        time.sleep(LEDGER_WAIT_S)
    first = timezone.now() - timedelta(days=DAYS)
    lines = OrderLine.objects.filter(order__placed_at__gte=first).exclude(order__state="cancelled")
    days = lines.annotate(day=TruncDate("order__placed_at")).values("day").annotate(sum=REVENUE).order_by("day")
    context = {
        "bars": _bars([(row["day"], float(row["sum"])) for row in days]),
        "total": lines.aggregate(sum=REVENUE, orders=Count("order", distinct=True), pieces=Sum("quantity")),
        "artisans": _ranking(lines, "product__artisan__name"),
        "products": _ranking(lines, "product__name"),
    }
    return render(request, "shop/report.html", context)


def _ranking(lines, field: str) -> list[dict]:
    rows = list(lines.values(name=F(field)).annotate(sum=REVENUE, pieces=Sum("quantity")).order_by("-sum")[:6])
    most = max((row["sum"] for row in rows), default=1)
    return [{**row, "share": int(100 * row["sum"] / most)} for row in rows]


def _bars(days: list[tuple]) -> list[dict]:
    """Lay out one bar a day on a field of 560 by 160 units."""
    if not days:
        return []
    most, step = max(amount for _, amount in days), 560 / len(days)
    return [
        {
            "day": day,
            "amount": amount,
            "x": round(number * step, 1),
            "y": round(160 - 150 * amount / most, 1),
            "width": round(step * 0.72, 1),
            "height": round(150 * amount / most, 1),
        }
        for number, (day, amount) in enumerate(days)
    ]
