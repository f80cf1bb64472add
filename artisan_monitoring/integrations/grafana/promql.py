"""The expressions of the dashboards, right for both ways in which Prometheus may have taken a distribution.

With native histograms a distribution is one series; without, it is `_bucket`, `_count` and `_sum`. A side without data
is empty, so `or` takes the one that is there. Where labels differ between the sides, `or on()` takes one whole.
"""

from __future__ import annotations

JOB = 'job=~"$job"'
RANGE = "[$__rate_interval]"


def selector(metric: str, where: str = "") -> str:
    """Return the series of a metric that belong to the chosen jobs: `where` is further matchers."""
    return f"{metric}{{{JOB}{', ' + where if where else ''}}}"


def rate(counter: str, by: str = "", where: str = "") -> str:
    """Return how fast a counter grows in a second, by labels."""
    return f"sum{_by(by)} (rate({selector(counter, where)}{RANGE}))"


def grown(counter: str, by: str = "", where: str = "") -> str:
    """Return by how much a counter has grown over the whole time shown."""
    return f"sum{_by(by)} (increase({selector(counter, where)}[$__range]))"


def events(distribution: str, by: str = "", where: str = "") -> str:
    """Return how many values of a distribution came in a second, by labels."""
    native = f"histogram_count(sum{_by(by)} (rate({selector(distribution, where)}{RANGE})))"
    return f"{native} or {rate(distribution + '_count', by, where)}"


def spent(distribution: str, by: str = "", where: str = "") -> str:
    """Return the sum of a distribution's values that came in a second, by labels."""
    native = f"histogram_sum(sum{_by(by)} (rate({selector(distribution, where)}{RANGE})))"
    return f"{native} or {rate(distribution + '_sum', by, where)}"


def share(distribution: str, where: str, by: str = "") -> str:
    """Return which share of a distribution's values carries some labels; 0 where there is none."""
    some, every = events(distribution, by, where), events(distribution, by)
    return f"(({some}) or 0 * ({every})) / ({every})"


def mean(distribution: str, by: str = "") -> str:
    """Return the mean of a distribution's values, by labels."""
    return f"({spent(distribution, by)}) / ({events(distribution, by)})"


def quantile(q: float, distribution: str, by: str = "", where: str = "") -> str:
    """Return a quantile of a distribution, by labels."""
    native = f"histogram_quantile({q}, sum{_by(by)} (rate({selector(distribution, where)}{RANGE})))"
    return f"{native} or histogram_quantile({q}, {rate(distribution + '_bucket', _and('le', by), where)})"


def heat(distribution: str) -> str:
    """Return a distribution over time for a heat map."""
    return f"sum(rate({selector(distribution)}{RANGE})) or on() {rate(distribution + '_bucket', 'le')}"


def gauge(metric: str, by: str = "", how: str = "max") -> str:
    """Return a gauge, by labels. Every scrape of any process says the same, so more than one counts once."""
    return f"{how}{_by(by)} ({selector(metric)})"


def top(number: int, expression: str) -> str:
    """Return the largest of what an expression gives."""
    return f"topk({number}, {expression})"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""


def _and(label: str, labels: str) -> str:
    return f"{label}, {labels}" if labels else label
