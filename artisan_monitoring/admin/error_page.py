"""What the page of one error group shows: read in a fixed number of queries, shaped for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.timesince import timesince

from ..errors.finding import similar
from ..errors.shares import tags_of
from ..errors.states import in_plain_words
from ..errors.trail import Trail, in_ms, trail_of
from ..models.errors import SEVERITIES, ErrorActivity, ErrorEvent, ErrorGroup, Grouping
from .error_actions import MUTES, PERIODS, RESOLUTIONS
from .error_chart import HOURS, chart_of, hourly

ACTIVITIES = 50
GROUPINGS = 5
STEPS = 30
"""Steps of the trail shown before the failure; what is earlier is folded."""

_RELATIONS = {
    "raised": "",
    "cause": "which was caused by",
    "context": "which was raised while this was being handled",
    "member": "in the group",
}


def page(group: ErrorGroup, event_id: str) -> dict[str, object]:
    """Return the template's context for a group and one of its samples: the one asked for, else the latest."""
    now = timezone.now()
    event = chosen_event(group, event_id)
    activities = list(ErrorActivity.objects.filter(group=group)[:ACTIVITIES])
    counts = hourly([group.pk], now, HOURS).get(group.pk, {})
    tags, tagged = tags_of(group)
    return {
        "group": group,
        "terms": in_plain_words(group),
        "count": f"{group.count:,}",
        "users": f"{group.users:,}",
        "last_seen": ago(group.last_seen, now),
        "first_seen": ago(group.first_seen, now),
        "event": event,
        "chart": chart_of(counts, activities, now),
        "groupings": list(Grouping.objects.filter(group=group).order_by("pk")[:GROUPINGS]),
        "activities": activities,
        "similar": similar(group),
        "tags": tags,
        "tagged": tagged,
        "choices": {"resolutions": RESOLUTIONS, "mutes": MUTES, "periods": PERIODS, "severities": SEVERITIES},
        **(_sample(event) if event is not None else {}),
    }


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago something was, in one unit."""
    return "just now" if now - moment < timedelta(minutes=1) else f"{timesince(moment, now, depth=1)} ago"


def chosen_event(group: ErrorGroup, asked: str) -> ErrorEvent | None:
    """Return the sample of a group that is asked for by key, else its latest, if one is left."""
    events = ErrorEvent.objects.filter(group=group)
    found = events.filter(pk=int(asked)).first() if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    return found or events.first()


def _sample(event: ErrorEvent) -> dict[str, object]:
    events = ErrorEvent.objects.filter(group_id=event.group_id)
    older = events.filter(Q(occurred_at__lt=event.occurred_at) | Q(occurred_at=event.occurred_at, pk__lt=event.pk))
    newer = events.filter(Q(occurred_at__gt=event.occurred_at) | Q(occurred_at=event.occurred_at, pk__gt=event.pk))
    details = event.details if isinstance(event.details, dict) else {}
    before, after = older.count(), newer.count()
    request = details.get("request") or {}
    trail = trail_of(details)
    return {
        "older": older.values_list("pk", flat=True).first() if before else None,
        "newer": newer.order_by("occurred_at", "pk").values_list("pk", flat=True).first() if after else None,
        "position": before + 1,
        "total": before + 1 + after,
        "chain": chain(details.get("exception") or []),
        **(_trail(trail) if trail is not None else {}),
        "request_facts": request_facts(request),
        "tables": request_tables(request),
        "body": request.get("json"),
        "extra": (details.get("context") or {}).items(),
        "runtime": (details.get("runtime") or {}).items(),
        "client": details.get("client"),
        "task": details.get("task"),
        "user_url": user_url(event.user_pk),
    }


def _trail(trail: Trail) -> dict[str, object]:
    return {
        "trail": trail,
        "trail_summary": [(label, times, f"{in_ms(ms)} ms" if ms else "") for label, times, ms in trail.summary],
        "trail_earlier": trail.before[:-STEPS],
        "trail_shown": trail.before[-STEPS:],
        "trail_failed": "" if trail.failed_at is None else in_ms(trail.failed_at * 1_000),
        "trail_after": trail.after,
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
