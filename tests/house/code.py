"""What the pages of the reference have to list, read out of the package's source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2] / "artisan_monitoring"
KINDS = {"increment": "counter", "gauge": "gauge", "observe": "distribution"}
CALLS = {"handle", "record_metric", *KINDS}


class Recorded(NamedTuple):
    """A metric that the package records."""

    name: str
    kind: str
    unit: str
    combine: str = "max"


def sources() -> Iterator[Path]:
    """Yield the package's modules; the self-test's own metrics are told in prose."""
    yield from (path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "selftest.py")


def recorded_metrics() -> set[Recorded]:
    """Return every metric named in a call of `metrics_collector`."""
    return {
        found
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and (found := _recorded(node))
    }


def _recorded(call: ast.Call) -> Recorded | None:
    called = call.func
    if not (isinstance(called, ast.Attribute) and ast.unparse(called.value) == "metrics_collector"):
        return None
    assert called.attr in CALLS, ast.unparse(call)
    texts = [each.value if isinstance(each, ast.Constant) else None for each in call.args]
    named = {each.arg: each.value.value for each in call.keywords if isinstance(each.value, ast.Constant)}
    kind = KINDS.get(called.attr) or str(named.get("kind", "counter"))
    positional = texts[2] if called.attr in ("observe", "record_metric") and len(texts) > 2 else None
    unit = named.get("unit") or positional or ("1" if kind == "gauge" else "count")
    assert isinstance(texts[0], str), f"a metric without a name that can be read: {ast.unparse(call)}"
    return Recorded(texts[0], kind, str(unit), str(named.get("combine", "max")))


def loss_reasons() -> set[str]:
    """Return the reasons under which a store counts losses."""
    rooms = (PACKAGE / "pipeline", PACKAGE / "stores")
    text = "\n".join(path.read_text() for room in rooms for path in room.rglob("*.py"))
    counted = re.findall(r'losses\[("\w+"[^\]]*)\]|losses=\{\*\*commit\.losses, ("\w+")', text)
    found = {reason for pair in counted for reason in re.findall(r'"(\w+)"', " ".join(pair))}
    constants = dict(
        re.findall(r'^([A-Z_]+) = "(\w+)"$', (PACKAGE / "stores" / "merging.py").read_text(), re.MULTILINE)
    )
    return found | {constants[name] for name in re.findall(r"count_loss\(losses, ([A-Z_]+),", text)}


def dropped_reasons() -> set[str]:
    """Return the reasons under which a process counts what it drops; `<kind>` stands for that of a record."""
    texts = "\n".join(path.read_text() for path in sources())
    return {reason.replace("{kind}", "<kind>") for reason in re.findall(r'dropped\[f?"([^"]+)"\]', texts)}
