"""Dashboards for Grafana over a Prometheus data source that scrapes `/health/prometheus`."""

from __future__ import annotations

from .writing import write

__all__ = ["write"]
