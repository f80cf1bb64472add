"""What makes two log records the same problem: the logger and the message as it is written, before it is formatted."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from .fingerprints import VERSION, Fingerprint, normalised


@lru_cache(maxsize=512)
def of_log(logger: str, template: str) -> Fingerprint:
    """Return the fingerprint of a log record without an exception.

    A template made by an f-string has its values in it already, so what varies in it is replaced.
    """
    components = (f"log {logger}", f"  message: {normalised(template)}")
    text = "\n".join(components)
    return Fingerprint(VERSION, sha256(text.encode("utf-8", "backslashreplace")).hexdigest(), components)
