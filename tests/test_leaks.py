"""`manage.py monitoring_leaks` shows that no secret comes out of a right installation, and finds what does."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from artisan_monitoring.leaks.listening import listening
from tests.e2e.conftest import new_site, prepared  # noqa: F401  # fixtures
from tests.e2e.servers import Site
from tests.services import RedisServer

LINE = re.compile(r"^(ok|FAILED|warn) +(\S.*?)  +(\S.*)$", re.MULTILINE)
PLANTED = {
    "settings.ARTISAN_LEAKS_API_KEY", "settings.ARTISAN_LEAKS_DSN", "environment.ARTISAN_LEAKS_TOKEN",
    "request.cookies.session", "request.cookies.csrf", "request.Authorization (Bearer)",
    "request.Proxy-Authorization (Basic)", "request.X-Api-Key", "request.POST.password", "request.GET.token",
    "settings.SECRET_KEY", "settings.PAYMENT_WEBHOOK_SECRET", "requests",
}  # fmt: skip


def run(site: Site, *arguments: str) -> tuple[int, dict[str, tuple[str, str]], str]:
    """Run the command; return its exit code, the table by place, and all it wrote."""
    done = site.manage("monitoring_leaks", *arguments, timeout_s=120)
    table = {place: (mark, detail) for mark, place, detail in LINE.findall(done.stdout)}
    return done.returncode, table, done.stdout + done.stderr


def test_nothing_comes_out_of_a_right_installation_and_nothing_is_left(new_site: Callable[..., Site]) -> None:  # noqa: F811
    site = new_site(ENVIRONMENT="staging", SHOP_API_TOKEN="changeme")
    code, table, output = run(site)

    assert code == 0, output
    assert set(table) >= PLANTED
    # A secret that cannot be removed by value without eating text is told.
    assert [place for place, (mark, _) in table.items() if mark != "ok"] == ["environment.SHOP_API_TOKEN"]
    assert table["environment.SHOP_API_TOKEN"][0] == "warn"
    assert "nothing came out" in output
    assert "Traceback" not in output
    left = (
        "from artisan_monitoring.models import ErrorGroup, InboxEntry, SecurityEvent\n"
        "print(json.dumps([each.objects.count() for each in (ErrorGroup, InboxEntry, SecurityEvent)]))"
    )
    assert site.ask(left) == [0, 0, 0]


def test_what_comes_out_is_found_and_does_not_reach_the_projects_store(
    new_site: Callable[..., Site],  # noqa: F811
    redis_server: RedisServer,
) -> None:
    with redis_server.client() as client:
        client.flushall()
    monitoring = {"REDACTION": {"ALLOW": ["payment_webhook_secret"]}}
    site = new_site(monitoring, ENVIRONMENT="staging", REDIS_URL=redis_server.url)
    code, table, output = run(site, "--setting", "ARTISAN_MONITORING.SERVICE")

    assert code == 1
    # The one that is called harmless, and one whose name says nothing, so that only whoever knows can name it.
    failed = {place for place, (mark, _) in table.items() if mark == "FAILED"}
    assert failed == {"settings.PAYMENT_WEBHOOK_SECRET", "settings.ARTISAN_MONITORING.SERVICE"}
    where = table["settings.PAYMENT_WEBHOOK_SECRET"][1]
    for place in ("log (", "batch", "table errorevent", "admin page"):
        assert place in where
    assert "2 came out" in output
    with redis_server.client() as client:
        assert not any(b"inbox" in key for key in client.keys("*"))


def test_a_setting_that_is_not_there_is_said() -> None:
    with pytest.raises(CommandError, match=r"settings\.NO_SUCH\.setting is no text"):
        call_command("monitoring_leaks", "--setting", "NO_SUCH.setting")


def test_handlers_are_themselves_again() -> None:
    handler = logging.StreamHandler()
    logger = logging.getLogger("tests.leaks")
    logger.addHandler(handler)
    try:
        with listening() as lines:
            logger.error("kept %s", "here")
        assert ("log (StreamHandler)", "kept here") in lines  # pytest's own handlers are diverted too
        assert "emit" not in vars(handler)
    finally:
        logger.removeHandler(handler)
