"""The breaker backs off, doubling to a minute, and closes with the first success."""

from __future__ import annotations

from artisan_monitoring.pipeline.breaker import LONGEST_S, Breaker


def pause(breaker: Breaker, now: float) -> float:
    waited = 0.0
    while not breaker.allows(now + waited):
        waited += 0.05
    return waited


def test_pauses_double_up_to_a_minute() -> None:
    breaker = Breaker()
    pauses = []
    for _ in range(10):
        breaker.failed(1000.0)
        pauses.append(pause(breaker, 1000.0))

    assert 0.7 <= pauses[0] <= 1.3
    assert pauses[3] > 2 * pauses[0]
    assert max(pauses) <= LONGEST_S * 1.3
    assert breaker.state == "open"


def test_a_success_closes_it() -> None:
    breaker = Breaker()
    breaker.failed(0.0)
    breaker.succeeded()

    assert breaker.allows(0.0)
    assert breaker.state == "closed"
