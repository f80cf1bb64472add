"""Take this host out of traffic by a file: readiness answers 503 while it exists, liveness stays as it is.

The default is in the system's temporary directory: every process of the host sees it, no rights are needed to make it,
and it is gone after a reboot, when nobody remembers the drain. It must belong to root or to the user of the service:
anybody can write there. A service under systemd's `PrivateTmp`, or one whose shell has another file system, sets
`HEALTH["DRAIN_FILE"]` to a path that both see; who owns that file is not asked.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from functools import cache
from pathlib import Path

from ..conf import get_settings, on_settings_change


@cache
def _default_path(service: str) -> Path:
    return Path(tempfile.gettempdir()) / f"artisan_monitoring.{re.sub(r'[^A-Za-z0-9._-]', '_', service)}.drain"


def drain_file() -> Path:
    """Return the path of the flag."""
    settings = get_settings()
    return Path(settings.HEALTH.DRAIN_FILE) if settings.HEALTH.DRAIN_FILE else _default_path(settings.SERVICE)


on_settings_change(_default_path.cache_clear)


def draining() -> bool:
    """Tell whether this host is to get no traffic. One stat call of a local file: about 2 us."""
    return drained_since() is not None


def drained_since() -> float | None:
    """Return when the flag was set, in seconds since the epoch; None when it is not."""
    try:
        found = os.lstat(drain_file())
    except OSError:
        return None
    if not get_settings().HEALTH.DRAIN_FILE and not (
        stat.S_ISREG(found.st_mode) and found.st_uid in (0, os.geteuid() if hasattr(os, "geteuid") else 0)
    ):
        return None
    return found.st_mtime


def drain() -> None:
    """Set the flag; already set is fine. Raise OSError when it cannot be written or is somebody else's."""
    path = drain_file()
    try:
        # O_EXCL follows no link that somebody laid there.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        if not draining():
            raise


def undrain() -> None:
    """Clear the flag; already clear is fine. Raise OSError when it cannot be removed."""
    drain_file().unlink(missing_ok=True)
