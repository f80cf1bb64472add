"""What nobody caught: in threads, in an event loop, in commands; the host's own hooks are called as before."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from artisan_monitoring.errors import uncaught
from artisan_monitoring.models import ErrorEvent
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.testing import flush_monitoring

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])


def fail() -> None:
    raise LookupError("nobody waits for me")


def in_thread(target) -> None:
    thread = threading.Thread(target=target, name="packing")
    thread.start()
    thread.join()


@pytest.fixture
def thread_hook(monkeypatch):
    """The hook over one of the host's own, as in a process that starts; what the host's got."""
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    monkeypatch.setattr(uncaught._Hooked, "threads", False)
    uncaught.watch_threads()
    return told


def test_thread_is_captured_and_the_hosts_hook_is_called(captured, thread_hook):
    in_thread(fail)
    (error,) = captured
    assert (error.type, error.record["mechanism"], error.record["handled"]) == ("LookupError", "thread", False)
    assert error.record["samples"][0]["details"]["context"] == {"thread": "packing"}
    assert [args.exc_type for args in thread_hook] == [LookupError]


def test_thread_that_exits_is_no_error(captured, thread_hook):
    in_thread(sys.exit)
    assert captured == []
    assert len(thread_hook) == 1


def test_hook_is_put_there_once(captured, thread_hook):
    around = threading.excepthook
    threading.excepthook = lambda args: around(args)  # another library's, around ours
    uncaught.watch_threads()
    in_thread(fail)
    assert len(captured) == len(thread_hook) == 1


class TestProcess:
    @pytest.fixture
    def hook(self, monkeypatch):
        told: list[type] = []
        monkeypatch.setattr(sys, "excepthook", lambda kind, exc, traceback: told.append(kind))
        monkeypatch.setattr(uncaught._Hooked, "process", False)
        uncaught.watch_process()
        return told

    @pytest.mark.parametrize(
        ("arguments", "mechanism"),
        [
            (["manage.py", "import_prices", "--token=hush"], "command"),
            (["/usr/bin/django-admin", "import_prices"], "command"),
            (["nightly.py"], "script"),
            (["manage.py", "shell"], None),
        ],
    )
    def test_what_ends_the_process(self, captured, hook, monkeypatch, arguments, mechanism):
        monkeypatch.setattr(sys, "argv", arguments)
        exc = LookupError("no such file")
        sys.excepthook(LookupError, exc, None)
        assert [error.record["mechanism"] for error in captured] == ([mechanism] if mechanism else [])
        assert hook == [LookupError]
        contexts = [error.record["samples"][0]["details"]["context"] for error in captured]
        assert "hush" not in repr(contexts)

    def test_ctrl_c_is_no_error(self, captured, hook):
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
        assert captured == []
        assert hook == [KeyboardInterrupt]


class TestEventLoop:
    def test_task_that_nobody_awaits(self, captured):
        told = []

        async def run() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, details: told.append(details["message"]))
            uncaught.watch_running_loop()
            uncaught.watch_running_loop()

            async def work() -> None:
                fail()

            task = loop.create_task(work(), name="restock")
            await asyncio.sleep(0)
            del task
            gc.collect()
            await asyncio.sleep(0)

        asyncio.run(run())
        (error,) = captured
        assert (error.type, error.record["mechanism"]) == ("LookupError", "asyncio")
        context = error.record["samples"][0]["details"]["context"]
        assert context == {"event_loop": "Task exception was never retrieved", "task": "restock"}
        assert told == ["Task exception was never retrieved"]

    def test_without_a_handler_of_the_host_pythons_own_still_tells_and_it_counts_once(self, captured, caplog):
        async def run() -> None:
            uncaught.watch_running_loop()
            asyncio.get_running_loop().call_soon(fail)
            await asyncio.sleep(0)

        asyncio.run(run())
        assert len(captured) == 1
        assert "Exception in callback" in caplog.text

    def test_without_a_loop_nothing_happens(self):
        uncaught.watch_running_loop()


COMMAND = """
from django.core.management.base import BaseCommand
from artisan_monitoring import error_tracker
class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("--file")
    def handle(self, **options):
        error_tracker.add_breadcrumb("opened the file", rows=3)
        raise LookupError("row 17 has no price")
"""


@pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)
def test_management_command_that_fails_is_stored_before_the_process_ends(tmp_path):
    package = tmp_path / "imports" / "management" / "commands"
    package.mkdir(parents=True)
    for directory in (package, package.parent, package.parent.parent):
        (directory / "__init__.py").touch()
    (package / "import_prices.py").write_text(COMMAND)
    (tmp_path / "command_settings.py").write_text(
        "from tests.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'imports']\n"
    )
    root = Path(__file__).parents[2]
    from tests.settings import WORK_DIR

    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "command_settings",
        "PYTHONPATH": os.pathsep.join((str(tmp_path), str(root))),
        "TESTS_DIR": str(WORK_DIR),
    }
    command = [sys.executable, "manage.py", "import_prices", "--file", "prices.csv"]
    run = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "LookupError: row 17 has no price" in run.stderr
    buffer.swap()
    flush_monitoring()
    event = ErrorEvent.objects.get()
    assert (event.type, event.mechanism, event.handled) == ("LookupError", "command", False)
    assert event.details["context"] == {"command": "import_prices", "arguments": "['--file', 'prices.csv']"}
    assert [entry["text"] for entry in event.details["trail"]] == ["opened the file"]
