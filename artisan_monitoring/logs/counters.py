"""What this process's log handlers did, as plain integers: the pipeline reads them, nothing resets them.

`records` is changed under the handler's own lock; the rare ones may lose a step to a race between two handlers.
"""

from __future__ import annotations

records: dict[str, int] = {"DEBUG": 0, "INFO": 0, "WARNING": 0, "ERROR": 0, "CRITICAL": 0}
"""Records written, by level name; a level of the host's own counts as the standard one below it."""

LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}

unserialisable = 0
"""Records that no JSON encoder takes as they are, and that were repaired."""

truncated = 0
"""Records that were cut to fit into 64 KiB."""

dropped = 0
"""Lines dropped because the queue of a non-blocking handler was full."""

write_errors = 0
"""Lines that could not be written: a closed stream, a full disk."""


def level_of(number: int) -> str:
    """Return the standard level's name at or below `number`."""
    if number >= 40:
        return "ERROR" if number < 50 else "CRITICAL"
    if number >= 30:
        return "WARNING"
    return "INFO" if number >= 20 else "DEBUG"
