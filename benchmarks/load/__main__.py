"""`python -m benchmarks.load`: play many workers against a real store; print what it costs and whether it is exact."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import site
from benchmarks.load.play import Costs, Play, play
from benchmarks.load.players import Mix
from benchmarks.services import StoreServer, store_server
from tests.services import ServiceMissing

MOST_DELTAS = 100_000_000
"""What anybody would wait for: at 20,000 a second it is more than an hour."""


def main() -> int:
    """Play what the command line asks for; 1 where anything that was read back is not what was sent."""
    chosen = _parse()
    minutes = chosen.days * 1440 or chosen.minutes
    wanted = Play(chosen.workers, Mix(chosen.series, chosen.times, chosen.own), chosen.flush_s, int(minutes * 60))
    deltas = wanted.turns * wanted.workers * wanted.mix.series
    if not 0 < deltas <= MOST_DELTAS:
        print(f"{deltas:,} deltas are more than {MOST_DELTAS:,}: fewer minutes, workers or series", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="artisan-load-") as directory:
        os.environ["BENCHMARKS_DIR"] = directory
        try:
            with store_server(chosen.store, Path(directory)) as server:
                return _run(chosen, wanted, server)
        except ServiceMissing as exc:
            print(exc, file=sys.stderr)
            return 2


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--workers", type=int, default=50, metavar="N", help="worker processes (50)")
    parser.add_argument("--series", type=int, default=500, metavar="N", help="series that each of them records (500)")
    parser.add_argument("--own", action="store_true", help="of its own: tagged with the worker's name")
    parser.add_argument("--times", type=int, default=5, metavar="N", help="values of a distribution in a flush (5)")
    parser.add_argument("--store", choices=("redis", "postgres", "sqlite"), default="redis")
    parser.add_argument("--shards", type=int, default=1, metavar="N", help="of the Redis store (1)")
    parser.add_argument("--minutes", type=float, default=1, help="simulated (1)")
    parser.add_argument("--days", type=float, default=0, help="simulated, instead of minutes")
    parser.add_argument("--flush-s", type=int, default=5, metavar="S", help="simulated seconds between flushes (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def _run(chosen: argparse.Namespace, wanted: Play, server: StoreServer) -> int:
    limits = {"SERIES": 10**7, "METRICS": 10**5, "SERIES_PER_METRIC": 10**6} if chosen.own else {}  # one process plays
    site.set_up(
        redis_url=server.redis_url, logs=False, shards=chosen.shards, database=server.database or None,
        monitoring={"LIMITS": limits},
    )  # fmt: skip
    site.make_tables()
    site.by_hand()
    began = time.perf_counter()
    costs, found = play(wanted, server, lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    figures = {**figures_of(wanted, costs, found), "wall_s": time.perf_counter() - began}
    print(f"{chosen.workers} workers x {chosen.series} series on {chosen.store}, {chosen.shards} shard(s)")
    for name, value in figures.items():
        print(f"  {name:44}{value:>16,.4g}" if isinstance(value, float) else f"  {name:44}{value!s:>16}")
    if chosen.json:
        chosen.json.write_text(json.dumps({"options": vars(chosen), "figures": figures}, default=str, indent=1) + "\n")
    exact = not (
        found["wrong_totals"]
        or found["wrong_cells"]
        or set(found["losses"]) - {"store_series"}
        or found["left_in_inbox"]
    )
    print("every total and every cell is exactly what was sent" if exact else "NOT EXACT")
    return 0 if exact else 1


def figures_of(wanted: Play, costs: Costs, found: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a play: costs a unit of work, and what a deployment of this size needs in cores."""
    own, server, counts = costs.own_s, costs.server_s, costs.counts
    deltas = counts["deltas"]
    simulated_s = wanted.turns * wanted.flush_s
    return {
        **found,
        "batches": counts["batches"],
        "bytes a batch in the inbox": counts["inbox_bytes"] / max(1, counts["batches"]),
        "inbox MB/s": counts["inbox_bytes"] / simulated_s / 1e6,
        "most inbox MB": counts["most_inbox_bytes"] / 1e6,
        "deltas": deltas,
        "record us a delta": own["record"] / deltas * 1e6,
        "flush us a delta": own["flush"] / deltas * 1e6,
        "flush ms a worker": own["flush"] / counts["flushes"] * 1e3,
        "drain us a delta": own["drain"] / deltas * 1e6,
        "drain deltas per CPU-s": deltas / max(own["drain"], 1e-9),
        "server us a delta, drain": server["drain"] / deltas * 1e6,
        "server us a delta, append": server["append"] / deltas * 1e6,
        "hours rolled up": counts["hours"],
        **({name: cost * 1e3 / counts["hours"] / found["series"] for name, cost in (
            ("roll-up ms a series-hour", own["roll-up"]), ("server ms a series-hour, roll-up", server["roll-up"]),
        )} if counts["hours"] else {}),
        "cores: flushing, all workers": own["flush"] / simulated_s,
        "cores: drain": own["drain"] / simulated_s,
        "cores: server, drain": server["drain"] / simulated_s,
        "cores: server, append": server["append"] / simulated_s,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
