"""Whether the engine answers: asked when somebody wants to know, twice a second at most."""

from __future__ import annotations

import asyncio
import time

from manyeyes.broker.engine import Engine
from manyeyes.broker.masterlink import MasterLink

_ASK_EVERY_S = 0.5
_ANSWER_S = 1.0


class EngineCheck:
    """Of one master."""

    def __init__(self, engine: Engine, link: MasterLink) -> None:
        self._engine = engine
        self._link = link
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answered = False

    @property
    def runs(self) -> bool:
        """Whether the engine's process is there."""
        return self._engine.pid is not None

    def last_words(self) -> str:
        """The last lines of the engine's log, nothing while it runs."""
        return "" if self.runs else self._engine.last_words()

    async def answers(self) -> bool:
        """Whether it answers a ping within a second."""
        if not self.runs:
            return False
        async with self._asking:
            if time.monotonic() - self._asked_at > _ASK_EVERY_S:
                self._answered = await self._link.answers(_ANSWER_S)
                self._asked_at = time.monotonic()
            return self._answered
