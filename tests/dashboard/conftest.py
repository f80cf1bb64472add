"""Both stores for the pages' tests, each with nothing remembered of the test before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings

from artisan_monitoring.core.guard import failures
from artisan_monitoring.dashboard import kept, traffic
from artisan_monitoring.stores import get_store, reset_store
from artisan_monitoring.stores.base import Store

AWAY = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": "redis://127.0.0.1:9/0"}}
"""A Redis that refuses connections."""


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    traffic.forget()
    kept.forget()
    failures.clear()
    yield
    traffic.forget()


@pytest.fixture
def tables(db: None) -> Store:
    """The DatabaseStore on the alias `monitoring`."""
    return get_store()


@pytest.fixture(params=["tables", "redis"])
def store(request: pytest.FixtureRequest, settings) -> Iterator[Store]:
    """Each store in turn; roll-ups are in the database with both."""
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        server.client().flushall()
        chosen = {"BACKEND": "artisan_monitoring.stores.redis.RedisStore", "OPTIONS": {"url": server.url}}
        settings.ARTISAN_MONITORING = {**django_settings.ARTISAN_MONITORING, "STORE": chosen}
    yield get_store()
    reset_store()


@pytest.fixture
def store_away(settings) -> None:
    """Settings that name a store nobody answers for."""
    settings.ARTISAN_MONITORING = {**django_settings.ARTISAN_MONITORING, "STORE": AWAY}
