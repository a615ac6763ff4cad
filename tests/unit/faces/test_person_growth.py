"""Who listens is waited for; without listeners nothing happens."""

from __future__ import annotations

import asyncio

from manyeyes.faces.person_growth import PersonGrowth


def test_each_listener_is_waited_for() -> None:
    heard: list[tuple[str, str]] = []
    growth = PersonGrowth()
    asyncio.run(growth.grew("Nobody"))

    async def first(name: str) -> None:
        await asyncio.sleep(0)
        heard.append(("first", name))

    async def second(name: str) -> None:
        heard.append(("second", name))

    growth.listen(first)
    growth.listen(second)
    asyncio.run(growth.grew("Ada"))
    assert heard == [("first", "Ada"), ("second", "Ada")]
