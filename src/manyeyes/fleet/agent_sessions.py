"""Which running process is which node: pure, by the clock it is given.

One identity, one process: a second process is refused while the first one sends.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class _Held:
    session: str
    heard_at: float


@dataclass
class AgentSessions:
    """Knows which session holds each node's name.

    Args:
        silent_s: silence after which a name may go to another session.
    """

    silent_s: float
    _held: dict[str, _Held] = field(default_factory=dict)

    def heard(self, name: str, session: str, now: float) -> bool:
        """A message of a session under `name` arrived.

        Returns:
            Whether the session holds the name. It takes the name if no other live session holds it.
        """
        held = self._held.get(name)
        if held is not None and held.session != session and now - held.heard_at <= self.silent_s:
            return False
        self._held[name] = _Held(session, now)
        return True

    def holds(self, name: str, session: str) -> bool:
        """Whether the session holds the name now."""
        held = self._held.get(name)
        return held is not None and held.session == session

    def ended(self, name: str, session: str) -> bool:
        """A session left. Returns whether it held the name, which is free now."""
        held = self._held.get(name)
        if held is not None and held.session != session:
            return False
        self._held.pop(name, None)
        return True

    def alive_since(self, name: str, moment: float) -> bool:
        """Whether the name's session sent something after `moment`."""
        held = self._held.get(name)
        return held is not None and held.heard_at > moment

    def forget(self, name: str) -> None:
        """Free the name."""
        self._held.pop(name, None)
