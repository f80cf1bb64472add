"""What a person gets from `pip install`: every file of the package, nothing else, working anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT_FROM = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
TRY = """
import sys, django
from django.conf import settings
database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "artisan_monitoring"],
    DATABASES={"default": database, "monitoring": database}, USE_TZ=True, SECRET_KEY="only to try the wheel",
)
django.setup()
import artisan_monitoring
from artisan_monitoring import AlertSeverity, error_tracker, initialize_monitoring, logger, metrics_collector
assert artisan_monitoring.__file__.startswith(sys.argv[1]), artisan_monitoring.__file__
print(artisan_monitoring.__version__, AlertSeverity.HIGH)
"""


def run(*command: str, **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that the checkout gets no build directory."""
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / "artisan_monitoring", source / "artisan_monitoring", ignore=shutil.ignore_patterns("__pycache__")
    )
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(out), str(source))
    return next(out.glob("*.whl"))


def test_wheel_carries_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    package = ROOT / "artisan_monitoring"
    files = {str(file.relative_to(ROOT)) for file in package.rglob("*") if file.is_file() and file.suffix != ".pyc"}
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert carried == files


def test_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    said = run(sys.executable, "-W", "error", "-c", TRY, str(tmp_path), cwd=tmp_path, env=environment)
    assert said.split() == [wheel.name.split("-")[1], "HIGH"]
