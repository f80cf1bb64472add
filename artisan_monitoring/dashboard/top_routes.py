"""The overview's table of routes: the first ten by total time, by p95, by errors or by requests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from . import figures
from .tallies import Route
from .traffic import ROUTES, Traffic, complete

CANDIDATES = 40
"""Routes whose percentiles are read to find the ten slowest of a long window: 40 x 2 days in hours are 60 ms."""

MEAN_TO_P95 = 20
"""A p95 is at most twenty times the mean: a twentieth of the requests took at least as long (Markov's inequality)."""


@dataclass(frozen=True, slots=True)
class Order:
    """A way to sort; `key` is what the address says and `rank` is higher for what comes first."""

    key: str
    title: str
    rank: Callable[[Route], float]


ORDERS = {
    order.key: order
    for order in (
        Order("time", "total time", lambda each: each.time_s),
        Order("count", "requests", lambda each: each.count),
        Order("errors", "errors", lambda each: each.failed),
        Order("p95", "p95", lambda each: each.cell.quantile(0.95) or 0.0),
    )
}
DEFAULT = ORDERS["time"]

_kept: dict[str, tuple[Traffic, list[Route]]] = {}


def chosen(key: object) -> Order:
    """Return the order that an address names; by time for anything else."""
    return ORDERS.get(key, DEFAULT) if isinstance(key, str) else DEFAULT


def top(seen: Traffic, order: Order) -> list[Route]:
    """Return the first routes of an order, their cells complete; a database error where they cannot be read.

    Traffic is remembered for a few seconds, and so is what was read for one of its orders.
    """
    if order is DEFAULT:
        return seen.routes
    known = _kept.get(order.key)
    if known is None or known[0] is not seen:
        known = _kept[order.key] = seen, _top(seen, order)
    return known[1]


def _top(seen: Traffic, order: Order) -> list[Route]:
    if seen.away:  # there is nothing to complete them from
        return _sorted(seen.routes, order)
    if order.key != "p95":
        first = _sorted(seen.every_route, order)
        complete(seen, first)
        return first
    slow: list[Route] = []
    # Only a high mean makes a high p95 possible, so the routes are looked at from there on down.
    waiting = sorted(seen.every_route, key=_mean, reverse=True)[: CANDIDATES if seen.rolled.hours else None]
    for at in range(0, len(waiting), ROUTES):
        if len(slow) == ROUTES and MEAN_TO_P95 * _mean(waiting[at]) <= order.rank(slow[-1]):
            break
        some = waiting[at : at + ROUTES]
        complete(seen, some)
        slow = _sorted([*slow, *some], order)
    return slow


def _sorted(routes: Collection[Route], order: Order) -> list[Route]:
    return sorted(routes, key=lambda each: (-order.rank(each), each.route))[:ROUTES]


def _mean(route: Route) -> float:
    return route.time_s / route.count if route.count else 0.0


def heads(order: Order, window: str) -> list[dict[str, object]]:
    """Return the columns that sort, each with the address' query that does."""
    labels = {"count": "Requests", "errors": "Errors", "p95": "p95", "time": "Share of time"}
    return [
        {
            "label": label,
            "on": key == order.key,
            "share": key == "time",
            "title": ORDERS[key].title,
            "query": f"{window}&{urlencode({'sort': key})}",
        }
        for key, label in labels.items()
    ]


def kept(order: Order) -> str:
    """Return what the addresses of other windows keep of this one's query."""
    return "" if order is DEFAULT else urlencode({"sort": order.key})


def table(seen: Traffic, order: Order) -> dict[str, object]:
    """Return the table as shown; a database error where it cannot be read."""
    return {"by": order.title, "heads": heads(order, seen.span.query), "rows": rows(seen, top(seen, order))}


def rows(seen: Traffic, shown: Sequence[Route]) -> list[dict[str, object]]:
    """Return routes as shown."""
    all_s = seen.total.cell.sum or 1.0
    return [
        {
            "route": each.route or "no route matched",
            "unmatched": not each.route,
            "query": f"{urlencode({'route': each.route})}&{seen.span.query}",
            "count": figures.count(each.count),
            "failed": figures.count(each.failed),
            "error_rate": figures.share(share),
            "tone": figures.bad(share, 0.01, 0.05),
            "p95": figures.duration(each.cell.quantile(0.95)),
            "share": figures.share(each.time_s / all_s),
            "width": round(100 * each.time_s / all_s, 1),
        }
        for each in shown
        for share in [each.failed / each.count if each.count else None]
    ]
