"""Directories that end with the process that made them, however it ends."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "artisan-tests"


def own_directory(name: str) -> Path:
    """Make a directory for this process; it is removed at the exit, or by the next caller if there was no proper exit.

    A killed run has none, nor has mypy, which loads the tests' settings and leaves by `os._exit`.
    """
    _sweep()
    owner = os.getpid()
    made = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{owner}-{name}-"))
    atexit.register(_remove, made, owner)
    return made


def _remove(made: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(made, ignore_errors=True)


def _sweep() -> None:
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}-*-*-*"):
        pid = old.name.split("-")[2]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(old, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
