"""Which running process is which node: pure, by the clock it is given.

One identity, one process: a second one is held off while the first is heard.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class _Held:
    session: str
    heard_at: float


@dataclass
class AgentSessions:
    """The session that holds each name.

    Args:
        silent_s: silence after which a name may go to another session.
    """

    silent_s: float
    _held: dict[str, _Held] = field(default_factory=dict)

    def heard(self, name: str, session: str, now: float) -> bool:
        """A session spoke as `name`.

        Returns:
            Whether the name is that session's; it is from now on where nobody else's is alive.
        """
        held = self._held.get(name)
        if held is not None and held.session != session and now - held.heard_at <= self.silent_s:
            return False
        self._held[name] = _Held(session, now)
        return True

    def holds(self, name: str, session: str) -> bool:
        """Whether the name is that session's just now."""
        held = self._held.get(name)
        return held is not None and held.session == session

    def ended(self, name: str, session: str) -> bool:
        """A session said goodbye; whether the name was its own, and is free now."""
        held = self._held.get(name)
        if held is not None and held.session != session:
            return False
        self._held.pop(name, None)
        return True

    def alive_since(self, name: str, moment: float) -> bool:
        """Whether the name's session spoke after `moment`."""
        held = self._held.get(name)
        return held is not None and held.heard_at > moment

    def forget(self, name: str) -> None:
        """Nobody holds the name any more."""
        self._held.pop(name, None)
