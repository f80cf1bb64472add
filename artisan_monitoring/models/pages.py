"""Pages of the admin that have no table of their own: proxies, so that each has its view permission and its address.

Not unmanaged models: `dumpdata` of the host would ask for their tables.
"""

from __future__ import annotations

from .metrics import MetricSeries
from .pipeline import JobLease


class Overview(MetricSeries):
    """The overview page."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = "overview"
        verbose_name_plural = "overview"


class Metrics(MetricSeries):
    """The list of metrics, of every store."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = "metrics"
        verbose_name_plural = "metrics"


class Jobs(JobLease):
    """The list of jobs, of every store."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = "jobs"
        verbose_name_plural = "jobs"
