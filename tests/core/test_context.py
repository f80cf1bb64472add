"""Context is kept per key and per unit of work."""

from __future__ import annotations

import asyncio

from artisan_monitoring.core import context


def test_only_the_keys_that_are_set_are_told() -> None:
    context.clear()
    context.request_id.set("r")

    assert context.current() == {"request_id": "r"}

    context.clear()
    assert context.current() == {}


def test_concurrent_tasks_do_not_see_each_other() -> None:
    async def unit(name: str) -> str | None:
        context.request_id.set(name)
        await asyncio.sleep(0.01)
        return context.request_id.get()

    async def both() -> list[str | None]:
        return await asyncio.gather(unit("a"), unit("b"))

    assert asyncio.run(both()) == ["a", "b"]
