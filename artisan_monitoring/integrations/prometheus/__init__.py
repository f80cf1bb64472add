"""The store's metrics in Prometheus' formats: the same from every worker, since the numbers come from the store.

The text formats are written here and not by prometheus_client: its writers alone take 300 to 500 ms for 2,000
distributions, where a whole scrape may take 250. So the endpoint needs no package; `collector` is for a project that
has a registry of its own.
"""

from __future__ import annotations

from .exposition import Exposition, expose

__all__ = ["Exposition", "expose"]
