"""The pages about health say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.urls import reverse

from artisan_monitoring import urls
from artisan_monitoring.health import registry

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "health.md").read_text()
HOWTO = (ROOT / "docs" / "howto" / "kubernetes.md").read_text()


def rows(text, heading):
    part = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_endpoint_is_in_the_table():
    table = {row[1].strip("`"): row[0].strip("`") for row in rows(REFERENCE, "Endpoints")}
    assert set(table) == {f"artisan_monitoring:{pattern.name}" for pattern in urls.urlpatterns}
    for name, path in table.items():
        arguments = ["<check>"] if "<" in path else []
        assert reverse(name, args=arguments).replace("%3C", "<").replace("%3E", ">") == path


def test_every_check_is_in_the_table_as_it_is(configure, settings):
    configure(EXTERNAL=[{"NAME": "x", "URL": "https://x.example/"}])
    settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:9/0"}}
    table = {row[0].strip("`"): row for row in rows(REFERENCE, "Checks")}
    assert set(table) == set(registry.BUILT_IN)
    for name, (_, _, critical, shared, options) in table.items():
        check = registry.named(name)[0]
        assert shared == ("yes" if check.shared else "no"), name
        assert critical in ("`default` only", "as told", "yes" if check.critical else "no"), name
        for option, value in re.findall(r"`(\w+)` ([\d.]+|`/`)", options):
            assert str(getattr(check, option)).removesuffix(".0") == value.strip("`"), (name, option)


@pytest.mark.parametrize("text", [REFERENCE, HOWTO])
def test_snippets_are_valid(text, settings):
    from artisan_monitoring.conf import resolve

    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        json.loads(block)
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        namespace: dict[str, object] = {}
        exec(compile(block, "docs", "exec"), namespace)
        if "ARTISAN_MONITORING" in namespace:
            assert resolve(namespace["ARTISAN_MONITORING"])[1] == []
