"""The record of an error between capture and sink: one dictionary per fingerprint, and how two of them add up.

Keys: `version`, `hash`, `components` (the fingerprint); `type`, `message`, `culprit`, `severity`, `handled`,
`mechanism`, `logger`, `release`, `environment`, `first_release` where it differs (what the group shows; those of the
latest occurrence, the severity the highest); `count`; `hours` {"epoch seconds of the hour": count}; `first`, `last`
(epoch seconds); `users` {primary key: 1} and `sketch` (`Distinct.pack()`) of those that no longer fit; `samples`.
"""

from __future__ import annotations

from typing import Any

from ..core.distinct import EXACT_UP_TO, Distinct
from ..core.records import AlertSeverity

# Of one fingerprint in one batch; the sampler takes fewer, unless an outage merges many batches.
SAMPLES = 20
_LATEST = ("message", "culprit", "handled", "mechanism", "logger", "release", "environment")


def merge(into: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add `delta` to `into`. Runs under the buffer's lock: about 2 µs, and once per 64 users 0.2 ms for the sketch."""
    into["count"] += delta["count"]
    hours = into["hours"]
    for hour, count in delta["hours"].items():
        hours[hour] = hours.get(hour, 0) + count
    if delta["last"] >= into["last"]:
        into["last"] = delta["last"]
        into.setdefault("first_release", into["release"])
        for key in _LATEST:
            into[key] = delta[key]
    if delta["first"] < into["first"]:
        into["first"] = delta["first"]
        into["first_release"] = delta.get("first_release", delta["release"])
    if into["severity"] != delta["severity"]:
        into["severity"] = worst(into["severity"], delta["severity"])
    into["samples"] = (into["samples"] + delta["samples"])[:SAMPLES] if delta["samples"] else into["samples"]
    into["users"].update(delta["users"])
    if delta["sketch"] or len(into["users"]) > EXACT_UP_TO:
        into["sketch"], into["users"] = distinct_of(into, delta["sketch"]).pack(), {}


def worst(one: str, other: str) -> str:
    """Return the higher of two severities."""
    return max(AlertSeverity(one), AlertSeverity(other), key=lambda severity: severity.rank).value


def distinct_of(delta: dict[str, Any], *sketches: str) -> Distinct:
    """Return the users of a delta, and those of further sketches, as one count."""
    users = Distinct.unpack(delta["sketch"])
    for sketch in sketches:
        users.merge(Distinct.unpack(sketch))
    for user in delta["users"]:
        users.add(user)
    return users
