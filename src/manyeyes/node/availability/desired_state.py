"""What a node should do: the operator's desired state, within the node's own limits."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import datetime

from manyeyes.config import NodeSettings
from manyeyes.contract import Desired, Directive, Welcome
from manyeyes.node.availability.cpu_idle import OthersUse
from manyeyes.node.availability.decision import (
    EffectiveMode,
    Hours,
    IdleWatch,
    effective_mode,
    parse_bytes,
)
from manyeyes.node.worker.mode import Mode
from manyeyes.telemetry import log

_LOOK_EVERY_S = 1.0


class DesiredState:
    """Combines the operator's desired state with the node's own limits: hours, idle machine, memory.

    Args:
        on_change: called when the next heartbeat has something new.

    Raises:
        BadRequest: hours or memory of the settings cannot be read.
    """

    def __init__(self, settings: NodeSettings, on_change: Callable[[], None]) -> None:
        self.session = secrets.token_hex(8)
        self.desired: Desired = ""
        self.effective_mode = EffectiveMode("empty")
        self.memory_bytes = parse_bytes(settings.memory) if settings.memory else None
        self._hours = Hours.parse(settings.hours) if settings.hours else None
        self._idle = IdleWatch(settings.idle_share, settings.idle_quiet_s) if settings.when_idle else None
        self._on_change = on_change
        self._turned = asyncio.Event()

    def welcomed(self, welcome: Welcome) -> None:
        """The master answered a hello."""
        self._follow(welcome.desired)

    def told(self, directive: Directive) -> None:
        """The master sent a directive: approval, or another desired state."""
        if directive.kind == "desired":
            self._follow(directive.desired)
        self._on_change()

    def _follow(self, desired: Desired) -> None:
        self.desired = desired
        self._turned.set()

    async def follow(self, turn: Callable[[Mode], None]) -> None:
        """Call `turn` with the mode that is wanted and allowed: at once, at each change, and each second if limits are set."""
        others = OthersUse() if self._idle else None
        limited = self._hours is not None or self._idle is not None
        while True:
            self._turned.clear()
            idle = None
            if self._idle and others:
                idle = self._idle.seen(others.share(), time.monotonic())
            found = effective_mode(self.desired, self._hours, datetime.now().time(), idle)
            if found != self.effective_mode:
                log().info("mode changed", mode=found.mode, reason=found.reason)
                self.effective_mode = found
                self._on_change()
            turn(found.mode)
            try:
                async with asyncio.timeout(_LOOK_EVERY_S if limited else None):
                    await self._turned.wait()
            except TimeoutError:
                continue
