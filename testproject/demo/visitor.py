"""One visitor: an HTTP client with a keep-alive connection, cookies and an address of its own."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from random import Random
from urllib.parse import urlencode

from testproject.demo.pace import Pace
from testproject.demo.server import DRIVER_AGENT

TIMEOUT_S = 20


class Tally:
    """What the driver sent and got back, counted by all visitors together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.probes = 0
        self.faults: Counter[str] = Counter()
        self._recent: deque[float] = deque(maxlen=500)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a response."""
        with self._lock:
            if path.startswith("/health/"):
                self.probes += 1
                return
            self.statuses[status] += 1
            self._recent.append(seconds)

    def failed(self, fault: BaseException) -> None:
        """Count a request that got no response."""
        with self._lock:
            self.faults[type(fault).__name__] += 1

    @property
    def requests(self) -> int:
        """Responses so far, without the probes."""
        return sum(self.statuses.values())

    @property
    def server_errors(self) -> int:
        """Responses of 500 and above."""
        return sum(count for status, count in self.statuses.items() if status >= 500)

    def p95_ms(self) -> float:
        """The 95th percentile of the last 500 responses, as the visitors felt it."""
        with self._lock:
            recent = sorted(self._recent)
        return 1000 * recent[int(0.95 * (len(recent) - 1))] if recent else 0.0


@dataclass(slots=True)
class Reply:
    """Status and body of a response; `location` where it redirects."""

    status: int
    body: bytes
    location: str = ""

    def json(self):
        """Read the body as JSON."""
        return json.loads(self.body)


@dataclass
class Visitor:
    """A browser or a program at one address; not shared between threads."""

    port: int
    pace: Pace
    tally: Tally
    dice: Random
    agent: str = "Mozilla/5.0"
    address: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def get(self, path: str, **headers: str) -> Reply:
        """Ask for a page."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, **form: object) -> Reply:
        """Send a form with the CSRF token that an earlier page set."""
        body = urlencode({"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **form}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._followed(self.send("POST", path, body, headers))

    def post_json(self, path: str, content: object, **headers: str) -> Reply:
        """Send JSON, as a program does."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.send("POST", path, body, {"Content-Type": "application/json", **headers})

    def _followed(self, reply: Reply) -> Reply:
        return self.get(reply.location) if reply.status == 302 and reply.location.startswith("/") else reply

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """Wait for a turn, send a request and read all of its response."""
        response = self._open(method, path, body, headers or {})
        reply = Reply(response.status, response.read(), response.headers.get("Location", ""))
        if response.will_close:
            self.close()
        return reply

    def hang_up(self, path: str, after_bytes: int = 4096) -> None:
        """Begin to read a response and close the connection in the middle of it."""
        self._open("GET", path, None, {}).read(after_bytes)
        self.close()

    def _open(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        self.pace.wait()
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        started = time.perf_counter()
        try:
            self._connection.request(method, path, body, {**self._usual_headers(), **headers})
            response = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as fault:
            self.tally.failed(fault)
            self.close()
            raise
        self.tally.answered(path, response.status, time.perf_counter() - started)
        for line in response.headers.get_all("Set-Cookie", []):
            self.cookies.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
        return response

    def _usual_headers(self) -> dict[str, str]:
        usual = {"User-Agent": f"{DRIVER_AGENT} {self.agent}", "X-Forwarded-For": self.address}
        if self.cookies:
            usual["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items() if value)
        return usual

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
