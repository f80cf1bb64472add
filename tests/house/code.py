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
    """Yield the package's modules; the own metrics of the self-test and the leak test are told in prose."""
    own = {PACKAGE / "selftest.py", PACKAGE / "leaks" / "site.py"}
    yield from (path for path in sorted(PACKAGE.rglob("*.py")) if path not in own)


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
    functions = [
        node
        for room in rooms
        for path in sorted(room.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    merging = (PACKAGE / "stores" / "merging.py").read_text()
    constants = dict(re.findall(r'^([A-Z_]+) = "(\w+)"$', merging, re.MULTILINE))
    counted = {constants[name] for name in re.findall(r"count_loss\(losses, ([A-Z_]+),", merging)}
    return counted.union(*map(_reasons_in, functions))


def _reasons_in(function: ast.FunctionDef) -> set[str]:
    """Return the reasons that a function counts itself: `losses["x"] += n`, `losses[name] += n`, `losses={"x": n}`."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript):
            if ast.unparse(node.target.value).endswith("losses"):
                found |= _texts_of(node.target.slice, function)
        elif isinstance(node, ast.keyword) and node.arg == "losses" and isinstance(node.value, ast.Dict):
            found |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    return found


def _texts_of(key: ast.expr, function: ast.FunctionDef) -> set[str]:
    """Return the texts that a key may be; a name is looked up among what the function assigns."""
    if isinstance(key, ast.Constant):
        return {str(key.value)}
    if isinstance(key, ast.IfExp):
        return _texts_of(key.body, function) | _texts_of(key.orelse, function)
    assigned = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == ast.unparse(key)
    ]
    return set().union(*(_texts_of(value, function) for value in assigned)) if assigned else set()


def dropped_reasons() -> set[str]:
    """Return the reasons under which a process counts what it drops; `<kind>` stands for that of a record."""
    texts = "\n".join(path.read_text() for path in sources())
    return {reason.replace("{kind}", "<kind>") for reason in re.findall(r'dropped\[f?"([^"]+)"\]', texts)}
