"""The dashboards: what is in them runs on a real Prometheus, in both of its ways of taking distributions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from artisan_monitoring.integrations.grafana.dashboards import DASHBOARDS
from artisan_monitoring.integrations.grafana.panels import WIDTH
from artisan_monitoring.integrations.prometheus.names import Metric, spell_all
from tests.house.code import recorded_metrics
from tests.integrations.scraped import TOKEN, chosen, scraped
from tests.services import Prometheus

ROOT = Path(__file__).parents[2]


@pytest.fixture
def written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """The dashboards by name, as the command writes them."""
    call_command("monitoring_grafana", output=str(tmp_path / "new" / "directory"))
    files = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(files) == sorted((tmp_path / "new" / "directory").iterdir())
    return {path.stem.removeprefix("artisan-"): json.loads(path.read_text()) for path in files}


def expressions(dashboards: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the name of each panel and its expressions, and those of annotations."""
    for name, dashboard in dashboards.items():
        for annotation in dashboard["annotations"]["list"]:
            yield f"{name}: {annotation['name']}", annotation["expr"]
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']} {target['refId']}", target["expr"]


@pytest.mark.django_db(databases=["default", "monitoring"], transaction=True)
def test_every_expression_returns_data_on_a_real_prometheus(
    prometheus: Prometheus, live_server: Any, settings: Any, written: dict[str, dict[str, Any]]
) -> None:
    settings.ARTISAN_MONITORING = {
        "RELEASE": "1.4.2",
        "DATABASE": "monitoring",
        "IN_TESTS": True,
        "HOUSEKEEPING": "off",
        "HEALTH": {"TOKENS": [TOKEN], "RATE_LIMIT": 100_000},
    }
    with scraped(prometheus, live_server.url, True, False) as servers:
        asked = list(expressions(written))
        assert len(asked) > 90
        empty = [
            (server.native, where, expression)
            for server in servers
            for where, expression in asked
            if not server.query(chosen(expression))
        ]
        for server in servers:
            assert server.api("label/job/values", **{"match[]": "target_info"}) == ["shop"]
    assert empty == []


def test_every_metric_of_the_app_is_on_a_dashboard(written: dict[str, dict[str, Any]]) -> None:
    spelled = spell_all(Metric(each.name, each.kind, each.unit) for each in recorded_metrics())  # type: ignore[arg-type]
    shown = " ".join(expression for _, expression in expressions(written))
    missing = {metric.name for metric, spelling in spelled.items() if spelling.name not in shown}
    assert missing == {"cpython.gc.collections"}


def test_each_dashboard_is_what_grafana_imports(written: dict[str, dict[str, Any]]) -> None:
    assert set(written) == {dashboard.name for dashboard in DASHBOARDS}
    assert len({each["uid"] for each in written.values()}) == len(written)
    for dashboard in written.values():
        assert "id" not in dashboard  # Grafana gives its own
        assert [each["name"] for each in dashboard["templating"]["list"]] == ["datasource", "job"]
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert at["x"] + at["w"] <= WIDTH
            assert not cells & taken, panel["title"]
            taken |= cells
            assert panel["datasource"]["uid"] == "${datasource}"
            assert all('job=~"$job"' in target["expr"] for target in panel["targets"])
        assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_page_lists_the_dashboards() -> None:
    page = (ROOT / "docs/howto/grafana.md").read_text()
    assert all(f"grafana/artisan-{dashboard.name}.json" in page for dashboard in DASHBOARDS)
    assert all(f"| {dashboard.name} |" in page for dashboard in DASHBOARDS)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot write"):
        call_command("monitoring_grafana", output=str(tmp_path / "file"))
