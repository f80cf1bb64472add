"""Which format a scraper wants: its Accept header against the three that are spoken here (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from enum import StrEnum

_MAX_ACCEPT = 1000
_OPENMETRICS_VERSIONS = {"", "0.0.1", "1.0.0"}
_MESSAGE = "io.prometheus.client.metricfamily"


class Format(StrEnum):
    """A format; the value is its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


def negotiate(accept: str) -> Format:
    """Return the format with the highest quality, the first of equals; the plain text for who asks for none of them."""
    if len(accept) > _MAX_ACCEPT:
        return Format.TEXT  # taking it apart would cost more than it is worth
    best, best_quality = Format.TEXT, 0.0
    for element in accept.split(","):
        kind, *rest = (part.strip() for part in element.lower().split(";"))
        parameters = {key.strip(): value.strip(' "') for key, _, value in (each.partition("=") for each in rest)}
        offered = _offered(kind, parameters)
        quality = _quality(parameters.get("q", "1"))
        if offered is not None and quality > best_quality:
            best, best_quality = offered, quality
    return best


def _offered(kind: str, parameters: dict[str, str]) -> Format | None:
    if kind == "application/vnd.google.protobuf":
        wanted = parameters.get("proto") == _MESSAGE and parameters.get("encoding") == "delimited"
        return Format.PROTOBUF if wanted else None
    if kind == "application/openmetrics-text":
        return Format.OPENMETRICS if parameters.get("version", "") in _OPENMETRICS_VERSIONS else None
    return Format.TEXT if kind in ("text/plain", "text/*", "*/*") else None


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
