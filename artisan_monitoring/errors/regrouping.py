"""What would a changed rule regroup? Runs it over the stored samples of the last days; nothing is written.

A sample is judged only if the rules that made its fingerprint, run over what is stored of it, make the same one again:
of a long stack the middle is left out, and source that did not fit. What cannot be judged is counted.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any, TypeAlias

from django.db import router

from ..conf import get_settings
from ..core.fingerprints import CHOSEN, ExceptionPart, Fingerprint, culprit, of_exception, of_parts
from ..core.stacks import CodeLine, FrameReader, passes_on
from ..models.errors import ErrorEvent, ErrorGroup, Grouping
from .grouping import Occurrence, Rule, parts_of, rule_in_force

LIMIT = 20_000
"""Samples looked at, the newest first: 0.3 ms of processor time each, with stacks of 30 frames."""

Key: TypeAlias = tuple[str, int]
Goal: TypeAlias = "int | Key"
"""Where a sample would go: the key of a group that there is, or a fingerprint that nobody has yet."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The rules to try: a fingerprint rule (None: none), and which modules are the project's own."""

    rule: Rule | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    @classmethod
    def in_force(cls) -> Trial:
        """Return the rules that this process would use now."""
        chosen = get_settings().ERRORS
        return cls(rule_in_force(), chosen.IN_APP_INCLUDE, chosen.IN_APP_EXCLUDE)


@dataclass(frozen=True, slots=True)
class Part:
    """Samples that would go the same way: into `group` (an existing one, by key), or into a new group."""

    goal: Goal
    group: int | None
    title: str
    samples: int
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A group and what would become of it, or (`groups`) what would become one."""

    group: int
    title: str
    count: int
    samples: int
    parts: tuple[Part, ...] = ()


@dataclass(slots=True)
class Preview:
    """What was found. `starts_anew` are groups that would go on as another, new one: their past stays behind."""

    samples: int = 0
    unclear: int = 0
    """Samples that cannot be judged."""
    chosen: int = 0
    """Samples whose fingerprint was given with the report: no rule touches them."""
    failed: int = 0
    """Samples at which the rule raised: there the default would hold."""
    unchanged: int = 0
    splits: list[Change] = field(default_factory=list)
    merges: list[tuple[Part, list[Change]]] = field(default_factory=list)
    starts_anew: list[Change] = field(default_factory=list)


def preview(trial: Trial, since: datetime, limit: int = LIMIT) -> Preview:
    """Run a trial over the samples since a time, the newest first."""
    using = router.db_for_read(ErrorEvent)
    found = Preview()
    ways: dict[int, Counter[Key]] = defaultdict(Counter)
    components: dict[Key, tuple[str, ...]] = {}
    judge = _Judge(trial, using, found)
    events = ErrorEvent.objects.using(using).filter(occurred_at__gte=since).order_by("-occurred_at")
    for event in events.select_related("group", "grouping")[:limit].iterator(chunk_size=200):
        found.samples += 1
        fingerprint = judge.of(event)
        if fingerprint is not None:
            key = (fingerprint.hash, fingerprint.version)
            ways[event.group_id][key] += 1
            components[key] = fingerprint.components
    _sum_up(found, ways, components, using)
    return found


def days_ago(days: int, now: datetime) -> datetime:
    """Return the time from which samples are looked at."""
    return now - timedelta(days=days)


class _Judge:
    """Says what a sample's fingerprint would be, and counts where it cannot."""

    def __init__(self, trial: Trial, using: str, found: Preview) -> None:
        self._trial = trial
        self._using = using
        self._found = found
        self._force = Trial.in_force()
        self._of_group: dict[int, tuple[set[str], bool]] = {}
        self._own: dict[tuple[str, bool], bool] = {}

    def of(self, event: ErrorEvent) -> Fingerprint | None:
        """Return the fingerprint under trial, or nothing where it cannot be told."""
        parts = chain_of(event.details)
        if not parts:
            self._found.unclear += 1
            return None
        told = _occurrence(event, parts)
        stored, chosen = self._stored(event)
        if told.default.hash not in stored and _apply(self._force.rule, told)[0].hash not in stored:
            self._found.chosen += chosen
            self._found.unclear += not chosen
            return None
        tried = _occurrence(event, [replace(part, lines=list(map(self._tried, part.lines))) for part in parts])
        fingerprint, failed = _apply(self._trial.rule, tried)
        self._found.failed += failed
        return fingerprint

    def _stored(self, event: ErrorEvent) -> tuple[set[str], bool]:
        """Return the hashes that a sample may have come by, and whether the project chose them."""
        if event.grouping is not None:
            return {event.grouping.hash}, _is_chosen(event.grouping)
        known = self._of_group.get(event.group_id)
        if known is None:
            rows = list(Grouping.objects.using(self._using).filter(group=event.group_id))
            known = self._of_group[event.group_id] = {row.hash for row in rows}, any(map(_is_chosen, rows))
        return known

    def _tried(self, line: CodeLine) -> CodeLine:
        key = (line.module, line.in_app)
        own = self._own.get(key)
        if own is None:
            own = self._own[key] = self._is_own(line)
        return line if own == line.in_app else replace(line, in_app=own, passes_on=own and passes_on(line.text))

    def _is_own(self, line: CodeLine) -> bool:
        new, old = self._trial, self._force
        if (new.include, new.exclude) == (old.include, old.exclude):
            return line.in_app
        named = (*new.include, *new.exclude, *old.include, *old.exclude)
        if not any(line.module == name or line.module.startswith(f"{name}.") for name in named):
            return line.in_app  # by where it lies, as before
        return FrameReader(new.include, new.exclude).in_app(line.module, _file_of(line.module))


def _is_chosen(grouping: Grouping) -> bool:
    return list(grouping.components[:1]) == [CHOSEN]


def _apply(rule: Rule | None, told: Occurrence) -> tuple[Fingerprint, bool]:
    """Return what a rule makes of an occurrence, and whether it failed."""
    if rule is None:
        return told.default, False
    try:
        return of_parts(parts_of(rule(told)), told.default), False
    except Exception:  # the project's code, under trial
        return told.default, True


def _occurrence(event: ErrorEvent, parts: Sequence[ExceptionPart]) -> Occurrence:
    return Occurrence.of(parts, of_exception(parts), culprit(parts[0].lines), event.mechanism, event.group.logger)


def _file_of(module: str) -> str:
    """Return where a module's package lies: a sample holds only the path below that."""
    top = module.partition(".")[0]
    loaded = getattr(sys.modules.get(module) or sys.modules.get(top), "__file__", None)
    if isinstance(loaded, str):
        return loaded
    try:
        spec = find_spec(top) if top else None
    except (ImportError, ValueError):
        spec = None
    return spec.origin or "" if spec is not None else ""


def chain_of(details: object) -> list[ExceptionPart]:
    """Return the chain of a stored sample as fingerprints see it; empty where it holds none."""
    links = details.get("exception") if isinstance(details, Mapping) else None
    return [
        ExceptionPart(
            str(link.get("type", "")),
            str(link.get("message", "")),
            [_line(frame) for frame in link.get("frames") or () if isinstance(frame, Mapping)],
            str(link.get("relation", "raised")),
        )
        for link in links or ()
        if isinstance(link, Mapping)
    ]


def _line(frame: Mapping[str, Any]) -> CodeLine:
    source = tuple(map(str, frame.get("source") or ()))
    first, number = int(frame.get("first_line") or 1), int(frame.get("line") or 0)
    text = source[number - first].strip() if 0 <= number - first < len(source) else ""
    in_app = bool(frame.get("in_app"))
    return CodeLine(
        code=None,
        module=str(frame.get("module", "")),
        function=str(frame.get("function", "")),
        file=str(frame.get("file", "")),
        line=number,
        in_app=in_app,
        passes_on=bool(frame.get("passes_on")),
        hidden=False,
        text=text,
        first_line=first,
        source=source,
    )


def _sum_up(
    found: Preview, ways: Mapping[int, Counter[Key]], components: Mapping[Key, tuple[str, ...]], using: str
) -> None:
    """Sort what was found by what would happen to each group."""
    groups = ErrorGroup.objects.using(using).in_bulk(list(ways))
    existing = _existing(set(components), using)
    came: dict[Goal, list[tuple[int, Part]]] = defaultdict(list)
    for pk in sorted(groups):
        parts = list(_parts(ways[pk], components, existing))
        change = _change(groups[pk], parts)
        if len(parts) > 1:
            found.splits.append(change)
        elif parts[0].goal == pk:
            found.unchanged += 1
        for part in parts:
            came[part.goal].append((pk, part))
    for goal, comers in came.items():
        strangers = [pk for pk, _ in comers if pk != goal]
        alone = len(comers) == 1 and not isinstance(goal, int)
        if alone and len(ways[strangers[0]]) == 1:
            found.starts_anew.append(_change(groups[strangers[0]], [comers[0][1]]))
        elif strangers and not alone:
            changes = [_change(groups[pk], [part]) for pk, part in comers]
            found.merges.append((comers[0][1], changes))
    for changes in (found.splits, found.starts_anew):
        changes.sort(key=lambda change: -change.count)


def _existing(keys: set[Key], using: str) -> dict[Key, ErrorGroup]:
    hashes = sorted({key[0] for key in keys})
    found: dict[Key, ErrorGroup] = {}
    for start in range(0, len(hashes), 500):
        rows = Grouping.objects.using(using).select_related("group").filter(hash__in=hashes[start : start + 500])
        found.update({(row.hash, row.version): row.group for row in rows})
    return found


def _parts(
    ways: Counter[Key], components: Mapping[Key, tuple[str, ...]], existing: Mapping[Key, ErrorGroup]
) -> Iterator[Part]:
    """Yield where the samples of one group would go, most of them first; fingerprints of one group are one way."""
    goals: Counter[Goal] = Counter()
    of_goal: dict[Goal, Key] = {}
    for key, samples in ways.most_common():
        goal: Goal = existing[key].pk if key in existing else key
        goals[goal] += samples
        of_goal.setdefault(goal, key)
    for goal, samples in goals.most_common():
        key = of_goal[goal]
        group = existing.get(key)
        title = str(group) if group is not None else "a new group"
        yield Part(goal, group.pk if group is not None else None, title, samples, components[key])


def _change(group: ErrorGroup, parts: Sequence[Part]) -> Change:
    return Change(group.pk, str(group), group.count, sum(part.samples for part in parts), tuple(parts))
