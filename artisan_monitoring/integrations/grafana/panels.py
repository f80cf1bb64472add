"""Panels and dashboards as Grafana's JSON model (schema 39, Grafana 10 and later) wants them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 39
WIDTH = 24
"""Columns of Grafana's grid."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
TAG = "artisan-monitoring"
_HEIGHTS = {"stat": 4}


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and the name of its lines (`{{label}}` stands for a label's value)."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: a `timeseries`, `heatmap` or `stat`.

    `unit` is Grafana's name of a unit: `s`, `reqps`, `percentunit`, `short`, `bytes`, ...
    """

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 12
    description: str = ""
    stacked: bool = False
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of panels, laid out from left to right."""

    name: str
    title: str
    panels: tuple[Panel, ...] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        """Return what Grafana imports or provisions."""
        return {
            "uid": f"{TAG}-{self.name}",
            "title": f"Artisan monitoring: {self.title}",
            "tags": [TAG],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": True,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "links": [_links_to_the_others()],
            "templating": {"list": [_datasource(), _job()]},
            "annotations": {"list": [_releases()]},
            "panels": list(_placed(self.panels)),
        }


def _links_to_the_others() -> dict[str, Any]:
    return {
        "type": "dashboards", "title": "Artisan monitoring", "tags": [TAG], "asDropdown": True,
        "includeVars": True, "keepTime": True, "targetBlank": False,
    }  # fmt: skip


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0}


def _job() -> dict[str, Any]:
    """Return the choice of scrape jobs: one a service."""
    query = "label_values(target_info, job)"
    return {
        "name": "job", "label": "Service", "type": "query", "datasource": DATASOURCE, "refresh": 2, "sort": 1,
        "query": {"query": query, "refId": "job"}, "definition": query,
        "multi": True, "includeAll": True, "allValue": ".+", "current": {"text": ["All"], "value": ["$__all"]},
    }  # fmt: skip


def _releases() -> dict[str, Any]:
    """Return the marks of a new release: the moment at which one is seen that was not there five minutes before."""
    seen = 'group by (job, service_version) (target_info{job=~"$job", service_version!=""})'
    return {
        "name": "Releases", "datasource": DATASOURCE, "enable": True, "iconColor": "blue",
        "expr": f"{seen} unless on (job, service_version) ({seen.replace('}', '} offset 5m')})",
        "step": "60s", "titleFormat": "{{service_version}}", "textFormat": "{{job}}",
    }  # fmt: skip


def _placed(panels: Iterable[Panel]) -> Iterable[dict[str, Any]]:
    column, row, height = 0, 0, 0
    for number, panel in enumerate(panels, 1):
        size = _HEIGHTS.get(panel.kind, 8)
        if column + panel.width > WIDTH:
            column, row, height = 0, row + height, 0
        yield _panel(panel, number, {"x": column, "y": row, "w": panel.width, "h": size})
        column += panel.width
        height = max(height, size)


def _panel(panel: Panel, number: int, position: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": position,
        "targets": _targets(panel),
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _targets(panel: Panel) -> list[dict[str, Any]]:
    return [
        {
            "refId": chr(ord("A") + number),
            "datasource": DATASOURCE,
            "expr": query.expression,
            "legendFormat": query.legend or "__auto",
            "range": True,
            "format": "heatmap" if panel.kind == "heatmap" else "time_series",
            "exemplar": panel.kind == "timeseries" and panel.unit == "s",
        }
        for number, query in enumerate(panel.queries)
    ]


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit}
    if panel.kind == "timeseries":
        defaults["min"] = 0
        defaults["custom"] = {
            "fillOpacity": 20 if panel.stacked else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        }
    if panel.most is not None:
        defaults["max"] = panel.most
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if panel.kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": panel.unit}, "color": {"mode": "scheme", "scheme": "Blues"}}
    return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "graphMode": "area"}
