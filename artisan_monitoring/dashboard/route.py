"""One route: its traffic, its answers by method and status, its queries, its errors and its slowest requests."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.db.models import Count, Max

from ..conf import get_settings
from ..core.histogram import Cell, Exemplar
from ..core.series import Series
from ..models import ErrorEvent, ErrorGroup
from ..stores import get_store
from . import deploys, figures, overview
from .charts import Chart, Line
from .deploys import Mark
from .figures import bad
from .heatmap import HeatMap
from .history import History, history
from .overview import Tile
from .rollups import ROUTE, STATUS
from .sections import Reader
from .tallies import Slot, failed
from .traffic import REQUESTS, Traffic, settle_s
from .windows import SPANS, Span

METHOD = "http.request.method"
QUERIES = "artisan.db.queries"
QUERY_TIME = "artisan.db.query_time"
MANY_QUERIES = 50.0
"""The mean of a request from which it is worth a look: most often a query in a loop."""

ERRORS = 8
SAMPLES = 200
"""The newest samples of a route's errors that are looked through for their groups."""
SLOWEST = 10


class UnknownRoute(LookupError):
    """No request on this route is known: it was never called, or not for so long that it is forgotten."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the metrics hold of a route; `requests` is grouped by method and status."""

    traffic: Traffic
    requests: History
    queries: History
    query_time: History
    exemplars: list[Exemplar]


def page(route: str, span: Span, *, may_see_errors: bool = True) -> dict[str, object]:
    """Return the template's context. Raise `UnknownRoute`; a section that cannot be read holds a sentence instead."""
    reader = Reader()
    series = reader.store("route", lambda: of_route(REQUESTS, route))
    if series.value == []:
        raise UnknownRoute(route)
    found = reader.store("route", lambda: _read(route, series.value or [], span))
    seen = found.value
    as_of = seen.traffic.as_of if seen else time.time()
    shown = slowest(seen.exemplars) if seen else []
    marks = deploys.read(reader, seen.traffic.times, span.step_s) if seen else []
    return {
        "route": route,
        "keep": urlencode({"route": route}),
        "span": span,
        "spans": list(SPANS.values()),
        "problem": series.problem or found.problem,
        "as_of_iso": figures.iso(as_of),
        "as_of_text": figures.clock(as_of),
        "empty": seen is not None and seen.traffic.empty,
        "hours_left_out": seen.traffic.hours_left_out if seen else 0,
        "tiles": tiles(seen) if seen else [],
        "charts": charts(seen, marks) if seen and not seen.traffic.empty else [],
        "answers": answers(seen.requests) if seen else [],
        "slowest": _with_errors(reader, shown) if may_see_errors else shown,
        "errors": reader.rows("route.errors", lambda: _groups(route, span)) if may_see_errors else None,
    }


def of_route(name: str, route: str) -> list[Series]:
    """Return the series of a metric that are one route's."""
    return [each for each in get_store().series(name) if dict(each.tags).get(ROUTE) == route]


def _read(route: str, series: Sequence[Series], span: Span) -> Seen:
    requests = history(series, span, lambda each: (dict(each.tags).get(METHOD, ""), dict(each.tags).get(STATUS, "")))
    return Seen(
        traffic=_traffic(requests),
        requests=requests,
        queries=history(of_route(QUERIES, route), span, lambda each: ()),
        query_time=history(of_route(QUERY_TIME, route), span, lambda each: ()),
        exemplars=list(_exemplars(requests, {each.id for each in series})),
    )


def _traffic(requests: History) -> Traffic:
    """Shape a route's requests as those of the site are, so that the same charts draw them."""
    slots: dict[int, Slot] = {}
    for (_, status), cells in requests.groups.items():
        for start, cell in cells.items():
            slot = slots.setdefault(start, Slot())
            slot.cell.merge(cell)
            slot.failed += cell.count if failed(status) else 0
    total = Slot()
    for slot in slots.values():
        total.cell.merge(slot.cell)
        total.failed += slot.failed
    return Traffic(
        span=requests.span, as_of=requests.as_of, times=requests.times, slots=slots, routes=[], total=total,
        errors=0, active=None, settle_s=settle_s(get_store()), hours_left_out=requests.hours_left_out,
    )  # fmt: skip


def _exemplars(requests: History, ids: set[str]) -> Iterator[Exemplar]:
    """Yield those of the window, and those of the totals that fall into it: roll-ups carry none."""
    for cells in requests.groups.values():
        for cell in cells.values():
            yield from (cell.exemplars or {}).values()
    for total in get_store().totals(REQUESTS):
        if total.series.id in ids:
            yield from (each for each in (total.cell.exemplars or {}).values() if each[1] >= requests.times[0])


def tiles(seen: Seen) -> list[Tile]:
    """Return the numbers at the top."""
    total = seen.traffic.total
    cell = total.cell
    rate = total.failed / cell.count if cell.count else None
    queries, query_time = seen.queries.total(()), seen.query_time.total(())
    # A request without a query has no query time, and a count of zero.
    time_each = query_time.sum / queries.count if queries.count else None
    return [
        Tile("Requests", figures.count(cell.count), overview.per_second(total, seen.traffic)),
        Tile("Error rate", figures.share(rate), f"{figures.count(total.failed)} answered 5xx", bad(rate, 0.01, 0.05)),
        Tile("p50", figures.duration(cell.quantile(0.5)), f"mean {figures.duration(cell.avg)}"),
        Tile("p95", figures.duration(cell.quantile(0.95)), f"p99 {figures.duration(cell.quantile(0.99))}"),
        Tile(
            "Queries a request",
            figures.number(queries.avg),
            f"at most {figures.number(queries.max)}" if queries.count else "not measured",
            "medium" if (queries.avg or 0) >= MANY_QUERIES else "",
        ),
        Tile("Query time", figures.duration(time_each), _share_of(time_each, cell)),
    ]


def _share_of(time_each: float | None, cell: Cell) -> str:
    return (
        f"{figures.share(min(1.0, time_each / cell.avg))} of a request's" if time_each is not None and cell.avg else ""
    )


def charts(seen: Seen, marks: Sequence[Mark]) -> list[Chart | HeatMap]:
    """Return the charts of requests, as those of the site are, and of queries."""
    of_requests: list[Chart | HeatMap] = [
        *overview.charts(seen.traffic, marks),
        overview.latency_map(seen.traffic, marks),
    ]
    return [*of_requests, *(replace(each, marks=marks) for each in query_charts(seen))]


def query_charts(seen: Seen) -> list[Chart]:
    """Return the charts of queries and of their time; none where no query was counted."""
    charts = []
    for title, found, show, least in (
        ("Queries a request", seen.queries, figures.number, 1.0),
        ("Query time", seen.query_time, figures.duration, 0.001),
    ):
        cells = [found.slots().get(at) for at in found.times] if found.groups else []
        lines = [
            Line("p95", "am-t2", [cell.quantile(0.95) if cell else None for cell in cells]),
            Line("mean", "am-t1", [cell.avg if cell else None for cell in cells]),
        ]
        if cells:
            charts.append(Chart(title, found.times, found.span.step_s, lines, show, least=least))
    return charts


def answers(requests: History) -> list[dict[str, object]]:
    """Return the answers by method and status, the most frequent first."""
    rows = [(method, status, requests.total((method, status))) for method, status in requests.groups]
    all_of_them = sum(cell.count for *_, cell in rows) or 1
    return [
        {
            "method": method or figures.NOTHING,
            "status": status or figures.NOTHING,
            "tone": "critical" if failed(status) else "",
            "count": figures.count(cell.count),
            "share": figures.share(cell.count / all_of_them),
            "width": round(100 * cell.count / all_of_them, 1),
            "figures": [figures.duration(each) for each in (cell.quantile(0.5), cell.quantile(0.95), cell.max)],
        }
        for method, status, cell in sorted(rows, key=lambda row: (-row[2].count, row[:2]))
        if cell.count
    ]


def slowest(exemplars: Sequence[Exemplar]) -> list[dict[str, object]]:
    """Return the slowest requests that are known one by one, each once."""
    once = {(round(value, 9), at): (value, at, attributes) for value, at, attributes in exemplars}
    return [
        {
            "value": figures.duration(value),
            "at": int(at),
            "at_iso": figures.iso(at),
            "at_text": figures.clock(at),
            "request_id": attributes.get("request_id", ""),
            "trace_id": attributes.get("trace_id", ""),
        }
        for value, at, attributes in sorted(once.values(), key=lambda each: (-each[0], each[1]))[:SLOWEST]
    ]


def _with_errors(reader: Reader, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Add to the slowest requests an error of theirs, as (group, sample, type), where its sample was kept."""
    ids = [str(each["request_id"]) for each in rows if each["request_id"]]
    found = reader.rows("route.samples", lambda: _samples(ids)).value or {}
    return [{**each, "error": found.get(str(each["request_id"]))} for each in rows]


def _samples(request_ids: Sequence[str]) -> dict[str, tuple[int, int, str]]:
    """Return (group, sample, type) by request, of those with an error that was kept: their own, or of their tasks."""
    rows = ErrorEvent.objects.using(get_settings().DATABASE).filter(request_id__in=request_ids).order_by("pk")
    return {
        request_id: (group, event, kind.rpartition(".")[2])
        for request_id, group, event, kind in rows.values_list("request_id", "group_id", "pk", "type")[:SAMPLES]
    }


def _groups(route: str, span: Span) -> list[dict[str, object]]:
    """Return the groups among the newest samples of the window, the newest first."""
    using = get_settings().DATABASE
    now = time.time()
    slots = span.slots(now)
    since, until = (datetime.fromtimestamp(each, UTC) for each in (slots.start, slots.stop))
    # A sample has the URL pattern as Django writes it: without the slash that the metrics' tag begins with.
    spellings = {route, route.removeprefix("/")} if route else {""}
    newest = ErrorEvent.objects.using(using).filter(route__in=spellings, occurred_at__gte=since, occurred_at__lt=until)
    kept = list(newest.order_by("-occurred_at").values_list("pk", flat=True)[:SAMPLES])
    by_group = (
        ErrorEvent.objects.using(using).filter(pk__in=kept).values("group_id").order_by()
        .annotate(samples=Count("pk"), newest=Max("occurred_at"))
    )  # fmt: skip
    rows = sorted(by_group, key=lambda row: row["newest"], reverse=True)[:ERRORS]
    groups = ErrorGroup.objects.using(using).in_bulk([row["group_id"] for row in rows])
    return [
        {"id": group.pk, "type": group.type, "message": group.message, "severity": group.severity,
         "tone": group.severity.lower(), "samples": row["samples"], "last_seen": row["newest"].isoformat(),
         "age": figures.age(now - row["newest"].timestamp())}
        for row in rows if (group := groups.get(row["group_id"]))
    ]  # fmt: skip
