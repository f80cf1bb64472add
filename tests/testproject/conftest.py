"""The shop as a process of its own under its own settings, and visitors for it."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from testproject.demo.pace import Pace
from testproject.demo.visitor import Tally, Visitor

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "kiln-and-loom"
START_S = 60


def environment(directory: Path, **more: str) -> dict[str, str]:
    """Return the environment for a command of the test project whose files go to `directory`."""
    unset = {"DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL", "ENVIRONMENT", "LOG_LEVEL", "DEBUG"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return {**kept, "DEMO_DIR": str(directory), "DEMO_PASSWORD": PASSWORD, "PYTHONWARNINGS": "default", **more}


def manage(directory: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a management command of the test project to its end."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(directory, **more), capture_output=True, text=True, timeout=180, check=False
    )


class Demo:
    """`manage.py demo` in a child process; `lines` are what it has printed."""

    def __init__(self, directory: Path, **more: str) -> None:
        self.directory = directory
        self.lines: list[str] = []
        self._arrived: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo"],
            cwd=ROOT,
            env=environment(directory, DEMO_PORT="0", **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = int(self.wait_for(r"Shop +http://127\.0\.0\.1:(\d+)/").group(1))

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self._arrived.put(line)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the match of the first line yet to come that fits."""
        while True:
            try:
                line = self._arrived.get(timeout=START_S)
            except queue.Empty:
                pytest.fail(f"no line like {pattern!r} in:\n{''.join(self.lines)}")
            if found := re.search(pattern, line):
                return found

    def end(self, number: int = signal.SIGINT) -> int:
        """Ask it to end, as Ctrl-C does, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(START_S)
        self._reader.join(START_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo without its own visitors."""
    demo = Demo(tmp_path_factory.mktemp("shop"), DEMO_RATE="0")
    yield demo
    demo.end()


@pytest.fixture
def new_visitor(shop: Demo) -> Iterator[Callable[[], Visitor]]:
    """A function that sends in somebody new."""
    made: list[Visitor] = []

    def new() -> Visitor:
        made.append(Visitor(shop.port, Pace(10_000), Tally(), Random(1)))
        return made[-1]

    yield new
    for each in made:
        each.close()


@pytest.fixture
def visitor(new_visitor: Callable[[], Visitor]) -> Visitor:
    """Somebody at the door."""
    return new_visitor()
