"""`logging_config()` as a project uses it: in settings, in a process of its own."""

from __future__ import annotations

import json
import logging
import logging.config
import subprocess
import sys
from pathlib import Path

import django
import pytest

from artisan_monitoring.logs import HumanFormatter, JsonFormatter, context, logging_config
from artisan_monitoring.logs.handlers import DailyFileHandler, StdoutHandler
from artisan_monitoring.logs.nonblocking import NonBlockingHandler

SETTINGS = """
from artisan_monitoring.logs import logging_config
from artisan_monitoring import logger
SECRET_KEY = "not-a-secret-for-this-test"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
ARTISAN_MONITORING = {"SERVICE": "shop", "ENVIRONMENT": "production", "RELEASE": "1.2", "RETENTION": {"LOGS": 9}}
LOGGING = logging_config(%s)
"""
RUN = """
import os, sys, logging
os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
import django
django.setup()
from artisan_monitoring import logger
logger.info("User action", user_id="123")
logging.getLogger("django.request").error("Server error: %s", "/x", extra={"status_code": 500, "request": object()})
logging.getLogger("django.db.backends").debug("SELECT")
logging.getLogger("other").debug("not shown")
handlers = logging.getLogger().handlers
print([getattr(each, "backupCount", None) for each in handlers], file=sys.stderr)
lazy = [name for name in sys.modules if name.split(".")[0] in ("celery", "redis", "psutil", "prometheus_client")]
print(lazy, file=sys.stderr)
"""


def run(tmp_path: Path, arguments: str) -> tuple[list[str], list[str]]:
    (tmp_path / "site_settings.py").write_text(SETTINGS % arguments)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": f"{tmp_path}:{root}", "PATH": "", "LANG": "C"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr.splitlines()


def test_in_django_settings(tmp_path):
    lines, (kept, lazy) = run(tmp_path, f'level="INFO", environment="production", file="{tmp_path}/logs/app.log"')
    action, error = map(json.loads, lines)
    assert (action["message"], action["user_id"], action["service"], action["release"]) == (
        "User action",
        "123",
        "shop",
        "1.2",
    )
    assert (error["logger"], error["message"], error["status_code"]) == ("django.request", "Server error: /x", 500)
    assert (tmp_path / "logs" / "app.log").read_text().splitlines() == lines
    assert kept == "[None, 9]"
    assert lazy == "[]"


def test_in_development(tmp_path):
    lines, _ = run(tmp_path, 'level="debug", environment="development"')
    assert "INFO     artisan-platform  User action  user_id=123" in lines[0]
    assert "Server error: /x" in lines[1]
    assert [line for line in lines if "SELECT" in line] == []
    assert "not shown" in lines[-1]


def test_nonblocking_in_django(tmp_path):
    lines, _ = run(tmp_path, f'nonblocking=True, file="{tmp_path}/app.log"')
    assert [json.loads(line)["message"] for line in lines] == ["User action", "Server error: /x"]
    assert (tmp_path / "app.log").read_text().splitlines() == lines


def test_handlers_and_formats(tmp_path):
    logging.config.dictConfig(logging_config("WARNING", "production", file=tmp_path / "a.log"))
    console, file = logging.getLogger().handlers
    assert isinstance(console, StdoutHandler)
    assert isinstance(console.formatter, JsonFormatter)
    assert isinstance(file, DailyFileHandler)
    assert (console.primary, file.primary) == (True, False)
    assert logging.getLogger().level == logging.getLogger("django").level == logging.WARNING
    logging.config.dictConfig(logging_config(environment="development"))
    assert isinstance(logging.getLogger().handlers[0].formatter, HumanFormatter)
    logging.config.dictConfig(logging_config(environment="development", format="json", nonblocking=True))
    (console,) = logging.getLogger().handlers
    assert isinstance(console, NonBlockingHandler)
    assert isinstance(console.formatter, JsonFormatter)


def test_applying_it_installs_the_context():
    logging.setLogRecordFactory(logging.LogRecord)
    logging.config.dictConfig(logging_config())
    assert logging.getLogRecordFactory() is context.make_record


@pytest.mark.parametrize(
    ("level", "number"), [("info", 20), (" Warn ", 30), ("FATAL", 50), (15, 15), ("25", 25), (logging.ERROR, 40)]
)
def test_levels(level, number):
    assert logging_config(level)["root"]["level"] == number


def test_unknown_level_names_the_near_one():
    with pytest.raises(ValueError, match=r"'WARNIGN'.*WARNING"):
        logging_config("WARNIGN")
    with pytest.raises(ValueError, match="INFO"):
        logging_config("zzz")


def test_loggers_of_the_project_are_added():
    config = logging_config(loggers={"shop": {"level": "DEBUG"}, "django.server": {"level": "INFO"}})
    assert config["loggers"]["shop"] == {"level": "DEBUG"}
    assert config["loggers"]["django.server"] == {"level": "INFO"}


def test_errors_are_still_mailed_to_the_admins(settings, mailoutbox):
    settings.ADMINS = ["ann@shop.example"] if django.VERSION >= (6, 0) else [("Ann", "ann@shop.example")]
    logging.config.dictConfig(logging_config())
    logging.getLogger("django.request").error("Server error")
    logging.getLogger("django.request").warning("Not found")
    assert [mail.subject for mail in mailoutbox] == ["[Django] ERROR: Server error"]


def test_without_a_django_project():
    code = (
        "import logging.config; from artisan_monitoring.logs import logger, logging_config;"
        "logging.config.dictConfig(logging_config('INFO', 'batch')); logger.info('x', a=1);"
        "logging.getLogger('django.request').error('y')"
    )
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, env=env
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["a"], first["environment"], second["message"], done.stderr) == (1, "batch", "y", "")


def test_configuration_is_plain_data():
    # A project may print it, change it, or write it to a file.
    assert json.loads(json.dumps(logging_config(file="a.log")))["version"] == 1
