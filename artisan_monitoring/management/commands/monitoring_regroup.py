"""`manage.py monitoring_regroup --preview`: what would a changed rule of grouping do to the errors that are stored?"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from artisan_monitoring.errors.grouping import load_rule
from artisan_monitoring.errors.regrouping import Change, Preview, Trial, days_ago, preview


class Command(BaseCommand):
    help = "Run a rule of grouping over the stored samples and tell which groups would merge or split. Writes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--preview", action="store_true", help="required: there is nothing else that it does")
        parser.add_argument("--days", type=int, default=7, help="how far back; 7")
        parser.add_argument("--fingerprint", metavar="PATH", help="the rule to try, by dotted path; `none` for none")
        for name, which in (("include", "are"), ("exclude", "are not")):
            parser.add_argument(
                f"--in-app-{name}", action="append", metavar="MODULE", help=f"prefixes of modules that {which} yours"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["preview"]:
            raise CommandError("Only --preview is there: rules change by settings, groups by hand in the admin.")
        found = preview(self._trial(options), days_ago(options["days"], timezone.now()))
        for line in report(found, options["days"]):
            self.stdout.write(line)

    def _trial(self, options: dict[str, Any]) -> Trial:
        force = Trial.in_force()
        rule, path = force.rule, options["fingerprint"]
        if path:
            try:
                rule = None if path == "none" else load_rule(path)
            except ImportError as exc:
                raise CommandError(f"--fingerprint {path}: {exc}") from exc
        include, exclude = options["in_app_include"], options["in_app_exclude"]
        return Trial(
            rule,
            force.include if include is None else tuple(include),
            force.exclude if exclude is None else tuple(exclude),
        )


def report(found: Preview, days: int) -> Iterator[str]:
    """Yield the lines of a preview."""
    yield f"{found.samples} samples of the last {days} days; groups: {found.unchanged} stay as they are"
    for change in found.splits:
        yield f"\nSPLIT  {_title(change)} into {len(change.parts)}"
        for part in change.parts:
            yield f"       {part.samples:>5} samples -> {_goal(part.group, part.title)}"
            yield from (f"             {line}" for line in part.components)
    for part, changes in found.merges:
        yield f"\nMERGE  into {_goal(part.group, part.title)}"
        yield from (f"       {change.samples:>5} samples of {_title(change)}" for change in changes)
    for change in found.starts_anew:
        yield f"\nANEW   {_title(change)}: would go on as a new group, its past stays behind"
        yield from (f"             {line}" for line in change.parts[0].components)
    yield ""
    if found.failed:
        yield f"{found.failed} samples: the rule raised, and the default would hold"
    if found.chosen:
        yield f"{found.chosen} samples have a fingerprint that was given with the report: no rule touches them"
    if found.unclear:
        yield f"{found.unclear} samples cannot be judged: too little of the stack is stored"
    yield "Nothing was written."


def _title(change: Change) -> str:
    return f"{change.group} {change.title[:80]} ({change.count} times)"


def _goal(group: int | None, title: str) -> str:
    return f"{group} {title[:80]}" if group is not None else title
