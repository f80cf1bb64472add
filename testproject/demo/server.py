"""A threaded WSGI server on loopback that counts what reaches Django."""

from __future__ import annotations

import errno
import threading
from collections import Counter

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

PORTS_TO_TRY = 50
DRIVER_AGENT = "artisan-demo/1"


class _QuietHandler(WSGIRequestHandler):
    """Write nothing: the access log is the monitoring's."""

    timeout = 30  # an idle keep-alive connection, or one that never sends its request, gives its thread back

    def log_message(self, *args) -> None:
        return


class _Server(ThreadedWSGIServer):
    """Say nothing of a client that hung up: the demo's visitors do that on purpose."""

    request_queue_size = 64

    def handle_error(self, request, client_address) -> None:
        return


class Arrivals:
    """WSGI middleware that counts requests by who sends them, and how many are still being answered."""

    def __init__(self, application) -> None:
        self.application = application
        self.by_sender: Counter[str] = Counter()
        self._running = 0
        self._changed = threading.Condition()

    def __call__(self, environ, start_response):
        sender = "driver" if environ.get("HTTP_USER_AGENT", "").startswith(DRIVER_AGENT) else "others"
        if environ.get("PATH_INFO", "").startswith("/health/"):
            sender += " (probes)"
        with self._changed:
            self.by_sender[sender] += 1
            self._running += 1
        try:
            return _Counted(self.application(environ, start_response), self._done)
        except BaseException:
            self._done()
            raise

    def _done(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until every response is closed; False when one is still open after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout_s)


class _Counted:
    """A response that tells when it is closed. `wsgi.file_wrapper` is not kept: this server has no sendfile."""

    def __init__(self, response, done) -> None:
        self._response, self._done = response, done

    def __iter__(self):
        return iter(self._response)

    def close(self) -> None:
        try:
            getattr(self._response, "close", lambda: None)()
        finally:
            self._done()


class DemoServer:
    """The shop on 127.0.0.1, in threads of this process. Static files are answered before Django's middleware."""

    def __init__(self, port: int) -> None:
        self.arrivals = Arrivals(WSGIHandler())  # get_wsgi_application() would set up logging anew
        self._server = _bind(port)
        self._server.set_app(_static_first(self.arrivals))
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="demo-server", daemon=True)

    @property
    def url(self) -> str:
        """Where a browser goes."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self, timeout_s: float = 10) -> bool:
        """Take no more connections and let the open responses end; False when one did not."""
        self._server.shutdown()
        self._thread.join(timeout_s)
        idle = self.arrivals.wait_until_idle(timeout_s)
        self._server.server_close()
        return idle


def _bind(port: int) -> _Server:
    """Bind to the port, or to the next free one; 0 takes any."""
    for candidate in range(port, port + PORTS_TO_TRY) if port else [0]:
        try:
            return _Server(("127.0.0.1", candidate), _QuietHandler)
        except OSError as taken:
            if taken.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
    raise OSError(errno.EADDRINUSE, f"No port from {port} to {port + PORTS_TO_TRY - 1} is free.")


def _static_first(arrivals: Arrivals):
    return StaticFilesHandler(arrivals) if settings.SERVE_STATIC else arrivals
