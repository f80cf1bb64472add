"""The checks of external APIs, against real servers that answer, fail, redirect, babble and hang."""

from __future__ import annotations

import time

import pytest

from artisan_monitoring.health.base import Status
from artisan_monitoring.health.checks.external import ExternalCheck, complaint, external_checks
from artisan_monitoring.health.prober import prober


def ask(url, **options):
    return prober.collect([ExternalCheck(component_id="api", url=url, **options)], max_age_s=0.0, budget_s=5)[0]


def reply(status, **headers):
    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def test_the_expected_status_passes(http_server):
    result = ask(http_server(reply(200)))
    assert result.status is Status.PASS
    assert result.measurements[0].unit == "ms"


@pytest.mark.parametrize("status", [201, 404, 500, 503])
def test_another_status_fails_and_says_which(http_server, status):
    result = ask(http_server(reply(status)))
    assert (result.status, result.output) == (Status.FAIL, f"answered {status}")


def test_the_expected_status_can_be_any(http_server):
    assert ask(http_server(reply(401)), statuses=frozenset({401, 403})).status is Status.PASS


def test_redirects_are_not_followed(http_server):
    followed = []
    target = http_server(lambda handler: followed.append(1) or reply(200)(handler))
    assert ask(http_server(reply(302, Location=target))).output == "answered 302"
    assert not followed


def test_a_server_that_hangs_times_out(hanging_port):
    started = time.monotonic()
    result = ask(f"http://127.0.0.1:{hanging_port}/", timeout_s=0.3)
    assert result.status is Status.FAIL
    assert time.monotonic() - started < 2


def test_a_server_that_babbles_fails(http_server):
    result = ask(http_server(lambda handler: handler.wfile.write(b"\x00\xff not http\r\n\r\n")))
    assert (result.status, result.output) == (Status.FAIL, "BadStatusLine")


def test_nobody_there():
    result = ask("http://user:hunter2@127.0.0.1:9/")
    assert (result.status, result.output) == (Status.FAIL, "URLError")


def test_settings_become_checks(configure):
    configure(
        EXTERNAL=[
            {"NAME": "mail", "URL": "https://mail.example/", "TIMEOUT": 2, "STATUS": [200, 204], "CRITICAL": True},
            {"NAME": "maps", "URL": "https://maps.example/?key=hunter2"},
            {"NAME": "broken", "URL": "ftp://x"},
        ]
    )
    mail, maps = external_checks()
    assert (mail.component_id, mail.timeout_s, mail.statuses, mail.critical) == ("mail", 2.0, {200, 204}, True)
    assert (maps.timeout_s, maps.statuses, maps.critical) == (5.0, {200}, False)
    assert "hunter2" not in repr(maps)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"URL": "https://x.example"}, "NAME"),
        ({"NAME": "a:b", "URL": "https://x.example"}, "NAME"),
        ({"NAME": "x"}, "URL"),
        ({"NAME": "x", "URL": "file:///etc/passwd"}, "URL"),
        ({"NAME": "x", "URL": "https:///path"}, "URL"),
        ({"NAME": "x", "URL": "https://x.example", "TIMEOUT": 0}, "TIMEOUT"),
        ({"NAME": "x", "URL": "https://x.example", "TIMEOUT": "2"}, "TIMEOUT"),
        ({"NAME": "x", "URL": "https://x.example", "STATUS": "200"}, "STATUS"),
        ({"NAME": "x", "URL": "https://x.example", "METHOD": "POST"}, "METHOD"),
        ({"NAME": "x", "URL": "https://x.example", "CRITICAL": True}, ""),
    ],
)
def test_what_is_wrong_with_an_entry(entry, words):
    assert (words in complaint(entry)) if words else complaint(entry) == ""
