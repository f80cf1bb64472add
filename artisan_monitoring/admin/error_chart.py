"""A group's counts per hour as a picture with what happened to it: releases first seen, resolved, regressed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ..deploys.marks import between
from ..models.errors import ErrorActivity, ErrorHourlyCount, ErrorRelease

HEIGHT, AXIS = 84, 18
HOURS = 7 * 24
MARKS = 12
_TONES = {ErrorActivity.Kind.RESOLVED: "good", ErrorActivity.Kind.REGRESSED: "critical"}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to the group, or a release that began: where on the chart, and in words."""

    at: datetime
    text: str
    tone: str
    per_cent: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Counts of the hours that begin at `times`, and the marks among them."""

    times: Sequence[datetime]
    counts: Sequence[int]
    marks: Sequence[Mark]

    @property
    def peak(self) -> int:
        """The highest count of an hour."""
        return max(self.counts, default=0)

    @property
    def rows(self) -> list[tuple[datetime, str]]:
        """The chart as a table: the hours in which it happened, latest first."""
        pairs = zip(self.times, self.counts, strict=True)
        return [(at, f"{count:,}") for at, count in pairs if count][::-1]

    def svg(self) -> SafeString:
        """Draw it, as wide as there is room. Every text is escaped."""
        return format_html(
            '<svg class="am-hours" role="img" aria-label="{}" width="100%" height="{}">'
            '<svg width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">{}</svg>{}{}</svg>',
            f"{sum(self.counts):,} in the last 7 days, at most {self.peak:,} in an hour",
            HEIGHT + AXIS,
            HEIGHT,
            len(self.times) * 4,
            HEIGHT,
            self._bars(),
            self._days(),
            self._lines(),
        )

    def _bars(self) -> SafeString:
        bars = (
            (
                "am-bar" if count else "am-bar am-none",
                index * 4,
                HEIGHT - tall,
                tall,
                f"{timezone.localtime(at):%d %b %H:00}",
                f"{count:,}",
            )
            for index, (at, count) in enumerate(zip(self.times, self.counts, strict=True))
            for tall in [max(3, round(count / self.peak * (HEIGHT - 12))) if count else 1]
        )
        return format_html_join(
            "", '<rect class="{}" x="{}" y="{}" width="3" height="{}"><title>{}: {}</title></rect>', bars
        )

    def _days(self) -> SafeString:
        local = [timezone.localtime(at) for at in self.times]
        noons = ((f"{index / len(local) * 100:.2f}", f"{at:%d %b}") for index, at in enumerate(local) if at.hour == 12)
        return format_html_join(
            "", '<text class="am-day" x="{0}%" y="{2}">{1}</text>', ((x, day, HEIGHT + AXIS - 4) for x, day in noons)
        )

    def _lines(self) -> SafeString:
        return format_html_join(
            "",
            '<g class="am-mark am-{0}"><title>{2}</title><line x1="{1}%" x2="{1}%" y1="0" y2="{3}"/>'
            '<circle cx="{1}%" cy="4" r="3.5"/></g>',
            ((mark.tone, mark.per_cent, mark.text, HEIGHT) for mark in self.marks),
        )


def chart_of(counts: Mapping[datetime, int], activities: Iterable[ErrorActivity], now: datetime) -> Chart:
    """Return the chart of the last week. Two queries: for deploys, and for releases that nobody marked as deployed."""
    times, values = hours_of(counts, now, HOURS)
    since = times[0]
    deploys = between(since.timestamp(), now.timestamp())
    marks = [(each.at, f"deploy of {each.release}", "low") for each in deploys[-MARKS:]]
    releases = ErrorRelease.objects.filter(first_seen__gte=since).exclude(name__in={each.release for each in deploys})
    marks += [(each.first_seen, f"{each.name} first seen", "low") for each in releases[:MARKS]]
    marks += [
        (each.at, each.get_kind_display(), _TONES[ErrorActivity.Kind(each.kind)])
        for each in activities
        if each.kind in _TONES and each.at >= since
    ]
    latest = sorted(marks, key=lambda mark: mark[0])[-MARKS:]
    width = timedelta(hours=HOURS)
    placed = [Mark(at, text, tone, f"{(at - since) / width * 100:.2f}") for at, text, tone in latest]
    return Chart(times, values, placed)


def hourly(pks: Sequence[int], now: datetime, hours: int) -> dict[int, dict[datetime, int]]:
    """Return {group: {hour: count}} over the last `hours` hours, in one query."""
    counts: dict[int, dict[datetime, int]] = {}
    since = _hour(now) - timedelta(hours=hours - 1)
    rows = ErrorHourlyCount.objects.filter(group_id__in=pks, hour__gte=since)
    for pk, hour, count in rows.values_list("group_id", "hour", "count"):
        counts.setdefault(pk, {})[hour] = count
    return counts


def hours_of(counts: Mapping[datetime, int], now: datetime, hours: int) -> tuple[list[datetime], list[int]]:
    """Return the last hours, the running one last, and the count of each."""
    end = _hour(now)
    times = [end - timedelta(hours=back) for back in range(hours - 1, -1, -1)]
    return times, [counts.get(time, 0) for time in times]


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
