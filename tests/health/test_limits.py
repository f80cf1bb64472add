"""The limit per client: counts a minute, and a table that cannot grow."""

from __future__ import annotations

from artisan_monitoring.health import limits


def test_the_calls_over_the_limit_are_told_when_to_come_back():
    limit = limits.RateLimit()
    assert [limit.retry_after("a", 2, 70.0) for _ in range(4)] == [0, 0, 50, 50]
    assert limit.retry_after("b", 2, 70.0) == 0


def test_the_next_minute_begins_anew():
    limit = limits.RateLimit()
    for _ in range(5):
        limit.retry_after("a", 2, 70.0)
    assert limit.retry_after("a", 2, 120.0) == 0


def test_zero_is_no_limit():
    limit = limits.RateLimit()
    assert not any(limit.retry_after("a", 0, 1.0) for _ in range(1000))
    assert not limit._counts


def test_a_flood_of_clients_shares_one_count(monkeypatch):
    monkeypatch.setattr(limits, "_MAX_CLIENTS", 3)
    limit = limits.RateLimit()
    limit.retry_after("known", 5, 1.0)
    over = [limit.retry_after(f"client{number}", 5, 1.0) for number in range(100)]
    assert over[-1] > 0
    assert len(limit._counts) <= 4
    assert limit.retry_after("known", 5, 1.0) == 0
