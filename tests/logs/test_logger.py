"""`logger`: fields as keywords, the caller's line, nothing that raises."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys

import pytest

from artisan_monitoring.core import context as core_context
from artisan_monitoring.logs import context, logger
from artisan_monitoring.logs.logger import StructuredLogger, access_logger, log_access
from artisan_monitoring.logs.records import quick_record


@pytest.fixture
def target(log):
    """The platform's logger, writing into `log`."""
    target = logging.getLogger("artisan-platform")
    target.handlers, target.propagate = [log.handler], False
    target.setLevel(logging.DEBUG)
    return target


@pytest.fixture
def access(log):
    access_logger.handlers, access_logger.propagate = [log.handler], False
    access_logger.setLevel(logging.INFO)
    return log


def test_keywords_are_fields(target, log):
    logger.info("User action", user_id="123", endpoint="/api/products", metadata={"query": "x", "token": "y"})
    entry = log.only()
    assert entry["message"] == "User action"
    assert (entry["user_id"], entry["endpoint"]) == ("123", "/api/products")
    assert entry["metadata"] == {"query": "x", "token": "[redacted]"}
    assert entry["logger"] == "artisan-platform"


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
@pytest.mark.parametrize("quick", [True, False])
def test_all_levels_name_the_caller(target, log, level, quick):
    if not quick:  # a factory of the host's own
        logging.setLogRecordFactory(lambda *args, **kwargs: context.make_record(*args, **kwargs))
    records: list[logging.LogRecord] = []
    log.handler.addFilter(lambda record: records.append(record) or True)
    getattr(logger, level)("x %s", 1, a=2)
    line = inspect.currentframe().f_lineno - 1
    (record,) = records
    assert (record.pathname, record.lineno, record.funcName) == (__file__, line, "test_all_levels_name_the_caller")
    assert (record.module, record.filename) == ("test_logger", "test_logger.py")
    assert record.a == 2
    entry = log.only()
    assert (entry["level"], entry["message"], entry["a"]) == (level.upper(), "x 1", 2)


def wrapper(**fields: object) -> None:
    logger.warning("wrapped", **fields)


def test_stacklevel_and_stack_info(target, log):
    wrapper(stacklevel=2)
    line = inspect.currentframe().f_lineno - 1
    assert log.only()["location"] == f"{__file__}:{line}"
    wrapper(stack_info=True)
    assert "in wrapper" in log.only()["stack"]
    logger.info("x", stacklevel="many")
    log.only()


def test_exceptions(target, log):
    try:
        raise LookupError("gone")
    except LookupError as error:
        logger.error("Database error", exc_info=True, metadata={"query": "SELECT 1"})
        assert log.only()["exception.type"] == "LookupError"
        logger.exception("again")
        assert log.only()["exception.message"] == "gone"
        caught = error
    logger.info("later", exc_info=caught)
    assert log.only()["exception.message"] == "gone"
    logger.info("tuple", exc_info=(LookupError, caught, caught.__traceback__))
    assert log.only()["exception.message"] == "gone"
    logger.info("none", exc_info=None)
    assert "exception.type" not in log.only()


def test_fields_called_like_attributes_of_a_record(target, log):
    logger.warning(
        "x", name="bob", args=(1,), message="m", msg="n", levelname="NO", self=1, level=2, lineno=0, created=0
    )
    entry = log.only()
    assert (entry["name"], entry["args"], entry["msg"], entry["self"]) == ("bob", [1], "n", 1)
    assert (entry["message"], entry["level"]) == ("x", "WARNING")
    assert (entry["field.message"], entry["field.level"], entry["levelname"]) == ("m", 2, "NO")


def test_extra_is_taken_too(target, log):
    logger.info("x", extra={"a": 1, "b": 2, 3: 4, "name": "n"}, b=5)
    entry = log.only()
    assert (entry["a"], entry["b"], entry["3"], entry["name"]) == (1, 5, 4, "n")
    logger.info("x", extra="nonsense")
    log.only()


def test_dictionary_argument(target, log):
    logger.info("%(who)s paid", {"who": "bob"})
    assert log.only()["message"] == "bob paid"
    logger.info("%s", {})
    assert log.only()["message"] == "{}"


def test_level_is_the_loggers(target, log):
    target.setLevel(logging.ERROR)
    logger.info("x")
    logger.log(25, "x")
    assert log.text == ""
    assert logger.isEnabledFor(logging.ERROR)
    assert not logger.isEnabledFor(logging.INFO)
    logger.log(45, "y", a=1)
    assert log.only()["a"] == 1


def test_other_handlers_see_a_usual_record(target, caplog):
    target.addHandler(caplog.handler)
    logger.info("x %s", 1, user_id="7")
    (record,) = caplog.records
    assert record.getMessage() == "x 1"
    assert record.user_id == "7"


def test_name_comes_from_the_setting(settings):
    settings.ARTISAN_MONITORING = {"LOGGER": "shop"}
    assert logger.target.name == "shop"
    settings.ARTISAN_MONITORING = {}
    assert logger.target.name == "artisan-platform"
    assert StructuredLogger("mine").target.name == "mine"


def test_works_without_django_and_without_configuration():
    code = "from artisan_monitoring import logger; logger.warning('plain %s', 1, user=2); logger.info('no')"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "plain 1\n")


def test_quick_record_is_what_the_standard_makes():
    given = ("n", 25, "/a/b/views.py", 7, "m %s", (1,), None, "view")
    standard = logging.LogRecord(*given)
    quick = quick_record("n", 25, "/a/b/views.py", 7, "m %s", (1,), "view")
    assert list(vars(quick)) == list(vars(standard))
    moving = ("created", "msecs", "relativeCreated")
    assert {key: value for key, value in vars(quick).items() if key not in moving} == {
        key: value for key, value in vars(standard).items() if key not in moving
    }
    assert quick.created == pytest.approx(standard.created, abs=5)
    assert quick.relativeCreated == pytest.approx(standard.relativeCreated, abs=5_000)
    assert quick.msecs == int(quick.created % 1 * 1000)


def test_access_record(access):
    core_context.request_id.set("r1")
    log_access(20, "GET /p/ 200", {"method": "GET", "path": "/p/", "status": 200, "duration_ms": 1.5, "route": None})
    entry = access.only()
    assert entry["logger"] == "artisan_monitoring.access"
    assert (entry["message"], entry["request_id"]) == ("GET /p/ 200", "r1")
    assert (entry["method"], entry["path"], entry["status"], entry["duration_ms"]) == ("GET", "/p/", 200, 1.5)
    assert entry["route"] is None


@pytest.mark.parametrize("quick", [True, False])
def test_access_record_hides_what_clients_send(access, quick):
    if not quick:
        logging.setLogRecordFactory(lambda *args, **kwargs: context.make_record(*args, **kwargs))
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    path = f"/reset/{jwt}/\r\n\udc80"
    log_access(30, f"GET {path} 404", {"path": path, "user_agent": "x password=hunter2", "status": 404})
    assert jwt not in access.text
    assert "hunter2" not in access.text
    entry = access.only()
    assert entry["path"] == "/reset/[redacted]/\r\n\\udc80"
    log_access(20, f"GET {jwt}", {"status": 404})
    assert access.only()["message"] == "GET [redacted]"
    log_access(40, "GET /", {"path": "/", "status": 500})
    assert "location" not in access.only()
    log_access(20, "GET /" + "a" * 100_000, {"path": "/" + "a" * 100_000, "user_agent": "b" * 100_000})
    assert access.only()["truncated"] is True


def test_access_record_goes_to_any_handler(access, caplog):
    access_logger.addHandler(caplog.handler)
    log_access(20, "GET / 200", {"status": 200})
    (record,) = caplog.records
    assert (record.status, record.getMessage(), record.name) == (200, "GET / 200", "artisan_monitoring.access")
    assert access.only()["status"] == 200


def test_access_record_with_more_on_it_is_written_whole(access):
    def tenant(record: logging.LogRecord) -> bool:
        record.tenant = "t1"
        return True

    access_logger.addFilter(tenant)
    try:
        log_access(20, "GET / 200", {"status": 200})
    finally:
        access_logger.removeFilter(tenant)
    entry = access.only()
    assert (entry["tenant"], entry["status"]) == ("t1", 200)


def test_access_record_is_not_made_for_nobody(access, monkeypatch):
    def unwanted(*args: object, **kwargs: object) -> None:
        raise AssertionError

    monkeypatch.setattr(sys.modules["artisan_monitoring.logs.logger"], "quick_record", unwanted)
    log_access(10, "x", {})  # below the logger's level
    access_logger.handlers = [access.handler]  # without pytest's own
    access.handler.setLevel(logging.ERROR)
    try:
        log_access(20, "x", {})  # below the handler's level
        access_logger.handlers = []
        log_access(20, "x", {})
    finally:
        access.handler.setLevel(logging.NOTSET)
    access_logger.handlers = [access.handler]
    access_logger.addFilter(refuse := (lambda record: False))
    monkeypatch.undo()
    try:
        log_access(20, "x", {})
    finally:
        access_logger.removeFilter(refuse)
    assert access.text == ""
