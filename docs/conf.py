"""How Sphinx builds these pages: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

project = "artisan_monitoring"
author = "The artisan_monitoring authors"
copyright = author
_version = re.search(r'^__version__ = "(.+)"', (ROOT / "artisan_monitoring" / "__init__.py").read_text(), re.MULTILINE)
release = version = _version[1] if _version else ""

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"artisan_monitoring {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_copy_source = False
