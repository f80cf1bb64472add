"""One child process that serves on loopback: started, waited for, paused, stopped, and never left behind."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.directories import own_directory

# Run by a bare interpreter before the server: gives up root if told to, asks Linux to end the server when the thread
# that started it ends (PR_SET_PDEATHSIG = 1; set after setuid, which clears it), and becomes the server.
# A preexec_fn would do the same, but forks a process with threads, and Python 3.12 warns of that.
LAUNCHER = """
import ctypes, os, sys
uid, gid, parent_signal = map(int, sys.argv[1:4])
if uid >= 0:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, parent_signal, 0, 0, 0)
os.execv(sys.argv[4], sys.argv[4:])
"""


class ServiceMissing(Exception):
    """The program a service needs is not on this machine; the text says how to get it."""


def free_port(*offsets: int) -> int:
    """Return a loopback TCP port that is free now, and for which port + offset is free too.

    Below 32768, where Linux begins to give out ports to clients: nobody takes it between here and the server's bind.
    """
    for _ in range(200):
        port = random.randrange(15_000, 22_000)
        if all(_is_free(port + offset) for offset in (0, *offsets)):
            return port
    raise RuntimeError("no free loopback port found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Server:
    """A program serving on `127.0.0.1:port` out of a directory of its own.

    Start it from the main thread: Linux ends it with the thread that started it.
    """

    port_offsets: tuple[int, ...] = ()
    stop_signal = signal.SIGTERM
    start_timeout_s = 20.0

    def __init__(self, *, owner: tuple[int, int] | None = None) -> None:
        self.port = free_port(*self.port_offsets)
        self.owner = owner
        self.directory = own_directory(type(self).__name__.strip("_").lower())
        if owner:
            os.chown(self.directory, *owner)
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def command(self) -> list[str]:
        """Return the program with its arguments, on `self.port`, working in `self.directory`."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Say whether the server answers; an exception means no."""
        raise NotImplementedError

    @property
    def log(self) -> Path:
        """Return the file that takes the server's output."""
        return self.directory / "server.log"

    @property
    def running(self) -> bool:
        """Say whether the process is there (it may be paused)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    def start(self) -> None:
        """Start the server and return when it answers; no effect on a running one."""
        if self.running:
            return
        uid, gid = self.owner or (-1, -1)
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(uid), str(gid), str(int(signal.SIGKILL))]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*launcher, *self.command()],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C on the terminal reaches pytest, which stops the servers in order
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while self.running and time.monotonic() < deadline:
            with contextlib.suppress(Exception):
                if self.is_ready():
                    return
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"{self.command()[0]} did not start:\n{self.log.read_text(errors='replace')[-3000:]}")

    def stop(self) -> None:
        """Ask the server to end, as an operator would, and wait for it."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End the server without a chance to save or to say goodbye, as a crash does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        _send(process.pid, signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def pause(self) -> None:
        """Freeze the server: connections stay open and nothing answers, as on a machine that hangs."""
        if self._process:
            _send(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        if self._process:
            _send(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        atexit.unregister(self.close)


def _send(pid: int, what: signal.Signals) -> None:
    """Send a signal to a process and to all its children (each PostgreSQL connection is one)."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(what)
