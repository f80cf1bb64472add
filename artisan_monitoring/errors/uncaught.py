"""What nobody caught, outside of requests and tasks: in threads, in commands and scripts, in an event loop.

Each hook calls the one that stood there before it, whatever happens in ours; nothing of the host's is replaced. What
captures is imported with the first error: it is 9 ms of a process' start.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ..core.guard import guarded

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""Ways to end, and no errors."""

SHELLS = ("shell", "shell_plus", "dbshell")

_Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


class _Hooked:
    """Set once a process: again, and each would call itself through what was put around it meanwhile."""

    threads = False
    process = False


_loops: WeakSet[AbstractEventLoop] = WeakSet()


def watch_threads() -> None:
    """Record exceptions that end a thread (`threading.excepthook`)."""
    if _Hooked.threads:
        return
    _Hooked.threads = True
    before = threading.excepthook

    def excepthook(args: threading.ExceptHookArgs, /) -> None:
        with guarded("errors.thread"):
            exc = args.exc_value
            if exc is not None and not isinstance(exc, ENDINGS):
                from .capture import capture_exception

                name = args.thread.name if args.thread is not None else ""
                capture_exception(exc, handled=False, mechanism="thread", context={"thread": name})
        before(args)

    threading.excepthook = excepthook


def watch_process() -> None:
    """Record exceptions that end the process: of management commands, and of scripts that set Django up."""
    if _Hooked.process:
        return
    _Hooked.process = True
    before: _Hook = sys.excepthook

    def excepthook(kind: type[BaseException], exc: BaseException, traceback: TracebackType | None) -> None:
        with guarded("errors.process"):
            name = command()
            # What somebody types into a shell comes here too.
            if not isinstance(exc, ENDINGS) and name not in SHELLS and not hasattr(sys, "ps1"):
                from .capture import capture_exception

                told = {"command": name, "arguments": sys.argv[2:] if name else sys.argv}
                capture_exception(exc, handled=False, mechanism="command" if name else "script", context=told)
        before(kind, exc, traceback)

    sys.excepthook = excepthook


def command() -> str:
    """Return the name of the management command that this process is, if it is one."""
    program = sys.argv[0].replace("\\", "/").rpartition("/")[2] if sys.argv else ""
    is_django = program in ("manage.py", "django-admin", "django-admin.py", "__main__.py")
    return sys.argv[1] if is_django and len(sys.argv) > 1 else ""


def watch_running_loop() -> None:
    """Record what the running event loop reports: tasks that failed and that nobody awaited, callbacks that raised."""
    # Whoever runs a loop has imported it; a sync site is spared the 30 ms.
    asyncio = sys.modules.get("asyncio")
    loop: AbstractEventLoop | None = asyncio._get_running_loop() if asyncio is not None else None
    if loop is None or loop in _loops:
        return
    _loops.add(loop)
    before = loop.get_exception_handler()

    def handler(loop: AbstractEventLoop, details: dict[str, Any]) -> None:
        with guarded("errors.loop"):
            _capture(details)
        if before is not None:
            before(loop, details)
        else:
            loop.default_exception_handler(details)

    loop.set_exception_handler(handler)


def _capture(details: dict[str, Any]) -> None:
    exc = details.get("exception")
    if exc is None or isinstance(exc, ENDINGS):
        return
    from .capture import capture_exception

    told = {"event_loop": str(details.get("message", ""))}
    task = details.get("task") or details.get("future")
    name = getattr(task, "get_name", None)
    if name is not None:
        told["task"] = str(name())
    capture_exception(exc, handled=False, mechanism="asyncio", context=told, request=None)


def begin_serving() -> None:
    """Watch what is there only once a process serves: called with its first request."""
    with guarded("errors.serving"):
        from . import log_handler

        log_handler.listen()
        watch_running_loop()
