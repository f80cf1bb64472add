"""Fresh processes: every figure is measured in a child that did nothing before, and told to the parent as JSON."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WITHOUT_FAST = "BENCHMARKS_WITHOUT_FAST"
TIMEOUT_S = 240


class ChildFailed(Exception):
    """A child ended without a result; the text is the end of what it wrote to stderr."""


def run(
    module: str, function: str, *, fast: bool = True, timeout_s: float = TIMEOUT_S, **options: Any
) -> dict[str, Any]:
    """Call `module.function(**options)` in a fresh process; return what it returns. Raise `ChildFailed`.

    The child's standard output is a file on disk, so that what its log handlers write costs what it costs.
    """
    with tempfile.TemporaryDirectory(prefix="artisan-bench-") as directory:
        answer = Path(directory) / "answer.json"
        given = json.dumps({"module": module, "function": function, "options": options, "answer": str(answer)})
        with (Path(directory) / "stdout").open("wb") as output:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.child", given],
                cwd=ROOT, env=_environment(directory, fast=fast), stdout=output, stderr=subprocess.PIPE,
                timeout=timeout_s, check=False,
            )  # fmt: skip
        if done.returncode or not answer.exists():
            raise ChildFailed(f"{module}.{function}: {done.stderr.decode(errors='replace')[-3000:]}")
        result: dict[str, Any] = json.loads(answer.read_text())
        return result


def _environment(directory: str, *, fast: bool) -> Mapping[str, str]:
    # PYTHONUNBUFFERED and PYTHONDONTWRITEBYTECODE would change what is measured: people have compiled packages.
    ours = ("DJANGO_", "BENCHMARKS_", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**kept, "BENCHMARKS_DIR": directory, **({} if fast else {WITHOUT_FAST: "1"})}


def main(given: str) -> None:
    """Run one measurement and write its answer to the file named in it."""
    wanted = json.loads(given)
    if os.environ.get(WITHOUT_FAST):
        sys.modules["orjson"] = None  # type: ignore[assignment]  # as if it were not installed
    measured = getattr(importlib.import_module(wanted["module"]), wanted["function"])(**wanted["options"])
    Path(wanted["answer"]).write_text(json.dumps(measured))


if __name__ == "__main__":
    main(sys.argv[1])
