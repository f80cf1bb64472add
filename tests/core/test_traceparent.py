"""Ids are unique over threads and forks; the traceparent header is read as strictly as the specification asks."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core import traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def test_ids_are_hex_of_the_right_width():
    assert len(traceparent.new_request_id()) == len(traceparent.new_trace_id()) == 32
    assert len(traceparent.new_span_id()) == 16
    int(traceparent.new_trace_id(), 16)


def test_ids_are_unique_over_threads():
    made: list[str] = []

    def make_many():
        made.extend(traceparent.new_request_id() for _ in range(2_000))

    threads = [threading.Thread(target=make_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8_000


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_ids_of_its_own():
    traceparent.new_request_id()
    traceparent.new_span_id()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        ids = [traceparent.new_request_id() for _ in range(200)] + [traceparent.new_span_id() for _ in range(200)]
        os.write(write_end, "\n".join(ids).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        theirs = set(pipe.read().split())
    os.waitpid(child, 0)
    ours = {traceparent.new_request_id() for _ in range(200)} | {traceparent.new_span_id() for _ in range(200)}
    assert len(theirs) == 400
    assert not theirs & ours


def test_reads_the_example_of_the_specification():
    context = traceparent.parse(f"00-{TRACE}-{SPAN}-01")
    assert context == (TRACE, SPAN, 1)
    assert context.sampled


def test_unsampled_flag():
    assert not traceparent.parse(f"00-{TRACE}-{SPAN}-00").sampled


def test_a_later_version_may_have_more_fields():
    assert traceparent.parse(f"cc-{TRACE}-{SPAN}-01-what-the-future-brings").trace_id == TRACE
    assert traceparent.parse(f"cc-{TRACE}-{SPAN}-01").trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-tail",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01tail",
        f"00-{TRACE[:-1]}٣-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-" + "x" * 1_000_000,
    ],
)
def test_invalid_headers_start_a_new_trace(header):
    assert traceparent.parse(header) is None


@given(st.text())
def test_parse_takes_any_text(header):
    assert traceparent.parse(header) is None


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_what_is_made_can_be_read(trace, span, flags):
    header = traceparent.make(f"{trace:032x}", f"{span:016x}", flags)
    assert traceparent.parse(header) == (f"{trace:032x}", f"{span:016x}", flags)


@pytest.mark.parametrize("good", ["a" * 8, "a" * 128, TRACE, "01J9-K.x_7a", "6f1c3a52-0d9a-4b8e-9b1d-0a8f4bd0e1c2"])
def test_request_ids_that_are_taken_over(good):
    assert traceparent.valid_request_id(good)


@pytest.mark.parametrize(
    "bad", ["", "short", "a" * 129, "a" * 10_000, "abcdefgh\n", "abc\r\ndefgh", "abcdefg h", "abcdefgh;", "abcdefghé"]
)
def test_request_ids_that_are_not(bad):
    assert not traceparent.valid_request_id(bad)
