"""What a period's errors come to: the new, the regressed and the noisiest, with their counts against the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import QuerySet, Sum

from ..models.errors import ErrorActivity, ErrorGroup, ErrorHourlyCount

LISTED = 10
Muted = ErrorGroup.State.MUTED


@dataclass(frozen=True, slots=True)
class Line:
    """A group with its count in the period and in the one before."""

    group: ErrorGroup
    count: int
    before: int

    @property
    def trend(self) -> str:
        """The count against the one before, in words."""
        if not self.before:
            return f"{self.count:,} times, none before"
        return f"{self.count:,} times, {self.before:,} before"


@dataclass(frozen=True, slots=True)
class Part:
    """One heading's groups: the first ten, and how many there are."""

    title: str
    lines: tuple[Line, ...]
    total: int

    @property
    def more(self) -> int:
        """How many are not listed."""
        return self.total - len(self.lines)


@dataclass(frozen=True, slots=True)
class Digest:
    """A period with what happened in it; `count` and `before` are of all errors, muted ones too."""

    begin: datetime
    end: datetime
    new: Part
    regressed: Part
    noisiest: Part
    count: int
    before: int

    @property
    def parts(self) -> list[Part]:
        """The parts that have something in them."""
        return [part for part in (self.new, self.regressed, self.noisiest) if part.lines]


def digest_of(begin: datetime, end: datetime) -> Digest:
    """Read a period in a fixed number of queries. Muted groups are left out: somebody asked for quiet."""
    earlier = begin - (end - begin)
    groups = ErrorGroup.objects.exclude(state=Muted).defer("users_sketch", "search")
    new = groups.filter(first_seen__gte=begin, first_seen__lt=end).order_by("-count", "-pk")
    came_back = ErrorActivity.objects.filter(kind=ErrorActivity.Kind.REGRESSED, at__gte=begin, at__lt=end)
    regressed = groups.filter(pk__in=came_back.values("group")).order_by("-count", "-pk")
    noisiest = _loudest(_hours(begin, end).exclude(group__state=Muted))
    listed = {"new": list(new[:LISTED]), "regressed": list(regressed[:LISTED])}
    known = groups.in_bulk(noisiest)
    listed["noisiest"] = [known[pk] for pk in noisiest if pk in known]
    pks = sorted({group.pk for part in listed.values() for group in part})
    now, before = (_by_group(_hours(*window).filter(group_id__in=pks)) for window in ((begin, end), (earlier, begin)))

    def part(title: str, shown: Sequence[ErrorGroup], total: int) -> Part:
        return Part(title, tuple(Line(g, now.get(g.pk, 0), before.get(g.pk, 0)) for g in shown), total)

    return Digest(
        begin,
        end,
        part("New", listed["new"], new.count()),
        part("Regressed", listed["regressed"], regressed.count()),
        part("Noisiest", listed["noisiest"], len(listed["noisiest"])),
        _sum(begin, end),
        _sum(earlier, begin),
    )


def _hours(begin: datetime, end: datetime) -> QuerySet[ErrorHourlyCount]:
    first, last = (each.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for each in (begin, end))
    return ErrorHourlyCount.objects.filter(hour__gte=first, hour__lt=last)


def _by_group(hours: QuerySet[ErrorHourlyCount]) -> dict[int, int]:
    return dict(hours.order_by().values_list("group_id").annotate(total=Sum("count")))


def _loudest(hours: QuerySet[ErrorHourlyCount]) -> list[int]:
    totals = hours.order_by().values_list("group_id").annotate(total=Sum("count"))
    return [pk for pk, _ in totals.order_by("-total", "-group_id")[:LISTED]]


def _sum(begin: datetime, end: datetime) -> int:
    return _hours(begin, end).aggregate(total=Sum("count"))["total"] or 0
