"""A TCP proxy on loopback that can cut a connection after the server did the work and before its answer arrives."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class CuttingProxy:
    """Forward to a server. `cut_after(b"EVALSHA")`: the answer to the next request that holds those bytes is lost."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._trigger: bytes | None = None
        self._sockets: list[socket.socket] = []
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, trigger: bytes) -> None:
        """Lose the answer to the next request that holds `trigger`, and close its connection."""
        self._trigger = trigger

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += (client, server)
                pair = _Pair(self, client, server)
                threading.Thread(target=pair.upstream, daemon=True).start()
                threading.Thread(target=pair.downstream, daemon=True).start()

    def take_trigger(self, request: bytes) -> bool:
        """Say whether this request is the one to cut."""
        if self._trigger is None or self._trigger not in request:
            return False
        self._trigger = None
        self.cuts += 1
        return True

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.close()
        for each in self._sockets:
            each.close()


class _Pair:
    """One connection through the proxy."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.cutting = False

    def upstream(self) -> None:
        with contextlib.suppress(OSError):
            while request := self.client.recv(1 << 20):
                if self.proxy.take_trigger(request):
                    self.cutting = True
                self.server.sendall(request)
            self.server.shutdown(socket.SHUT_WR)

    def downstream(self) -> None:
        with contextlib.suppress(OSError):
            while answer := self.server.recv(1 << 20):
                if self.cutting:
                    break
                self.client.sendall(answer)
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
