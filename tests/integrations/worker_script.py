"""What a process beside the worker does: `publish` sends tasks from a context, `look` prints what was recorded."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter

import django

from tests.integrations import worker_app


def publish() -> None:
    """Send the tasks as a request would."""
    from artisan_monitoring.core import context

    context.request_id.set("request-of-the-publisher")
    context.trace_id.set("a" * 32)
    for _ in range(5):
        worker_app.greet.delay("world")
    for _ in range(3):
        worker_app.fail.delay()
    worker_app.try_again.delay()


def hang() -> None:
    """Send a task that its hard time limit ends."""
    worker_app.hang.delay()


def look() -> None:
    """Print what the store and the database hold, as JSON."""
    from artisan_monitoring.metrics.queries import read
    from artisan_monitoring.models import Alert, ErrorGroup
    from artisan_monitoring.stores import get_store

    store, now = get_store(), time.time()
    tags = ("messaging.operation.name", "artisan.outcome")
    result = read("messaging.process.duration", now - 3600, now + 60, group_by=tags)
    durations: Counter[str] = Counter()
    for group in result.groups:
        durations[" ".join(group)] += result.total(group).count
    records = store.job_records()
    found = {
        "durations": durations,
        "errors": list(ErrorGroup.objects.order_by("pk").values("type", "count", "mechanism")),
        "alerts": list(Alert.objects.values_list("rule_name", "state")),
        "workers": {name: note.value for name, note in store.notes("worker").items()},
        "beat": {name: note.value for name, note in store.notes("beat").items()},
        "jobs": {name: [record.runner, record.runs, record.last_error] for name, record in records.items()},
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    django.setup()
    {"publish": publish, "hang": hang, "look": look}[sys.argv[1]]()
