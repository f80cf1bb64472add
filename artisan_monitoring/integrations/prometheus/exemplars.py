"""What an exemplar carries to Prometheus: the ids first, within the 128 characters that OpenMetrics allows."""

from __future__ import annotations

from collections.abc import Mapping

from .names import Labels, label_name

MAX_CHARS = 128
"""OpenMetrics 1.0, "Exemplars": names and values of an exemplar's labels together; Prometheus drops a longer one."""

_FIRST = ("trace_id", "span_id", "request_id")


def exemplar_labels(attributes: Mapping[str, str]) -> Labels:
    """Return as many attributes as fit, the trace's id before all others."""
    found: dict[str, str] = {}
    room = MAX_CHARS
    for key in (*_FIRST, *(key for key in attributes if key not in _FIRST)):
        value = str(attributes.get(key, ""))
        name = label_name(key)
        size = len(name) + len(value)
        if value and name not in found and size <= room:
            found[name] = value
            room -= size
    return tuple(found.items())
