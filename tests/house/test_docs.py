"""The pages say what the code has: snippets compile, names import, links lead somewhere, tables are complete."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from artisan_monitoring.conf import SETTING, resolve
from tests.house.code import Recorded, dropped_reasons, loss_reasons, recorded_metrics

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted(
    [ROOT / "README.md", *(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)],
    key=lambda page: page.as_posix(),
)
LOGGERS = {"artisan_monitoring.access", "artisan_monitoring.otlp"}
"""Names of loggers that are no modules."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> list[str]:
    """Return the code of a page in one language; blocks may be indented, as in a list."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [dedent(body) for _, body in found]


def rows(page: str, heading: str = "") -> list[list[str]]:
    """Return the cells of every table row of a page of the reference, below a heading, whose first cell is a name."""
    text = (REFERENCE / page).read_text()
    if heading:
        text = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def resolved(dotted: str) -> object:
    """Return what a dotted name stands for; raise ImportError or AttributeError where it stands for nothing."""
    module = dotted
    while find_spec_or_none(module) is None:
        module = module.rpartition(".")[0]
    found: object = import_module(module)
    for name in dotted[len(module) + 1 :].split("."):
        found = getattr(found, name) if name else found
    return found


def find_spec_or_none(module: str) -> object:
    try:
        return find_spec(module)
    except ModuleNotFoundError:
        return None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_snippets_compile_and_import_what_there_is(page: Path) -> None:
    for block in blocks(page.read_text(), "python"):
        tree = compile(block, name_of(page), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("artisan_monitoring"):
                for name in node.names:
                    resolved(f"{node.module}.{name.name}")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_in_snippets_exist(page: Path) -> None:
    for block in blocks(page.read_text(), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == SETTING:
                assert resolve(ast.literal_eval(node.value))[1] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_dotted_names_import(page: Path) -> None:
    for dotted in sorted(set(re.findall(r"\bartisan_monitoring(?:\.[A-Za-z_]\w*)+", page.read_text()))):
        if re.fullmatch(r"artisan_monitoring\.[EW]\d{3}", dotted):
            assert any(row[0].strip("`") == dotted for row in rows("checks.md")), dotted
        elif dotted not in LOGGERS:
            resolved(dotted)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, target


def test_every_page_is_in_a_tree() -> None:
    listed = re.findall(r"^(\w+)/\*$", (DOCS / "index.md").read_text(), re.MULTILINE)
    assert {page.parent.name for page in PAGES if page.parent.parent == DOCS} == set(listed)


# -- the reference -----------------------------------------------------------------------------------------------------

COMMANDS = sorted(path.stem for path in (ROOT / "artisan_monitoring/management/commands").glob("monitoring_*.py"))


def test_every_command_is_on_its_page() -> None:
    assert sorted(re.findall(r"^## `(\w+)`$", (REFERENCE / "commands.md").read_text(), re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_on_its_page(command: str) -> None:
    def options(made: BaseCommand) -> set[str]:
        actions = made.create_parser("manage.py", command)._actions
        return {(action.option_strings or [action.dest])[-1] for action in actions}

    own = options(load_command_class("artisan_monitoring", command)) - options(BaseCommand())
    assert {row[0].strip("`").split()[0] for row in rows("commands.md", f"`{command}`")} == own


def test_every_metric_is_on_its_page() -> None:
    on_page = {
        Recorded(name.strip("`"), kind.partition(",")[0], unit.strip("`"), kind.partition(", ")[2] or "max")
        for name, kind, unit, _, _ in rows("metrics.md")
    }
    assert on_page == recorded_metrics()
    assert len(on_page) > 10  # the search finds what it is made for


def test_every_loss_is_on_its_page() -> None:
    assert {row[0].strip("`") for row in rows("loss.md", "Losses")} == loss_reasons()
    assert {row[0].strip("`") for row in rows("loss.md", "Dropped")} == dropped_reasons()


def test_signatures_on_the_page_are_the_codes() -> None:
    module, seen = "", 0
    for level, heading in re.findall(r"^(##|###) `(.+)`$", (REFERENCE / "api.md").read_text(), re.MULTILINE):
        if level == "##":
            module = heading
            assert isinstance(resolved(module), ModuleType)
            continue
        name, opening, arguments = heading.partition("(")
        found = resolved(f"{module}.{name}")
        if opening:
            assert told(arguments[:-1]) == actual(found), heading
            seen += 1
    assert seen > 15


def told(arguments: str) -> list[tuple[str, str]]:
    """Return names and defaults of a signature as it is written; keyword-only and variable ones are marked."""
    definition = ast.parse(f"def _({arguments}): ...").body[0]
    assert isinstance(definition, ast.FunctionDef)
    given = definition.args
    positional = [*given.posonlyargs, *given.args]
    defaults = [""] * (len(positional) - len(given.defaults)) + [ast.unparse(each) for each in given.defaults]
    found = [(arg.arg, default) for arg, default in zip(positional, defaults, strict=True)]
    found += [(f"*{given.vararg.arg}", "")] if given.vararg else []
    for arg, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found.append((f"*, {arg.arg}", ast.unparse(value) if value else ""))
    return found + ([(f"**{given.kwarg.arg}", "")] if given.kwarg else [])


def actual(function: object) -> list[tuple[str, str]]:
    """Return the same of a function."""
    assert callable(function)
    kind = inspect.Parameter
    marks = {kind.KEYWORD_ONLY: "*, ", kind.VAR_POSITIONAL: "*", kind.VAR_KEYWORD: "**"}
    return [
        (f"{marks.get(each.kind, '')}{each.name}", "" if each.default is each.empty else _spelled(each.default))
        for each in inspect.signature(function).parameters.values()
    ]


def _spelled(default: object) -> str:
    return f"{type(default).__name__}.{default.name}" if hasattr(default, "name") else repr(default)
