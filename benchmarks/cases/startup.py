"""What the app adds to a process before its first request: CPU of `django.setup()` and of loading the middleware."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from benchmarks import child, site
from benchmarks.table import Row, spread

GROUP = "Start-up"
NEVER = ("celery", "redis", "psutil", "prometheus_client", "apprise", "opentelemetry")


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield the CPU of a start with the app above one without, in processes started in turn."""
    pairs = [tuple(child.run(__name__, "measure", app=app) for app in (True, False)) for _ in range(1 if quick else 9)]
    alone = spread([without["cpu_ms"] for _, without in pairs])
    yield Row(GROUP, "Django alone, CPU", alone[0], "ms", alone[1], alone[2])
    added = spread([with_app["cpu_ms"] - without["cpu_ms"] for with_app, without in pairs])
    imported = sorted({name for with_app, _ in pairs for name in with_app["imported"]})
    note = f"imports {', '.join(imported)}" if imported else ""
    yield Row(GROUP, "added by the app and its middleware, CPU", added[0], "ms", added[1], added[2], 60.0, note=note)


def measure(*, app: bool) -> dict[str, object]:
    """Return the CPU that this process took to get ready to serve, since it was started."""
    before = set(sys.modules)
    site.set_up(app=app)
    site.handler(site.MONITORED if app else [site.NOTHING])
    taken = time.process_time() * 1e3
    return {"cpu_ms": taken, "imported": [name for name in NEVER if name in sys.modules and name not in before]}
