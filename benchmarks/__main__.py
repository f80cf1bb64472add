"""`python -m benchmarks`: measure, print a table with targets and verdicts, write JSON to benchmarks/results/."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import django

from benchmarks import table
from benchmarks.cases import (
    calls,
    error_pages,
    errors,
    host,
    memory,
    pages,
    requests,
    scale,
    scraping,
    sending,
    startup,
)  # fmt: skip

CASES = {
    "requests": requests.rows,
    "calls": calls.rows,
    "errors": errors.rows,
    "sending": sending.rows,
    "scraping": scraping.rows,
    "pages": pages.rows,
    "memory": memory.rows,
    "startup": startup.rows,
    "host": host.rows,
    "scale": scale.rows,
    "error_pages": error_pages.rows,
}
ONLY_WHEN_ASKED = {"scale"}
"""Groups that take many minutes."""

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    """Run what the command line asks for. The exit code does not depend on the figures: machines differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds of each, to see that they run: no figures")
    parser.add_argument("--only", metavar="NAME", action="append", choices=sorted(CASES), help="only this group")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the JSON goes")
    chosen = parser.parse_args()
    began, load = time.time(), os.getloadavg()
    rows: list[table.Row] = []
    print(table.HEAD, flush=True)
    for name in chosen.only or [name for name in CASES if name not in ONLY_WHEN_ASKED]:
        for row in _measured(name, quick=chosen.quick):
            print("\n".join(table.lines([row], rows[-1] if rows else None)), flush=True)
            rows.append(row)
    output = chosen.output or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    _write(output, rows, began, load, quick=chosen.quick)
    missed = sum(row.verdict == "MISSED" for row in rows)
    print(f"\n{len(rows)} rows in {time.time() - began:.0f} s, {missed} missed their target. JSON: {output}")
    if max(*load, *os.getloadavg()) > (os.cpu_count() or 1):
        print("The machine was busy with something else: shares and ratios hold better than times.")
    return 0


def _measured(name: str, *, quick: bool) -> Iterator[table.Row]:
    try:
        yield from CASES[name](quick=quick)
    except Exception as exc:
        print(f"{name}: {exc}", file=sys.stderr)
        yield table.skipped(name, "could not be measured", str(exc).strip().splitlines()[-1])


def _write(output: Path, rows: list[table.Row], began: float, load: tuple[float, float, float], *, quick: bool) -> None:
    machine = {
        "python": platform.python_version(),
        "django": django.get_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "load_before": load,
        "load_after": os.getloadavg(),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    when = datetime.fromtimestamp(began, UTC).isoformat()
    result = {"at": when, "quick": quick, "machine": machine, "rows": [row.as_json() for row in rows]}
    output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
