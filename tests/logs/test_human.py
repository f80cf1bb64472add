"""The readable format: one line, an indented traceback, no control character."""

from __future__ import annotations

import io
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artisan_monitoring.logs import HumanFormatter
from artisan_monitoring.logs.human import wants_colour
from tests.logs.conftest import Log


def test_line_is_readable(human):
    human.logger.warning("Paid %s", "order", extra={"order": 7, "who": "bob smith", "items": ["a", 1]})
    line = human.text
    assert line[2] == line[5] == ":"
    assert ' WARNING  test.logs  Paid order  order=7  who="bob smith"  items=["a", 1]  location=' in line
    assert line.count("\n") == 1


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.text(st.characters()),
    key=st.text(st.characters(), min_size=1),
    value=st.text(st.characters()),
    name=st.text(),
)
def test_nothing_forges_a_line_or_colours_it(human, message, key, value, name):
    human.stream.truncate(human.stream.seek(0))
    record = logging.makeLogRecord({"name": name, "msg": message, "levelno": 20, key: value})
    human.handler.emit(record)
    text = human.text
    assert text.endswith("\n")
    assert text[:-1].isprintable()


@pytest.mark.parametrize(
    "evil", ["\n", "\r", "\x1b[31m", "\x9b31m", "\u2028", "\x85", "\u202e", "\x08", "\x7f", "\x00", "\x0b"]
)
def test_control_characters_are_escaped(human, evil):
    human.logger.info(f"a{evil}2026-01-01 ERROR fake", extra={f"k{evil}": f"v{evil}"})
    assert evil not in human.text[:-1]
    assert human.text.count("\n") == 1


def test_traceback_is_indented(human):
    try:
        raise ValueError("first\n12:00:00.000 ERROR    root  forged \x1b[31m")
    except ValueError:
        human.logger.exception("failed")
    first, *rest = human.text.rstrip("\n").split("\n")
    assert "failed" in first
    assert rest
    assert all(line.startswith("    | ") for line in rest)
    assert "\x1b" not in human.text
    assert rest[-2:] == ["    | ValueError: first", "    | 12:00:00.000 ERROR    root  forged \\x1b[31m"]


def test_long_record_is_cut(human):
    human.logger.error("é" * 200_000, extra={f"f{number}": "ü" * 8_000 for number in range(20)})
    assert len(human.text.encode()) <= 65_536
    assert human.text.endswith("[truncated]\n")


def test_stream_that_is_not_unicode_gets_escapes():
    raw = io.BytesIO()
    log = Log(HumanFormatter(colour=False))
    log.handler.stream = io.TextIOWrapper(raw, encoding="ascii")
    log.logger.info("é 😀")
    assert b"\\xe9 \\U0001f600" in raw.getvalue()


def test_coloured_only_where_it_is_wanted(monkeypatch):
    record = logging.makeLogRecord({"msg": "x", "levelno": 40, "name": "a"})
    assert "\x1b[31m" in HumanFormatter(colour=True).format(record)
    assert "\x1b" not in HumanFormatter(colour=False).format(record)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour()


def test_unreadable_record_is_told(human):
    record = logging.makeLogRecord({"msg": "still here", "levelno": 20})
    del record.created
    human.handler.emit(record)
    assert "still here" in human.text
