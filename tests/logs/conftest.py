"""A logger whose lines a test can read, with each of the two encoders, and logging put back afterwards."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from artisan_monitoring.core import context as core_context
from artisan_monitoring.logs import HumanFormatter, JsonFormatter, context, lines
from artisan_monitoring.logs.handlers import StdoutHandler


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def strict(line: str) -> dict[str, object]:
    """Parse one line as strict JSON, and check what is promised of every line."""
    assert line.isascii()
    assert len(line) + 1 <= 65_536
    assert all(" " <= character <= "~" for character in line)
    values = json.loads(line, parse_constant=no_constant)
    json.dumps(values, ensure_ascii=False).encode()  # no lone surrogate
    assert {"timestamp", "level", "logger", "message"} <= values.keys()
    return values


class Log:
    """A private logger and what it wrote."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        self.handler = StdoutHandler(self.stream)
        self.handler.setFormatter(formatter)
        self.logger = logging.Logger("test.logs")  # noqa: LOG001  (private: no other test sees it)
        self.logger.addHandler(self.handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def entries(self) -> list[dict[str, object]]:
        text = self.text
        assert text == "" or text.endswith("\n")
        return [strict(line) for line in text.split("\n")[:-1]]

    def only(self) -> dict[str, object]:
        """Return the one entry there must be, and forget it."""
        entries = self.entries()
        self.stream.truncate(self.stream.seek(0))
        (entry,) = entries
        return entry


@pytest.fixture(params=["orjson", "stdlib"])
def encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "stdlib":
        monkeypatch.setattr(lines, "encode", lines.encode_stdlib)
    else:
        pytest.importorskip("orjson")
        assert lines.encode is not lines.encode_stdlib
    return request.param


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    names = ("django", "django.server", "artisan-platform", "artisan_monitoring.access")
    loggers = [root, *map(logging.getLogger, names)]
    before = [(each, each.level, each.handlers[:], each.propagate, each.disabled) for each in loggers]
    factory = logging.getLogRecordFactory()
    previous = context._previous
    yield
    for each, level, handlers, propagate, disabled in before:
        for handler in each.handlers:
            if handler not in handlers:
                handler.close()
        each.setLevel(level)
        each.handlers, each.propagate, each.disabled = handlers, propagate, disabled
    logging.setLogRecordFactory(factory)
    context._previous = previous
    core_context.clear()


@pytest.fixture
def log(encoder: str) -> Log:
    context.install()
    return Log(JsonFormatter("test"))


@pytest.fixture
def human() -> Log:
    context.install()
    return Log(HumanFormatter("development", colour=False))
