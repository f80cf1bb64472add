"""The project's house keeps the rules that it sets itself: top level, one version, sizes, and what the tools read."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import artisan_monitoring

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "artisan_monitoring"
TOP_LEVEL = {
    "setup.cfg", "pyproject.toml", "Makefile", "manage.py", "README.md", "CHANGELOG.md", "CONTRIBUTING.md",
    "SECURITY.md", "LICENSE", ".ci/run", "artisan_monitoring", "testproject", "tests", "docs", "benchmarks",
}  # fmt: skip
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)
TARGETS = {"help", "demo", "test", "lint", "types", "docs", "bench", "run", "worker", "clean"}


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_top_level_is_what_the_design_names() -> None:
    assert {name for name in TOP_LEVEL if not (ROOT / name).exists()} == set()


def test_pyproject_holds_only_the_build_system_and_ruff() -> None:
    held = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(held) == {"build-system", "tool"}
    assert set(held["tool"]) == {"ruff"}


def test_one_version_everywhere() -> None:
    version = artisan_monitoring.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert setup_cfg()["metadata"]["version"] == "attr: artisan_monitoring.__version__"
    assert importlib.metadata.version("artisan-monitoring") == version


def test_changelog_begins_with_what_is_not_released() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", heading) for heading in headings[1:])


def test_requirements_are_what_the_design_promises() -> None:
    options = setup_cfg()["options"]
    needed = {re.split(r"[<>=]", line)[0] for line in lines(options["install_requires"])}
    assert needed == {"Django", "celery", "django-redis", "psutil", "python-json-logger", "redis"}
    assert options["python_requires"] == ">=3.11"
    assert set(setup_cfg()["options.extras_require"]) >= {"fast", "prometheus", "otel", "notify", "test", "docs", "dev"}


def test_package_is_marked_as_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_every_module_says_what_it_holds() -> None:
    assert [str(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_files_and_functions_stay_small() -> None:
    long = []
    for path in MODULES:
        text = path.read_text()
        if (size := text.count("\n")) > 300:
            long.append(f"{path.relative_to(ROOT)}: {size} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno + 1
                if size > 40:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {size} lines")
    assert not long, "\n".join(long)


def test_a_module_is_named_for_what_it_holds() -> None:
    assert [str(path) for path in MODULES if path.stem in {"utils", "helpers", "misc", "common"}] == []


def test_make_without_a_target_lists_the_targets() -> None:
    said = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make (\w+)", said, re.MULTILINE)) >= TARGETS


def test_make_says_so_when_there_is_no_python(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in ("setup.cfg", "pyproject.toml"):
        (tmp_path / name).touch()
    run = subprocess.run(
        ["make", "test", "PYTHON=/nowhere/python"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "No Python 3.11 or later" in run.stderr
    assert not (tmp_path / ".venv").exists()


def test_rooms_import_downwards_only() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_room_of_the_package_is_in_the_contract() -> None:
    contract = setup_cfg()["importlinter:contract:rooms"]["layers"]
    named = set(re.findall(r"\w+", contract))
    present = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert present - {"__init__", "migrations"} <= named
