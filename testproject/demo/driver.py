"""Sends visitors to the shop from threads, and a probe as an orchestrator would."""

from __future__ import annotations

import http.client
import threading
from random import Random

from testproject.demo.journeys import ANONYMOUS, WITH_PASSWORD
from testproject.demo.pace import Pace, Stopped
from testproject.demo.visitor import Tally, Visitor

THREADS = 8
PROBE_EVERY_S = 5.0
# Addresses kept for documentation (RFC 5737): believable in a log, and nobody's.
NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36",
)
FAULTS = (OSError, http.client.HTTPException)


class Driver:
    """Visitors in `THREADS` threads, at one common pace, until told to stop."""

    def __init__(self, port: int, password: str, pace: Pace, seed: int = 1) -> None:
        self.port, self.password, self.pace, self.seed = port, password, pace, seed
        self.tally = Tally()
        self._threads = [
            threading.Thread(target=self._visit, args=(number,), name=f"demo-visitor-{number}", daemon=True)
            for number in range(THREADS)
        ]
        self._threads.append(threading.Thread(target=self._probe, name="demo-probe", daemon=True))

    def start(self) -> None:
        """Open the door."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 25) -> bool:
        """Send nobody more and wait for the last answers; False when one did not come."""
        self.pace.stop()
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _visit(self, number: int) -> None:
        dice = Random(f"{self.seed}:{number}")
        weights = [*ANONYMOUS.values(), *WITH_PASSWORD.values()]
        while True:
            journey = dice.choices([*ANONYMOUS, *WITH_PASSWORD], weights)[0]
            visitor = self._new_visitor(dice)
            try:
                journey(visitor, self.password) if journey in WITH_PASSWORD else journey(visitor)
                self.pace.pause(dice.uniform(0, 0.2))
            except Stopped:
                return
            except FAULTS:
                continue  # the tally has it; the summary will not add up, and says so
            finally:
                visitor.close()

    def _new_visitor(self, dice: Random) -> Visitor:
        address = f"{dice.choice(NETWORKS)}.{dice.randrange(1, 255)}"
        return Visitor(self.port, self.pace, self.tally, dice, dice.choice(BROWSERS), address)

    def _probe(self) -> None:
        """Ask for liveness and readiness, at a pace of its own: an orchestrator does not queue with the visitors."""
        probe = Visitor(self.port, Pace(1000), self.tally, Random(self.seed), "kube-probe/1.34")
        while True:
            try:
                for path in ("/health/liveness", "/health/readiness"):
                    probe.get(path)
                self.pace.pause(PROBE_EVERY_S)
            except Stopped:
                return
            except FAULTS:
                continue
            finally:
                probe.close()
