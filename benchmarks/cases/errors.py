"""What an error costs: captured in full and past its samples, from a failing view, and in the drain; beside sentry-sdk.

CPU time of the whole process, interleaved rounds in fresh processes. Ours is charged to the end: redacted, and packed
as the flusher packs it. sentry-sdk's transport discards what it is given, before it is encoded.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import child, failing, site
from benchmarks.table import Row, skipped, spread

GROUP = "Errors (six frames with variables, source and redaction; CPU)"
DRAIN = "Draining full errors into SQLite"
BATCH = 20
"""Errors a flush: as many samples of one fingerprint as a batch holds."""


GROUPS = 25
"""Different errors among those that are drained."""


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield what capturing costs, what a failing view costs above one that works, and the drain."""
    rounds, processes = (3, 1) if quick else (25, 3)
    ours = _joined([child.run(__name__, "measure", rounds=rounds) for _ in range(processes)])
    yield _row("track_error, full sample", ours["full"], 300.0)
    yield _row("track_error, past its samples", ours["repeated"], 25.0)
    try:
        theirs = _joined([child.run(__name__, "measure_sentry", rounds=rounds) for _ in range(processes)])
    except child.ChildFailed as failed:
        yield skipped(GROUP, "sentry-sdk", str(failed).splitlines()[-1])
    else:
        yield _row("sentry-sdk capture_exception", theirs["full"])
        share = spread(ours["full"])[0] / spread(theirs["full"])[0]
        yield Row(GROUP, "track_error / sentry-sdk's", share, "", target=0.20)
    alone = _joined([child.run(__name__, "measure_django", rounds=rounds) for _ in range(processes)])
    own = spread(alone["view"])[0]
    for name, label, target in (("view_full", "full", 300.0), ("view_repeated", "repeated", 60.0)):
        added = [each - own for each in ours[name]]
        note = f"beside Django's own {own:.0f} us"
        yield _row(f"failing view above a working one, {label}", added, target, note=note)
    drained = child.run(__name__, "measure_drain", events=100 if quick else 2_000)
    yield Row(DRAIN, "full events per CPU-s", drained["speed"], "/s", target=500.0, at_least=True)
    yield Row(DRAIN, "a stored event", drained["bytes"] / 1000, "kB", target=6.0)


def _row(name: str, values: list[float], target: float | None = None, note: str = "") -> Row:
    middle, low, high = spread(values)
    return Row(GROUP, name, middle, "us", low, high, target, note=note)


def _joined(found: list[dict[str, Any]]) -> dict[str, list[float]]:
    return {name: [each for one in found for each in one[name]] for name in found[0]}


def _timed(call: Callable[[], object], count: int) -> float:
    began = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - began) / count * 1e6


def measure(rounds: int) -> dict[str, list[float]]:
    """Return microseconds of CPU an error, by kind, one figure a round."""
    site.set_up()
    site.by_hand()
    from artisan_monitoring import error_tracker
    from artisan_monitoring.core import context
    from artisan_monitoring.core.context import Observation
    from artisan_monitoring.errors.sampling import Sampler

    chosen = Sampler.takes
    never = lambda self, fingerprint, now: False  # noqa: E731
    always = lambda self, fingerprint, now: True  # noqa: E731
    send = _packer()
    observation = Observation()
    observation.request_id, observation.trace_id = "r" * 32, "t" * 32

    def track() -> None:
        error_tracker.track_error(failing.raised(), context={"operation": "signup"})

    serve = _server(site.MONITORED)

    def batches(call: Callable[[], object]) -> Callable[[], None]:
        def batch() -> None:
            for _ in range(BATCH):
                call()
            send()

        return batch

    found: dict[str, list[float]] = {name: [] for name in ("full", "repeated", "view_full", "view_repeated")}
    for number in range(rounds + 1):
        context.observation.set(observation)
        raising = _timed(failing.raised, 200)
        Sampler.takes = always  # type: ignore[method-assign]
        full = _timed(batches(track), 5) / BATCH - raising
        Sampler.takes = never  # type: ignore[method-assign]
        repeated = _timed(track, 200) - raising
        send()
        context.clear()
        working = _timed(batches(serve("plain")), 5) / BATCH
        view_repeated = _timed(batches(serve("failing")), 5) / BATCH - working
        Sampler.takes = always  # type: ignore[method-assign]
        view_full = _timed(batches(serve("failing")), 5) / BATCH - working
        Sampler.takes = chosen  # type: ignore[method-assign]
        if number:  # the first warms up
            for name, value in zip(found, (full, repeated, view_full, view_repeated), strict=True):
                found[name].append(value)
    return found


def _server(middleware: list[str]) -> Callable[[str], Callable[[], None]]:
    """Return what serves a view. Django's own log line of a failure, with its traceback, is the project's choice."""
    logging.getLogger("django.request").disabled = True
    handler = site.handler(middleware)
    bases = {path: site.environ(5, path) for path in ("plain", "failing")}
    return lambda path: lambda: site.serve(handler, bases[path])


def measure_django(rounds: int) -> dict[str, list[float]]:
    """Return by how many microseconds of CPU a failing view costs more than a working one without the app."""
    site.set_up(app=False)
    serve = _server([])
    found = [_timed(serve("failing"), 100) - _timed(serve("plain"), 100) for _ in range(rounds + 1)]
    return {"view": found[1:]}


def _packer() -> Callable[[], None]:
    """Return a function that takes what is buffered, and packs the errors in it; the batch goes nowhere."""
    from artisan_monitoring.core.packing import Batch, pack_batch
    from artisan_monitoring.pipeline.buffer import buffer

    def pack() -> None:
        merged = buffer.swap().merged
        if "error" in merged:
            pack_batch(Batch("benchmark", 1, records={"error": list(merged["error"].by_key.values())}))

    return pack


def measure_sentry(rounds: int) -> dict[str, list[float]]:
    """Return microseconds of CPU of sentry-sdk's `capture_exception` for the same error."""
    site.set_up(app=False)
    import sentry_sdk
    from sentry_sdk.transport import Transport

    class Discarding(Transport):
        """Takes envelopes and forgets them."""

        taken = 0

        def capture_envelope(self, envelope: object) -> None:
            Discarding.taken += 1

    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=Discarding)

    def capture() -> None:
        sentry_sdk.capture_exception(failing.raised())

    found: list[float] = []
    for number in range(rounds + 1):
        raising = _timed(failing.raised, 200)
        taken = _timed(capture, 40)
        if number:
            found.append(taken - raising)
    if Discarding.taken < 40 * rounds:
        raise RuntimeError("sentry-sdk captured less than it was given")
    return {"full": found}


def measure_drain(events: int) -> dict[str, float]:
    """Return full events drained per second of CPU, and the bytes by which the database file grew an event."""
    site.set_up()
    site.make_tables()
    site.by_hand()
    from artisan_monitoring.errors.sampling import Sampler
    from artisan_monitoring.models import ErrorEvent
    from artisan_monitoring.pipeline.drain import drain
    from artisan_monitoring.pipeline.flusher import flusher

    Sampler.takes = lambda self, fingerprint, now: True  # type: ignore[method-assign]
    logging.getLogger("django.request").disabled = True
    handler, base = site.handler(site.MONITORED), site.environ(5, "failing")
    before, busy = _size(), 0.0
    kinds = [type(f"Failure{number}", (ArithmeticError,), {}) for number in range(GROUPS)]
    for _ in range(events // 100):
        for number in range(100):
            failing.kind[0] = kinds[number % GROUPS]
            site.serve(handler, base)
        flusher.flush()
        began = time.process_time()
        while drain():
            pass
        busy += time.process_time() - began
    stored = ErrorEvent.objects.count()
    if stored < events:
        raise RuntimeError(f"{stored} of {events} events were stored")
    return {"speed": stored / busy, "bytes": (_size() - before) / stored}


def _size() -> int:
    """Return the bytes of the database's pages, those that wait in its log included."""
    from django.db import connections

    with connections["monitoring"].cursor() as cursor:
        cursor.execute("VACUUM")
        pages, size = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages) * int(size)
