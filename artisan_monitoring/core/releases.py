"""Which of two releases is the newer: by Semantic Versioning where both follow it, else by when each was first seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

# https://semver.org, 2.0.0: with "v", a package's name and "@" in front, and the patch number left out, as people do.
_VERSION = re.compile(r"(?:.+@)?v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")

Version = tuple[int, int, int, tuple[tuple[int, int, str], ...]]
_FINAL = ((2, 0, ""),)
"""Sorts after every pre-release (section 11.3)."""


@lru_cache(maxsize=256)
def version_of(release: str) -> Version | None:
    """Return a release as a key that sorts by precedence (section 11), or None where it is no version.

    >>> version_of("shop@1.4.2-rc.1") < version_of("v1.4.2+build7")
    True
    """
    found = _VERSION.fullmatch(release.strip())
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    return int(major), int(minor), int(patch or 0), _pre_release(pre) if pre else _FINAL


def _pre_release(text: str) -> tuple[tuple[int, int, str], ...]:
    # Numbers sort before words (section 11.4.3).
    parts = text.split(".")
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)


def is_newer(release: str, than: str, first_seen: Mapping[str, float]) -> bool:
    """Say whether `release` came after `than`; `first_seen` holds when a release was first seen, in epoch seconds.

    A release that was never seen is taken to be the newest: it is the one that begins to run now.
    """
    if release == than:
        return False
    one, other = version_of(release), version_of(than)
    if one is not None and other is not None and one != other:
        return one > other
    return first_seen.get(release, float("inf")) > first_seen.get(than, float("inf"))
