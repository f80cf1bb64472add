"""A record's values as exactly one line of JSON: ASCII, at most 64 KiB with its line end, whatever the values are.

ASCII on purpose: such a line is the same for every stream encoding, its characters are its bytes, and no ESC, C1,
U+2028 or bidirectional mark in it can colour, split or reorder what a terminal shows.
"""

from __future__ import annotations

import json
import json.encoder
import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.redaction import Json

LONGEST_LINE = 65_536 - 1  # and its line end: log shippers and CloudWatch cut or refuse more
_DELETE = "\x7f"
# Each step takes less of every string and container, until the line fits.
_STEPS = ((8_192, 100), (2_048, 50), (512, 25), (128, 10))
_KEPT = ("timestamp", "level", "logger", "message", "request_id", "trace_id")


class Encode(Protocol):
    """Turn plain values into JSON text; may raise for values that are not quite plain."""

    def __call__(self, values: dict[str, Json], /) -> str: ...


_encoder = json.JSONEncoder(ensure_ascii=True, allow_nan=False, check_circular=False, separators=(",", ":"))


def _standard_encoder() -> Encode:
    """Return the C encoder made once: `JSONEncoder.encode` makes one for each call, which costs 1.1 of 3.7 us."""
    make = getattr(json.encoder, "c_make_encoder", None)  # PyPy has none
    try:
        quote = json.encoder.encode_basestring_ascii
        chunks = make and make(None, _encoder.default, quote, None, ":", ",", False, False, False)
        if chunks and "".join(chunks({"a": [1, None]}, 0)) == '{"a":[1,null]}':
            return lambda values: "".join(chunks(values, 0))
    except Exception:  # another Python, another signature
        return _encoder.encode
    return _encoder.encode


_dumps = _standard_encoder()


def encode_stdlib(values: dict[str, Json]) -> str:
    """Encode with the standard library. Raise ValueError for NaN and for text that is not Unicode.

    Half a surrogate pair is valid to json.loads(), but refused by stricter readers (jq, orjson).
    """
    line = _dumps(values)
    if "\\ud" in line:
        json.dumps(values, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return line if _DELETE not in line else line.replace(_DELETE, "\\u007f")


def encode_repaired(values: dict[str, Json]) -> str:
    """Encode values after repairing them: this cannot fail."""
    line = _dumps({_unicode(key): repaired(item) for key, item in values.items()})
    return line.replace(_DELETE, "\\u007f")


def _encode_fast() -> Encode:
    try:
        from orjson import dumps
    except ImportError:
        return encode_stdlib

    def encode_orjson(values: dict[str, Json]) -> str:
        raw: bytes = dumps(values)
        if raw.isascii() and b"\x7f" not in raw:
            return raw.decode("ascii")
        return encode_stdlib(values)

    return encode_orjson


encode: Encode = _encode_fast()


def repaired(value: object) -> Json:
    """Return a copy of plain values that every JSON encoder takes: Unicode text, finite numbers, text as keys."""
    if isinstance(value, str):
        return _unicode(value)
    if isinstance(value, dict):
        return {_unicode(str(key)): repaired(item) for key, item in value.items()}
    if isinstance(value, list):
        return [repaired(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    return f"<{type(value).__name__}>"


def _unicode(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def shrunk(values: dict[str, Json]) -> str:
    """Return the line of `values` cut down to 64 KiB, with `"truncated": true`."""
    for longest, widest in _STEPS:
        smaller = {key: _cut(item, longest, widest) for key, item in list(values.items())[: widest * 2]}
        smaller["truncated"] = True
        line = encode_repaired(smaller)
        if len(line) <= LONGEST_LINE:
            return line
    return encode_repaired({**{key: _cut(values[key], 128, 0) for key in _KEPT if key in values}, "truncated": True})


def _cut(value: Json, longest: int, widest: int) -> Json:
    if isinstance(value, str):
        return value if len(value) <= longest else f"{value[:longest]}[+{len(value) - longest} characters]"
    if isinstance(value, dict):
        return {key[:longest]: _cut(item, longest, widest) for key, item in list(value.items())[:widest]}
    if isinstance(value, list):
        return [_cut(item, longest, widest) for item in value[:widest]]
    return value
