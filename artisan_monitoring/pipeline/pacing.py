"""How a background thread of ours leaves the processor to the host: a little work, then a little sleep.

One busy Python thread takes the interpreter lock for 5 ms at a time and turns a host's 0.7 ms into 60.
"""

from __future__ import annotations

import threading
import time

WORK_S = 0.001
SLEEP_S = 0.003


class _Pace(threading.local):
    polite = False
    since = 0.0


_pace = _Pace()


def be_polite() -> None:
    """Make `breathe()` yield in this thread: for threads that live in a web process."""
    _pace.polite = True
    _pace.since = time.perf_counter()


def breathe() -> None:
    """Sleep 3 ms if this thread is polite and has worked for 1 ms since it last slept. Cheap enough for inner loops."""
    if _pace.polite and time.perf_counter() - _pace.since > WORK_S:
        time.sleep(SLEEP_S)
        _pace.since = time.perf_counter()
