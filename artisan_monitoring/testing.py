"""What a project's own tests use: capture what is recorded, change settings, flush at once. Also a pytest plugin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import override_settings

from .conf import SETTING
from .core.histogram import Cell
from .core.series import Series
from .errors import capture
from .pipeline.buffer import buffer
from .pipeline.drain import drain
from .pipeline.flusher import flusher
from .stores import get_store


class CapturedMetrics:
    """The metrics recorded inside a `capture_metrics()` block; may be read inside it and after."""

    def __init__(self) -> None:
        self._rows: list[tuple[Series, Cell]] = []

    def collect(self) -> None:
        """Take over what was recorded since the last look."""
        for rows in buffer.swap().slots.values():
            self._rows.extend(rows)

    def cell(self, name: str, **tags: str) -> Cell:
        """Return one cell of all series of a metric that carry these tags (a dot in a key is written `__`)."""
        self.collect()
        wanted = {key.replace("__", "."): value for key, value in tags.items()}
        total = Cell()
        for series, cell in self._rows:
            if series.name == name and wanted.items() <= dict(series.tags).items():
                total.merge(cell)
        return total

    def count(self, name: str, **tags: str) -> int:
        """Return how many values or increments were recorded."""
        return self.cell(name, **tags).count

    def sum(self, name: str, **tags: str) -> float:
        """Return the sum of the values or increments."""
        return self.cell(name, **tags).sum

    def names(self) -> set[str]:
        """Return the metrics that were recorded."""
        self.collect()
        return {series.name for series, _ in self._rows}

    def series(self, name: str) -> list[Series]:
        """Return the series of a metric that were recorded."""
        self.collect()
        return sorted({series for series, _ in self._rows if series.name == name}, key=lambda each: each.tags)


@contextmanager
def capture_metrics() -> Iterator[CapturedMetrics]:
    """Keep the metrics recorded inside the block, instead of sending them. What was buffered before is discarded."""
    captured = CapturedMetrics()
    with flusher.held():
        buffer.swap()
        yield captured
        captured.collect()


@contextmanager
def capture_errors() -> Iterator[list[capture.Captured]]:
    """Collect the errors captured inside the block, in order; they still go their way."""
    captured: list[capture.Captured] = []
    capture.observers.append(captured.append)
    try:
        yield captured
    finally:
        capture.observers.remove(captured.append)


@contextmanager
def override_monitoring(**keys: Any) -> Iterator[None]:
    """Change keys of `ARTISAN_MONITORING` inside the block; a dictionary is merged into the section of that name."""
    from django.conf import settings

    merged: dict[str, Any] = dict(getattr(settings, SETTING, {}))
    for key, value in keys.items():
        merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    with override_settings(**{SETTING: merged}):
        yield


def flush_monitoring() -> None:
    """Flush, drain and roll up, in this process, before it returns: then queries and the admin see what was recorded.

    Works under a test runner too, where nothing else is sent. Raise `StoreUnavailable` where the store is away.
    """
    from .metrics.rollup import flush_metrics

    store = get_store()
    flusher.flush()
    while any(store.inbox_stats(shard).entries for shard in store.reading_shards()) and drain():
        pass
    flush_metrics()
