"""Log lines as OTLP messages (opentelemetry-proto 1.x, `logs.proto`): what a line says, under OpenTelemetry's names.

A line is what `JsonFormatter` wrote: redacted, bounded, of plain values. The resource is read from it and not from the
settings, for it may have been written by the release before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from ...logs.logger import ACCESS_LOGGER
from ...pipeline.pacing import breathe
from .encoding import bytes_of_id, nanos
from .outbox import Line

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

Values: TypeAlias = dict[str, object]
Resource: TypeAlias = tuple[tuple[str, str], ...]

RESOURCE = (("service", "service.name"), ("environment", "deployment.environment.name"), ("release", "service.version"))
"""What of a line belongs to its resource."""

CONTEXT = {"client": "client.address", "user_pk": "user.id"}
"""The context's keys that the semantic conventions have a name for. A field is never called so."""

ACCESS = {
    **CONTEXT,
    "method": "http.request.method",
    "path": "url.path",
    "route": "http.route",
    "status": "http.response.status_code",
    "bytes": "http.response.body.size",
    "error_type": "error.type",
    "user_agent": "user_agent.original",
}
"""The access log's fields that they have one for, too."""

_UNSPECIFIED, _TRACE, _MOST = 0, 1, 24
_LARGEST = 2**63


class _Request:
    """A request in the making: records under their resource, and under the logger that made them."""

    def __init__(self) -> None:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        self.message: ExportLogsServiceRequest = ExportLogsServiceRequest()
        self._resources: dict[Resource, ResourceLogs] = {}
        self._scopes: dict[tuple[Resource, str], ScopeLogs] = {}

    def scope(self, resource: Resource, name: str) -> ScopeLogs:
        """Return where the records of one logger go."""
        found = self._scopes.get((resource, name))
        if found is None:
            found = self._scopes[resource, name] = self._of(resource).scope_logs.add()
            found.scope.name = name
        return found

    def _of(self, resource: Resource) -> ResourceLogs:
        found = self._resources.get(resource)
        if found is None:
            found = self._resources[resource] = self.message.resource_logs.add()
            _set_attributes(found.resource.attributes, dict(resource))
        return found


def log_request(lines: Iterable[Line], added_at: float) -> tuple[ExportLogsServiceRequest, int]:
    """Return a request with these lines, and how many are in it: one that cannot be read is left out.

    `added_at` (seconds) is the time of a line that says none.
    """
    request, made = _Request(), 0
    for line in lines:
        made += _add(request, line, added_at)
        breathe()
    return request.message, made


def _add(request: _Request, line: Line, added_at: float) -> bool:
    try:
        values = json.loads(line.text)
        resource, name = _resource(values, line), str(values.pop("logger", ""))
    except (ValueError, TypeError, AttributeError):
        return False
    records = request.scope(resource, name).log_records
    try:
        _fill(records.add(), values, line.level, added_at, ACCESS if name == ACCESS_LOGGER else CONTEXT)
    except (ValueError, TypeError):
        records.pop()
        return False
    return True


def severity_number(level: int) -> int:
    """Return the protocol's number of a level of `logging`: DEBUG 5, INFO 9, WARN 13, ERROR 17, FATAL 21.

    Levels between the standard ones are the steps between: 21 is INFO2 (10), and all from 23 to 29 are INFO4 (12).
    """
    if level < 10:
        return _TRACE if level > 0 else _UNSPECIFIED
    tens = min(level // 10, 5)
    return min(_MOST, 1 + 4 * tens + min(3, level - 10 * tens))


def _resource(values: Values, line: Line) -> Resource:
    found = [(name, str(values.pop(key))) for key, name in RESOURCE if key in values]
    return (*found, ("host.name", line.host), ("service.instance.id", line.process))


def _fill(record: LogRecord, values: Values, level: int, added_at: float, names: Mapping[str, str]) -> None:
    # In place: messages that are made first and then put in are copied, at three times the price.
    at = _nanos(values.pop("timestamp", None), added_at)
    record.time_unix_nano = record.observed_time_unix_nano = at
    record.severity_number = severity_number(level)  # type: ignore[assignment]  # the protocol's enum is a number
    record.severity_text = str(values.pop("level", ""))
    _set_value(record.body, values.pop("message", ""))
    record.trace_id = bytes_of_id(str(values.pop("trace_id", "")), 16)
    record.span_id = bytes_of_id(str(values.pop("span_id", "")), 8)
    location = values.pop("location", None)
    if isinstance(location, str):
        path, _, number = location.rpartition(":")
        values["code.file.path"], values["code.line.number"] = path, int(number)
    _set_attributes(record.attributes, {names.get(key, key): value for key, value in values.items()})


def _nanos(timestamp: object, otherwise: float) -> int:
    """Return RFC 3339 as nanoseconds: by the microsecond, in whole numbers."""
    if not isinstance(timestamp, str):
        return nanos(otherwise)
    at = datetime.fromisoformat(timestamp)
    return int(at.replace(microsecond=0).timestamp()) * 10**9 + at.microsecond * 1000


def _set_attributes(attributes: RepeatedCompositeFieldContainer[KeyValue], values: Mapping[str, object]) -> None:
    add = attributes.add
    for key, value in values.items():
        pair = add()
        pair.key = key
        _set_value(pair.value, value)


def _set_value(into: AnyValue, value: object) -> None:
    """Set a value of JSON; for nothing it stays without content, as the protocol has it."""
    if isinstance(value, str):
        into.string_value = value
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int):
        if -_LARGEST <= value < _LARGEST:
            into.int_value = value
        else:
            into.string_value = str(value)
    elif isinstance(value, float):
        into.double_value = value
    elif isinstance(value, list):
        into.array_value.SetInParent()
        for each in value:
            _set_value(into.array_value.values.add(), each)
    elif isinstance(value, dict):
        into.kvlist_value.SetInParent()
        _set_attributes(into.kvlist_value.values, value)
