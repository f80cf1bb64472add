"""The demo from beginning to end: prepare, open, report while it runs, close, account for it."""

from __future__ import annotations

import io
import logging.config
import signal
import threading
import time
from contextlib import redirect_stderr

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from artisan_monitoring.logs import logging_config
from testproject.demo import accounts, summary
from testproject.demo.driver import Driver
from testproject.demo.evidence import Evidence
from testproject.demo.pace import Pace
from testproject.demo.server import DemoServer
from testproject.shop.seeding import seed

STATUS_EVERY_S = 5.0
OVERVIEW = "/admin/artisan_monitoring/overview/"


class Show:
    """One run of the demo. `rate` is the visitors' usual requests per second; 0 serves without visitors."""

    def __init__(self, port: int, seconds: float, rate: float, password: str, out) -> None:
        self.port, self.seconds, self.rate, self.password, self.out = port, seconds, rate, password, out
        self._over = threading.Event()
        self._live_line = out.isatty()

    def run(self) -> bool:
        """Give the demo; True when the store has exactly what was sent."""
        self._listen_for_the_end()
        log_quietly()
        stock = prepare()
        password = accounts.set_up(self.password)
        evidence = Evidence()
        server = DemoServer(self.port)
        driver = Driver(server.port, password, Pace(self.rate)) if self.rate else None
        server.start()
        self._say(*banner(server, password, stock))
        if driver:
            driver.start()
        self._watch(driver, server)
        ended = (driver.stop() if driver else True) & server.stop()
        return self._account_for(evidence, driver, server, ended)

    def _listen_for_the_end(self) -> None:
        """End in order on Ctrl-C and on SIGTERM; a second Ctrl-C ends at once."""

        def end(number, frame) -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._over.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)

    def _watch(self, driver: Driver | None, server: DemoServer) -> None:
        """Say every few seconds how it goes, until the time is up or somebody ends it."""
        began, ends = time.monotonic(), time.monotonic() + self.seconds
        before = 0
        while not self._over.wait(max(0.0, min(STATUS_EVERY_S, ends - time.monotonic()))):
            elapsed = time.monotonic() - began
            if driver:
                tally = driver.tally
                rate, before = (tally.requests - before) / STATUS_EVERY_S, tally.requests
                self._status(
                    f"{elapsed // 60:02.0f}:{elapsed % 60:02.0f}  {tally.requests} requests  {rate:.0f}/s  "
                    f"{tally.server_errors} failed  p95 {tally.p95_ms():.0f} ms   {server.url}{OVERVIEW}"
                )
            if elapsed >= self.seconds:
                break
        if self._live_line:
            self._say("")

    def _account_for(self, evidence: Evidence, driver: Driver | None, server: DemoServer, ended: bool) -> bool:
        self._say("", "Ended. Reading back what was recorded ...")
        summary.settle()
        sent = driver.tally.requests if driver else 0
        failed = driver.tally.server_errors if driver else 0
        comparisons = summary.compare(evidence, sent, server.arrivals.by_sender, failed)
        self._say(*summary.pages(evidence, comparisons))
        faults = dict(driver.tally.faults) if driver else {}
        if faults:
            self._say(f"  The driver lost connections: {faults}")
        if not ended:
            self._say("  A response was still open at the end.")
        good = ended and not faults and all(comparison.holds for comparison in comparisons)
        self._say("", "The store has exactly what was sent." if good else _why())
        return good

    def _status(self, line: str) -> None:
        self.out.write(f"\r\x1b[2K{line}" if self._live_line else line, ending="" if self._live_line else "\n")
        self.out.flush()

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.out.write(line)
        self.out.flush()


def _why() -> str:
    reason = "another process writing to the same Redis or database counts there as well" if settings.REDIS_URL else ""
    return "The store differs from what was sent." + (f" ({reason})" if reason else "")


def log_quietly() -> None:
    """Send every log line, as JSON, to `demo.log`: the console is for the status line."""
    config = logging_config(level=settings.LOG_LEVEL, environment=settings.ENVIRONMENT, file=log_file())
    del config["handlers"]["console"]
    config["root"]["handlers"] = ["file"]
    logging.config.dictConfig(config)
    hook = threading.excepthook

    def without_traceback(args) -> None:
        with redirect_stderr(io.StringIO()):  # what a thread fails of is among the errors
            hook(args)

    threading.excepthook = without_traceback


def log_file():
    """Where the demo's log lines go."""
    return settings.DATA_DIR / "demo.log"


def prepare() -> dict[str, int]:
    """Migrate every database and seed the shop; give the number of rows of each kind."""
    for alias in connections:
        call_command("migrate", database=alias, verbosity=0, interactive=False)
    return seed()


def banner(server: DemoServer, password: str, stock: dict[str, int]) -> list[str]:
    """Write where to look."""
    store = settings.ARTISAN_MONITORING["STORE"]["BACKEND"].rpartition(".")[2]
    rows = [
        ("Shop", f"{server.url}/"),
        ("Overview", f"{server.url}{OVERVIEW}"),
        ("Admin", f"{server.url}/admin/"),
        ("Log in as", f"{accounts.ADMIN}   password  {password}"),
        ("Health", f"{server.url}/health/"),
        ("Log", str(log_file())),
        ("Store", f"{store}, shop on {settings.DATABASES['default']['ENGINE'].rpartition('.')[2]}"),
    ]
    width = max(len(value) for _, value in rows) + 14
    goods = ", ".join(f"{count} {name}" for name, count in stock.items())
    return [
        "",
        f"  Artisan Promotion Platform: {goods}",
        "  " + "─" * width,
        *(f"  {name:<11} {value}" for name, value in rows),
        "  " + "─" * width,
        "  Ctrl-C ends it and prints what was recorded.",
        "",
    ]
