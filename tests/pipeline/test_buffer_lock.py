"""The buffer's lock is free again whatever a time limit's exception interrupts, and the exception comes through."""

from __future__ import annotations

import threading

import pytest

from artisan_monitoring.core.registry import LiveSeries
from artisan_monitoring.core.series import Series
from artisan_monitoring.pipeline.buffer import Buffer


class TimeLimit(Exception):
    pass


class InterruptedLock:
    """A lock whose next `acquire` is interrupted: behind having the lock, or while waiting for it."""

    def __init__(self, *, behind: bool) -> None:
        self.real = threading.RLock()
        self.behind = behind

    def acquire(self) -> bool:
        if self.behind:
            self.real.acquire()
        raise TimeLimit

    def release(self) -> None:
        self.real.release()


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize("kind", ["add", "observe"])
def test_a_time_limit_at_the_lock_leaves_it_free(kind: str, behind: bool) -> None:
    buffer = Buffer()
    lock = InterruptedLock(behind=behind)
    buffer._lock = lock  # type: ignore[assignment]
    with pytest.raises(TimeLimit):
        getattr(buffer, kind)(LiveSeries(Series("n", "counter", "count", ())), 1.0)
    taken = []
    other = threading.Thread(target=lambda: taken.append(lock.real.acquire(timeout=1)))
    other.start()
    other.join()
    assert taken == [True]


@pytest.mark.parametrize("kind", ["add", "observe", "set"])
def test_what_is_recorded_inside_a_record_is_put_off_and_kept(kind: str) -> None:
    buffer = Buffer()
    live = LiveSeries(Series("n", "counter", "count", ()))
    buffer._busy = True
    getattr(buffer, kind)(live, 2.0)
    assert live.cell is None
    buffer._busy = False
    getattr(buffer, kind)(live, 3.0)
    ((_, cell),) = next(iter(buffer.swap().slots.values()))
    assert (cell.count, cell.sum) == (2, 5.0)
