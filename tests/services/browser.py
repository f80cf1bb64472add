"""The browser of the machine: Playwright drives it, none is downloaded."""

from __future__ import annotations

import os
import shutil

from tests.services.process import ServiceMissing

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str:
    """Return the path of a Chromium, or raise `ServiceMissing`."""
    if named := os.environ.get("CHROMIUM"):
        if found := shutil.which(named):
            return found
        raise ServiceMissing(f"CHROMIUM={named} is not a program")
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise ServiceMissing("no Chromium: install the system's package, or set CHROMIUM")
