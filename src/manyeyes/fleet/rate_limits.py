"""Rate limits of one node: pure decisions from what arrives and the clock; no I/O.

The messages of each node wait in its own queue. The queue is served at a limited rate of messages and bytes, so a
fast node is slowed down and loses nothing. Its length is limited: what does not fit is dropped. An honest node never
fills it, because it sends and waits for the answer, so no more can be under way than its workers hold. A node that
overfills it for long, or by much at once, is banned for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from manyeyes.config import RateLimits

QUIET_S = 1.0
"""After this long without a dropped message, earlier ones no longer count."""

Verdict = Literal["take", "drop", "cut-off"]


@dataclass
class Bucket:
    """A token bucket that may be overdrawn once: `rate` tokens a second, at most `burst`; times of one clock."""

    rate: float
    burst: float
    level: float
    at_s: float

    def due_in_s(self, now: float) -> float:
        """How long until something may be taken; 0: now."""
        self.level = min(self.burst, self.level + (now - self.at_s) * self.rate)
        self.at_s = now
        return max(0.0, -self.level / self.rate)

    def take(self, amount: float) -> None:
        """Take tokens, which were due."""
        self.level -= amount


@dataclass
class _Line:
    messages: Bucket
    size_bytes: Bucket
    heard_at_s: float
    waiting: int = 0
    waiting_bytes: int = 0
    dropped: int = 0
    dropped_bytes: int = 0
    over_since_s: float = 0.0
    dropped_at_s: float = float("-inf")


class RateLimiter:
    """Limits the messages and bytes of each node, and decides when one must be cut off."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._lines: dict[str, _Line] = {}

    def arrived(self, name: str, size_bytes: int, now: float) -> Verdict:
        """A message of `name` arrived. If it is taken, it waits until `served`."""
        limits, line = self._limits, self._line(name, now)
        line.heard_at_s = now
        if line.waiting < limits.waiting and line.waiting_bytes + size_bytes <= limits.waiting_bytes:
            line.waiting += 1
            line.waiting_bytes += size_bytes
            return "take"
        if now - line.dropped_at_s > QUIET_S:
            line.dropped, line.dropped_bytes, line.over_since_s = 0, 0, now
        line.dropped += 1
        line.dropped_bytes += size_bytes
        line.dropped_at_s = now
        much = line.dropped > limits.waiting or line.dropped_bytes > limits.waiting_bytes
        return "cut-off" if much or now - line.over_since_s > limits.patience_s else "drop"

    def due_in_s(self, name: str, now: float) -> float:
        """How long until the next message of a line may be served; 0: now."""
        line = self._line(name, now)
        return max(line.messages.due_in_s(now), line.size_bytes.due_in_s(now))

    def served(self, name: str, size_bytes: int, now: float) -> None:
        """A message leaves its line."""
        line = self._line(name, now)
        line.waiting -= 1
        line.waiting_bytes -= size_bytes
        line.messages.take(1)
        line.size_bytes.take(size_bytes)

    def dropped(self, name: str) -> int:
        """Messages dropped since `name` last kept to its limits."""
        line = self._lines.get(name)
        return line.dropped if line else 0

    def forget_idle(self, now: float, idle_s: float = 60.0) -> None:
        """Forget nodes that sent nothing for `idle_s` seconds."""
        for name, line in list(self._lines.items()):
            if not line.waiting and now - line.heard_at_s > idle_s:
                del self._lines[name]

    def _line(self, name: str, now: float) -> _Line:
        line = self._lines.get(name)
        if line is None:
            per_s, bytes_per_s = self._limits.messages_per_s, self._limits.bytes_per_s
            line = self._lines[name] = _Line(
                Bucket(per_s, per_s, per_s, now), Bucket(bytes_per_s, bytes_per_s, bytes_per_s, now), now
            )
        return line


@dataclass
class _Account:
    messages: Bucket
    size_bytes: Bucket
    seen: dict[int, tuple[int, int]]


class ConnectionUsage:
    """Checks what each node has sent by the engine's own count.

    No honest node sends more than a master serves, so a node that sends twice as much does not wait for answers. Twice,
    because the engine counts headers too.
    """

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._accounts: dict[str, _Account] = {}

    def counted(self, name: str, connections: dict[int, tuple[int, int]], now: float) -> str:
        """The engine counted (messages, bytes) on each connection. Returns what is wrong, or an empty text."""
        limits = self._limits
        if len(connections) > limits.connections:
            return f"{len(connections)} connections at once, the limit is {limits.connections}"
        account = self._accounts.get(name)
        if account is None:
            per_s, bytes_per_s = 2 * limits.messages_per_s, 2 * limits.bytes_per_s
            account = self._accounts[name] = _Account(
                Bucket(per_s, 2 * per_s, 2 * per_s, now),
                Bucket(bytes_per_s, bytes_per_s, bytes_per_s, now),
                {},
            )
        messages = size_bytes = 0
        for connection, (all_messages, all_bytes) in connections.items():
            before = account.seen.get(connection, (0, 0))
            messages += all_messages - before[0]
            size_bytes += all_bytes - before[1]
        account.seen = connections
        for bucket, amount in ((account.messages, messages), (account.size_bytes, size_bytes)):
            bucket.due_in_s(now)
            bucket.take(amount)
        if account.messages.level < 0 or account.size_bytes.level < 0:
            del self._accounts[name]
            return f"{messages} messages, {size_bytes >> 20} MiB came in half a second, past its limits"
        return ""

    def keep(self, names: set[str]) -> None:
        """Nobody else is connected."""
        for name in self._accounts.keys() - names:
            del self._accounts[name]


@dataclass(frozen=True)
class Ban:
    """A node that is cut off; times in seconds of the master's monotonic clock."""

    reason: str
    until_s: float
    times: int


class Bans:
    """Decides how long each ban lasts: `first_s` the first time, twice as long each time after, up to `longest_s`.

    Earlier bans no longer count after `longest_s` without a new one.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._bans: dict[str, Ban] = {}

    def cut_off(self, name: str, reason: str, now: float) -> Ban:
        """Cut a node off from now on."""
        last = self._bans.get(name)
        times = last.times + 1 if last and now - last.until_s < self._longest_s else 1
        ban = Ban(reason, now + min(self._first_s * 2 ** (times - 1), self._longest_s), times)
        self._bans[name] = ban
        return ban

    def on(self, name: str, now: float) -> Ban | None:
        """The ban that is in force."""
        ban = self._bans.get(name)
        return ban if ban and now < ban.until_s else None

    def names(self, now: float) -> frozenset[str]:
        """The names of all banned senders."""
        return frozenset(name for name in self._bans if self.on(name, now))

    def forget(self, name: str) -> None:
        """Forget a node that was removed."""
        self._bans.pop(name, None)
