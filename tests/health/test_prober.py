"""Probes: one run of a check at a time, answers in time, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from dataclasses import dataclass, field

import pytest

from artisan_monitoring.health.base import Check, CheckError, Measurement, Status
from artisan_monitoring.health.prober import Prober


@dataclass(frozen=True, kw_only=True)
class Gate(Check):
    """A check that waits until it is let through, and counts its runs."""

    name: str = "gate"
    gate: threading.Event = field(default_factory=threading.Event, compare=False)
    runs: list[int] = field(default_factory=list, compare=False)

    def run(self):
        self.runs.append(threading.get_ident())
        self.gate.wait(30)
        return [Measurement("responseTime", 1.0, "ms")]


@dataclass(frozen=True, kw_only=True)
class Calls(Check):
    name: str = "calls"
    function: object = field(default=None, compare=False)

    def run(self):
        return self.function()


def ask(prober, check, max_age_s=1.0, budget_s=0.2):
    return prober.collect([check], max_age_s=max_age_s, budget_s=budget_s)[0]


@pytest.fixture
def gate():
    made = Gate()
    yield made
    made.gate.set()


def test_success_is_the_worst_of_its_measurements():
    check = Calls(function=lambda: [Measurement("a", 1), Measurement("b", 2, status=Status.WARN)])
    result = ask(Prober(), check)
    assert result.status is Status.WARN
    assert [each.value for each in result.measurements] == [1, 2]


def test_our_own_words_are_kept_of_other_exceptions_only_the_class():
    def ours():
        raise CheckError("disk is read-only", "read_only")

    def theirs():
        raise ConnectionError("postgres://shop:s3cret@db/shop")

    result = ask(Prober(), Calls(function=ours))
    assert (result.status, result.output, result.code) == (Status.FAIL, "disk is read-only", "read_only")
    result = ask(Prober(), Calls(function=theirs))
    assert (result.status, result.output, result.code) == (Status.FAIL, "ConnectionError", "error")


def test_a_check_that_exits_is_a_failure_not_the_end():
    assert ask(Prober(), Calls(function=lambda: sys.exit(3))).output == "SystemExit"


def test_fresh_results_are_reused_and_old_ones_are_not():
    runs = []
    check = Calls(function=lambda: runs.append(1) or [])
    prober = Prober()
    ask(prober, check)
    ask(prober, check)
    assert len(runs) == 1
    ask(prober, check, max_age_s=0.0)
    assert len(runs) == 2


def test_a_check_may_allow_older_results_where_the_caller_does():
    runs = []
    check = Calls(function=lambda: runs.append(1) or [], fresh_s=60)
    prober = Prober()
    for _ in range(3):
        prober.collect([check], max_age_s=0.0, budget_s=1, accept_older=True)
    assert len(runs) == 1
    prober.collect([check], max_age_s=0.0, budget_s=1)
    assert len(runs) == 2


def test_callers_share_one_run(gate):
    prober, results = Prober(), []
    callers = [threading.Thread(target=lambda: results.append(ask(prober, gate, budget_s=5))) for _ in range(8)]
    for caller in callers:
        caller.start()
    time.sleep(0.1)
    gate.gate.set()
    for caller in callers:
        caller.join()
    assert len(gate.runs) == 1
    assert [result.status for result in results] == [Status.PASS] * 8


def test_what_hangs_fails_in_time_and_holds_one_thread_only(gate):
    prober = Prober()
    before = threading.active_count()
    started = time.monotonic()
    first = ask(prober, gate, budget_s=0.1)
    assert (first.status, first.code) == (Status.FAIL, "timeout")
    for _ in range(5):
        later = ask(prober, gate, max_age_s=0.0, budget_s=0.1)
        assert (later.status, later.code, later.output) == (Status.FAIL, "stuck", "previous probe still running")
    assert time.monotonic() - started < 3
    assert threading.active_count() == before + 1
    assert len(gate.runs) == 1
    gate.gate.set()
    assert ask(prober, gate, budget_s=5).status in (Status.PASS, Status.FAIL)


def test_nobody_waits_again_for_what_is_overdue():
    gate = Gate(timeout_s=0.05)
    prober = Prober()
    ask(prober, gate, budget_s=0.05)
    time.sleep(0.05)
    started = time.monotonic()
    assert ask(prober, gate, budget_s=5).code == "stuck"
    assert time.monotonic() - started < 1
    gate.gate.set()


def test_it_recovers_when_the_hang_ends(gate):
    prober = Prober()
    ask(prober, gate, budget_s=0.05)
    gate.gate.set()
    deadline = time.monotonic() + 10
    while ask(prober, gate, max_age_s=0.0, budget_s=2).status is not Status.PASS:
        assert time.monotonic() < deadline


def test_an_answer_that_came_too_late_is_a_failure():
    prober = Prober()
    check = Calls(function=lambda: time.sleep(0.3) or [])
    ask(prober, check, budget_s=5)
    assert ask(prober, check, max_age_s=60, budget_s=0.1).code == "timeout"
    assert ask(prober, check, max_age_s=60, budget_s=5).status is Status.PASS


def test_hanging_checks_wait_side_by_side():
    gates = [Gate(name=f"gate{number}") for number in range(5)]
    started = time.monotonic()
    results = Prober().collect(gates, max_age_s=1, budget_s=0.3)
    assert time.monotonic() - started < 1.2
    assert {result.code for result in results} == {"timeout"}
    for gate in gates:
        gate.gate.set()


def test_without_threads_to_be_had_it_says_so(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    prober = Prober()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    result = ask(prober, Calls(function=list))
    assert (result.status, result.output) == (Status.FAIL, "RuntimeError")
    monkeypatch.undo()
    assert ask(prober, Calls(function=list), max_age_s=0.0, budget_s=5).status is Status.PASS


def test_changed_options_make_a_new_probe():
    prober = Prober()
    assert ask(prober, Calls(function=lambda: [Measurement("a", 1)])).measurements[0].value == 1
    changed = Calls(function=lambda: [Measurement("a", 2)], critical=False)
    assert ask(prober, changed).measurements[0].value == 2


def test_waiting_leaves_the_event_loop_free(gate):
    prober = Prober()

    async def main():
        asking = asyncio.create_task(prober.collect_async([gate], max_age_s=1, budget_s=5))
        for _ in range(5):
            await asyncio.sleep(0.01)
        assert not asking.done()
        gate.gate.set()
        return (await asking)[0].status

    assert asyncio.run(main()) is Status.PASS


def test_async_answers_in_time_and_leaves_no_callback(gate):
    prober = Prober()

    async def main():
        return [(await prober.collect_async([gate], max_age_s=1, budget_s=0.05))[0].code for _ in range(3)]

    assert asyncio.run(main()) == ["timeout", "stuck", "stuck"]
    assert not prober._probes["gate"]._flight._callbacks


def test_a_loop_that_has_closed_disturbs_nobody(gate):
    prober = Prober()

    async def main():
        asking = asyncio.create_task(prober.collect_async([gate], max_age_s=1, budget_s=60))
        await asyncio.sleep(0.05)
        asking.cancel()

    asyncio.run(main())
    gate.gate.set()
    assert ask(prober, gate, budget_s=5).status is Status.PASS


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_starts_anew(gate):
    from artisan_monitoring.health.prober import prober

    ask(prober, gate, budget_s=0.05)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            gate.gate.set()
            code = 0 if ask(prober, gate, budget_s=5).status is Status.PASS else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
