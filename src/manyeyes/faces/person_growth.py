"""Reports who has new photos: the service for people publishes it, the one for unknown faces listens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class PersonGrowth:
    """Calls all listeners when a person has new photos."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], Awaitable[None]]] = []

    def listen(self, listener: Callable[[str], Awaitable[None]]) -> None:
        """Call `listener` with the name of each person who has new photos."""
        self._listeners.append(listener)

    async def grew(self, name: str) -> None:
        """A person has new photos; returns when all listeners have dealt with it."""
        for listener in self._listeners:
            await listener(name)
