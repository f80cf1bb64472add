"""What the page of one error group shows: read in a fixed number of queries, shaped for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from ..deploys.marks import between
from ..models.errors import ErrorActivity, ErrorEvent, ErrorGroup, ErrorHourlyCount, Grouping
from .sparks import bars

CHART_HOURS = 7 * 24
ACTIVITIES = 20
GROUPINGS = 5
DEPLOYS = 5

_RELATIONS = {
    "raised": "",
    "cause": "which was caused by",
    "context": "which was raised while this was being handled",
    "member": "in the group",
}


def page(group: ErrorGroup, event_id: str) -> dict[str, object]:
    """Return the template's context for a group and one of its samples: the one asked for, else the latest."""
    now = timezone.now()
    event = _event(group, event_id)
    return {
        "group": group,
        "count": f"{group.count:,}",
        "users": f"{group.users:,}",
        "last_seen": ago(group.last_seen, now),
        "first_seen": ago(group.first_seen, now),
        "event": event,
        **_chart(group, now),
        "groupings": list(Grouping.objects.filter(group=group).order_by("pk")[:GROUPINGS]),
        "activities": list(ErrorActivity.objects.filter(group=group)[:ACTIVITIES]),
        **(_sample(event) if event is not None else {}),
    }


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago something was, in one unit."""
    return "just now" if now - moment < timedelta(minutes=1) else f"{timesince(moment, now, depth=1)} ago"


def _event(group: ErrorGroup, asked: str) -> ErrorEvent | None:
    events = ErrorEvent.objects.filter(group=group)
    found = events.filter(pk=int(asked)).first() if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    return found or events.first()


def _sample(event: ErrorEvent) -> dict[str, object]:
    events = ErrorEvent.objects.filter(group_id=event.group_id)
    older = events.filter(Q(occurred_at__lt=event.occurred_at) | Q(occurred_at=event.occurred_at, pk__lt=event.pk))
    newer = events.filter(Q(occurred_at__gt=event.occurred_at) | Q(occurred_at=event.occurred_at, pk__gt=event.pk))
    details = event.details if isinstance(event.details, dict) else {}
    before = older.count()
    return {
        "older": older.values_list("pk", flat=True).first(),
        "newer": newer.order_by("occurred_at", "pk").values_list("pk", flat=True).first(),
        "position": before + 1,
        "total": before + 1 + newer.count(),
        "chain": chain(details.get("exception") or []),
        "request_facts": request_facts(details.get("request") or {}),
        "tables": request_tables(details.get("request") or {}),
        "body": (details.get("request") or {}).get("json"),
        "extra": (details.get("context") or {}).items(),
        "runtime": (details.get("runtime") or {}).items(),
        "client": details.get("client"),
        "task": details.get("task"),
        "user_url": user_url(event.user_pk),
    }


def chain(exceptions: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Return the exceptions as shown: what was raised first, frames innermost first, library frames in folds."""
    return [
        {
            "type": each.get("type"),
            "message": each.get("message"),
            "notes": each.get("notes") or [],
            "relation": _RELATIONS.get(str(each.get("relation")), ""),
            "left_out": each.get("left_out"),
            "runs": _runs(each.get("frames") or []),
        }
        for each in exceptions
    ]


def _runs(frames: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Group neighbouring frames by whether they are the project's own."""
    runs: list[dict[str, object]] = []
    first_own = True
    for own, members in groupby(reversed(frames), key=_is_own):
        shown = [_frame(frame) for frame in members]
        if own and first_own:
            shown[0]["innermost"] = True
            first_own = False
        runs.append({"own": own, "frames": shown, "count": len(shown)})
    return runs


def _is_own(frame: Mapping[str, Any]) -> bool:
    return bool(frame.get("in_app")) and not frame.get("passes_on")


def _frame(frame: Mapping[str, Any]) -> dict[str, object]:
    first = int(frame.get("first_line") or 1)
    source = frame.get("source") or []
    return {
        **{key: frame.get(key) for key in ("module", "function", "file", "line", "repeated", "passes_on")},
        "source": [(number, text, number == frame.get("line")) for number, text in enumerate(source, first)],
        "locals": list((frame.get("locals") or {}).items()),
    }


def request_facts(request: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return what a request was, as (label, value) pairs."""
    facts = [("Method", "method"), ("Path", "path"), ("View", "view"), ("View name", "view_name"), ("Scheme", "scheme")]
    shown = [(label, request[key]) for label, key in facts if request.get(key)]
    # An unnamed view is named after its function.
    return [(label, value) for label, value in shown if label != "View name" or value != request.get("view")]


def request_tables(request: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return the request's tables of name and value: query, form, files, headers."""
    tables = [("Query", "query"), ("Form", "form"), ("Files", "files"), ("Headers", "headers")]
    return [(label, request[key]) for label, key in tables if request.get(key)]


def user_url(user_pk: str) -> str:
    """Return the admin page of a user, made from the key alone; nothing if the project's admin has none."""
    opts = get_user_model()._meta
    try:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[user_pk]) if user_pk else ""
    except NoReverseMatch:
        return ""


def _chart(group: ErrorGroup, now: datetime) -> dict[str, object]:
    """Return the chart of the group's counts per hour over the last week, and the deploys marked on it."""
    counts = hourly([group.pk], now, CHART_HOURS).get(group.pk, {})
    since = _hour(now) - timedelta(hours=CHART_HOURS - 1)
    deploys = between(since.timestamp(), now.timestamp())
    marks = [
        (
            int((each.at - since) / timedelta(hours=1)),
            f"deploy of {each.release}, {timezone.localtime(each.at):%d %b %H:%M}",
        )
        for each in deploys
    ]
    svg = draw(counts, now, CHART_HOURS, height=64, bar=4, span="the last 7 days", marks=marks)
    return {"chart": svg, "deploys": deploys[-DEPLOYS:][::-1]}


def hourly(pks: Sequence[int], now: datetime, hours: int) -> dict[int, dict[datetime, int]]:
    """Return {group: {hour: count}} over the last `hours` hours, in one query."""
    counts: dict[int, dict[datetime, int]] = {}
    since = _hour(now) - timedelta(hours=hours - 1)
    rows = ErrorHourlyCount.objects.filter(group_id__in=pks, hour__gte=since)
    for pk, hour, count in rows.values_list("group_id", "hour", "count"):
        counts.setdefault(pk, {})[hour] = count
    return counts


def draw(
    counts: Mapping[datetime, int],
    now: datetime,
    hours: int,
    *,
    height: int,
    bar: int,
    span: str,
    marks: Sequence[tuple[int, str]] = (),
) -> SafeString:
    """Draw counts per hour that end with the running one."""
    end = _hour(now)
    times = [end - timedelta(hours=back) for back in range(hours - 1, -1, -1)]
    values = [(f"{timezone.localtime(time):%d %b %H:00}", counts.get(time, 0)) for time in times]
    return bars(values, height=height, bar=bar, label=f"{sum(count for _, count in values)} in {span}", marks=marks)


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
