"""Request, trace and span ids: making new ones, and reading and writing the W3C `traceparent` header.

Formats: W3C Trace Context, section 3.2 (https://www.w3.org/TR/trace-context/#traceparent-header).
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

# One urandom call and one hex() per batch, then list.pop(), which is atomic: 0.15 us an id (uuid4().hex: 1.6 us),
# unpredictable (the Mersenne Twister can be rebuilt from 624 outputs), and no lock.
_BATCH = 128
_ids_of_16_bytes: list[str] = []
_ids_of_8_bytes: list[str] = []
_identities: list[str] = []

# A header longer than this is not worth a regular expression; the OpenTelemetry SDKs cap it alike.
_MAX_HEADER = 512
_VERSION_00_LENGTH = 55
# One pattern with the zero ids and version `ff` excluded, then slices: half the time of groups and comparisons.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.ASCII
)

# Accepts nginx's `$request_id` (32 hex digits, not a UUID), UUIDs and ULIDs; nothing that needs quoting anywhere.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,128}", re.ASCII)


class TraceContext(NamedTuple):
    """What a `traceparent` header says: lower-case hex ids, and the flags as a number (bit 0: sampled)."""

    trace_id: str
    parent_id: str
    flags: int

    @property
    def sampled(self) -> bool:
        """Tell whether the caller recorded this trace."""
        return bool(self.flags & 1)


def new_trace_id() -> str:
    """Return 32 random lower-case hex digits."""
    try:
        return _ids_of_16_bytes.pop()
    except IndexError:
        return _refill(_ids_of_16_bytes, 32)


def new_span_id() -> str:
    """Return 16 random lower-case hex digits."""
    try:
        return _ids_of_8_bytes.pop()
    except IndexError:
        return _refill(_ids_of_8_bytes, 16)


# A request id has the form of a trace id, so that either can be searched for with the same tools.
new_request_id = new_trace_id


def new_identity() -> tuple[str, str, str]:
    """Return a new request id, trace id and span id: what nearly every request needs, in one step. 0.1 us."""
    try:
        digits = _identities.pop()
    except IndexError:
        digits = _refill(_identities, 80)
    # Cut here, not in the pool: three strings and a tuple would be four places in memory that no cache holds by now.
    return digits[:32], digits[32:64], digits[64:]


def _refill(pool: list[str], width: int) -> str:
    digits = os.urandom(_BATCH * width // 2).hex()
    fresh = [digits[start : start + width] for start in range(0, len(digits), width)]
    first = fresh.pop()
    pool.extend(fresh)
    return first


def _forget_pools() -> None:
    # A child that kept its parent's pool would hand out the same ids as its siblings.
    _ids_of_16_bytes.clear()
    _ids_of_8_bytes.clear()
    _identities.clear()


os.register_at_fork(after_in_child=_forget_pools)


def parse(header: str) -> TraceContext | None:
    """Read a `traceparent` header; None for anything the specification calls invalid.

    Upper case, all-zero ids, version `ff` and, for version `00`, anything after the flags are invalid. A later
    version may carry more fields behind a dash, which are ignored (section 4.3 of the specification).
    """
    length = len(header)
    if length > _MAX_HEADER or _TRACEPARENT.fullmatch(header) is None:
        return None
    if length != _VERSION_00_LENGTH and header.startswith("00"):
        return None
    return TraceContext(header[3:35], header[36:52], int(header[53:55], 16))


def make(trace_id: str, span_id: str, flags: int = 1) -> str:
    """Return the `traceparent` header (version 00) that passes this trace on, with `span_id` as the parent."""
    return f"00-{trace_id}-{span_id}-{flags & 0xFF:02x}"


def valid_request_id(text: str) -> bool:
    """Tell whether an upstream's request id may be taken over: 8 to 128 letters, digits, dots, dashes, underscores."""
    return _REQUEST_ID.fullmatch(text) is not None
