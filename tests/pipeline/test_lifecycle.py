"""No thread before there is something to do, again after a fork, and nothing left behind at the end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from artisan_monitoring.pipeline import lifecycle
from artisan_monitoring.pipeline.flusher import flusher
from tests.e2e.conftest import new_site, prepared  # noqa: F401  # fixtures
from tests.e2e.servers import Site

LIVES = """
import os, threading
from artisan_monitoring import initialize_monitoring, metrics_collector, shutdown_monitoring
from artisan_monitoring.pipeline.flusher import flusher
def threads():
    return sorted(each.name for each in threading.enumerate() if each.name.startswith("artisan"))
facts = {"before": threads()}
metrics_collector.increment("lives")
facts["after"] = threads()
parent = flusher.process
reading, writing = os.pipe()
if os.fork() == 0:
    own = {"before": threads(), "own_identity": flusher.process != parent}
    metrics_collector.increment("lives", 10)
    own["after"] = threads()
    own["sent"] = shutdown_monitoring()
    os.write(writing, json.dumps(own).encode())
    os._exit(0)
os.wait()
facts["child"] = json.loads(os.read(reading, 65536))
facts["sent"] = shutdown_monitoring()
facts["ended"] = threads()
metrics_collector.increment("lives", 100)
facts["again"] = threads()
initialize_monitoring()
facts["initialized"] = threads()
metrics_collector.increment("lives", 1000)
print(json.dumps(facts))
"""


def test_threads_come_with_the_first_record_and_go_with_the_end(new_site: Callable[..., Site]) -> None:  # noqa: F811
    site = new_site()
    facts = site.ask(LIVES)

    assert (facts["before"], facts["after"]) == ([], ["artisan-flusher"])
    assert facts["child"] == {"before": [], "own_identity": True, "after": ["artisan-flusher"], "sent": True}
    assert (facts["sent"], facts["ended"], facts["again"]) == (True, [], ["artisan-flusher"])
    assert facts["initialized"] == ["artisan-flusher", "artisan-housekeeper"]
    # The last one went when the interpreter ended.
    assert site.counts().metrics["lives"] == 1111


ENDING = """
import atexit
from artisan_monitoring import metrics_collector
from artisan_monitoring.pipeline import lifecycle
metrics_collector.increment("in_time")
atexit.unregister(lifecycle._at_exit)
atexit.register(metrics_collector.increment, "too_late")
atexit.register(lifecycle._at_exit)
"""


def test_a_record_after_the_last_flush_leaves_no_traceback(new_site: Callable[..., Site]) -> None:  # noqa: F811
    site = new_site()
    asked = site.manage("shell", "-v", "0", "-c", ENDING)
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "", "")
    assert "in_time" in site.counts().metrics


WARMED_UP = """
from django.test import Client
import os, threading
Client().get("/bad/plain/")
reading, writing = os.pipe()
if os.fork() == 0:
    Client().get("/bad/plain/")
    names = sorted(each.name for each in threading.enumerate() if each.name.startswith("artisan"))
    os.write(writing, json.dumps(names).encode())
    os._exit(0)
os.wait()
print(os.read(reading, 65536).decode())
"""


def test_a_worker_forked_from_a_server_that_was_warmed_up_keeps_house(
    new_site: Callable[..., Site],  # noqa: F811
) -> None:
    assert new_site().ask(WARMED_UP) == ["artisan-flusher", "artisan-housekeeper"]


def test_without_threads_each_flush_follows_a_response(new_site: Callable[..., Site]) -> None:  # noqa: F811
    site = new_site({"FLUSH": "request_finished", "FLUSH_INTERVAL_S": 0.001})
    with site.gunicorn(threads=1) as master:
        sent = site.visit(("/bad/plain/", "/nowhere/"), 10, threads=1)
        (worker,) = psutil.Process(master.pid).children()
        time.sleep(0.3)
        os.kill(worker.pid, signal.SIGKILL)  # no last words: what is there was sent by the requests themselves
    assert site.counts().statuses == sent


@pytest.mark.parametrize("interval_s", [0.05, 600.0])
def test_a_flush_after_a_response_waits_for_its_interval(interval_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    from artisan_monitoring.testing import override_monitoring

    flushes: list[float] = []
    monkeypatch.setattr(lifecycle.conf, "active", lambda: True)
    monkeypatch.setattr(flusher, "flush", lambda: flushes.append(time.monotonic()))
    with override_monitoring(FLUSH="request_finished", FLUSH_INTERVAL_S=interval_s):
        monkeypatch.setattr(flusher, "_tried_at", time.monotonic() - 1)
        lifecycle.flush_after_request()
    assert len(flushes) == (interval_s < 1)


def test_under_a_test_runner_nothing_is_sent_and_nothing_runs() -> None:
    from artisan_monitoring import metrics_collector

    metrics_collector.increment("in_a_test")
    lifecycle.initialize_monitoring()

    assert not flusher.running
    assert lifecycle.flush_now() is False
    assert lifecycle.shutdown_monitoring() is False
