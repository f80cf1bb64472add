"""`manage.py monitoring_deploy 1.4.3`: mark that a release runs from now on."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from artisan_monitoring.deploys.marks import mark, moment
from artisan_monitoring.exceptions import InvalidDeploy


class Command(BaseCommand):
    help = "Mark a deploy: it stands on the time axis of every chart. The same release again changes nothing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("release", help="what is deployed: a version, a tag, a commit")
        parser.add_argument("--environment", default="", help="where; ENVIRONMENT of the settings")
        parser.add_argument("--at", default="", help="since when, in ISO 8601; now")
        parser.add_argument("--by", default="", help="who or what deploys it")
        parser.add_argument("--note", default="", help="a line about it")
        parser.add_argument("--again", action="store_true", help="mark it once more, as after a roll-back")

    def handle(self, *args: object, release: str, at: str, **options: object) -> None:
        said = {name: str(options[name]) for name in ("environment", "by", "note")}
        try:
            found = mark(release, at=moment(at) if at else None, again=bool(options["again"]), **said)
        except InvalidDeploy as exc:
            raise CommandError(str(exc)) from exc
        except (DatabaseError, InterfaceError) as exc:
            raise CommandError(f"The mark could not be written ({type(exc).__name__}): {exc}") from exc
        deploy = found.deploy
        since = f"{deploy} since {deploy.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        says = "marked" if found.made else "noticed before, now completed" if found.completed else "was marked already"
        self.stdout.write(f"{since}: {says}")
