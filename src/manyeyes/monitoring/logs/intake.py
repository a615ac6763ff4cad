"""Checks the log lines that a node sends: pure, by the clock it is given.

A node's lines are data. The sender follows from the subject, never from a line. Each line is limited in size,
guarded once more and made printable. Lines beyond a node's rate limit are dropped and counted.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from manyeyes.broker.transfer import unframe
from manyeyes.contract import LogBatch
from manyeyes.fleet.rate_limits import Bucket
from manyeyes.telemetry.batches import packed, read_line, unpacked
from manyeyes.telemetry.events import LEVELS
from manyeyes.telemetry.guard import MAX_LINE_BYTES, guarded
from manyeyes.traces import TRACE_ID

MAX_MESSAGE_BYTES = 160 * 1024
"""Of a batch as it travels: 128 KiB that cannot be deflated, and some."""
MAX_FIELDS = 48
_BATCHES_PER_S, _MOST_BATCHES = 4.0, 40.0
_BURST_S = 10.0
_USUAL_LINE_BYTES = 512
_NOT_ITS_OWN = frozenset(("role", "machine", "at", "timestamp"))
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Batch:
    """Checked lines, packed, and their ids."""

    data: bytes
    batch_id: str
    lines: int


class Budget:
    """How many lines each node may still send."""

    def __init__(self, lines_per_s: float) -> None:
        self._lines_per_s = lines_per_s
        self._nodes: dict[str, tuple[Bucket, Bucket, Bucket]] = {}

    def batch(self, node: str, now: float) -> bool:
        """Whether a batch of the node is to be looked at."""
        return self._take(self._of(node, now)[0], 1, now)

    def line(self, node: str, size_bytes: int, now: float) -> bool:
        """Whether a line of the node is kept."""
        _, lines, content = self._of(node, now)
        return self._take(lines, 1, now) and self._take(content, size_bytes, now)

    def forget(self, node: str) -> None:
        """The node was removed; another one may get its name."""
        self._nodes.pop(node, None)

    @staticmethod
    def _take(bucket: Bucket, amount: float, now: float) -> bool:
        if bucket.due_in_s(now) > 0:
            return False
        bucket.take(amount)
        return True

    def _of(self, node: str, now: float) -> tuple[Bucket, Bucket, Bucket]:
        found = self._nodes.get(node)
        if found is None:
            lines = self._lines_per_s
            content = lines * _USUAL_LINE_BYTES
            found = self._nodes[node] = (
                Bucket(_BATCHES_PER_S, _MOST_BATCHES, _MOST_BATCHES, now),
                Bucket(lines, _BURST_S * lines, _BURST_S * lines, now),
                Bucket(content, _BURST_S * content, _BURST_S * content, now),
            )
        return found


def read_batch(
    node: str, message: bytes, received_at: float, budget: Budget, now: float
) -> tuple[Batch | None, int]:
    """A node's batch as it is kept, and how many of its lines are not.

    Args:
        received_at: Unix time here, seconds: the node's times are corrected by it.
        now: of the master's monotonic clock.
    """
    try:
        head, body = unframe(message)
        sent_at = LogBatch.model_validate_json(head).sent_at
        raw = unpacked(body)
    except (ValidationError, ValueError):
        return None, 1
    lead_s = received_at - sent_at
    kept: list[bytes] = []
    dropped = 0
    for line in raw:
        checked = _checked(line, lead_s, received_at)
        if checked is None or not budget.line(node, len(checked), now):
            dropped += 1
        else:
            kept.append(checked)
    return (batch_of(kept, f"{node} ".encode() + message) if kept else None), dropped


def batch_of(lines: Sequence[bytes], named_by: bytes) -> Batch:
    """Lines as they are put into the stream."""
    return Batch(packed(lines), hashlib.sha256(named_by).hexdigest(), len(lines))


def own_line(line: bytes) -> bytes:
    """A line of this master's own process as it is kept."""
    fields = read_line(line)
    return _encoder.encode({"at": _at(fields.get("timestamp")), **_without(fields)}).encode()


def _checked(line: bytes, lead_s: float, received_at: float) -> bytes | None:
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        fields = read_line(line)
        if len(fields) > MAX_FIELDS:
            return None
        at = min(_at(fields.get("timestamp")) + lead_s, received_at)
        if not math.isfinite(at):
            return None
    except (ValueError, OverflowError):
        return None
    level, event, trace = fields.get("level"), fields.get("event"), fields.get("trace")
    if not isinstance(event, str) or not event:
        return None
    kept = {
        **{_shown(str(name)[:64]): _showable(value) for name, value in guarded(_without(fields)).items()},
        "level": level if isinstance(level, str) and level in LEVELS else "info",
        "event": _shown(event[:200]),
    }
    if trace is not None and not (isinstance(trace, str) and TRACE_ID.fullmatch(trace)):
        kept.pop("trace", None)
    try:
        return _encoder.encode({"at": round(at, 6), **kept}).encode()
    except (UnicodeEncodeError, ValueError):
        return None


def _without(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _NOT_ITS_OWN}


def _at(timestamp: Any) -> float:
    if not isinstance(timestamp, str):
        raise ValueError("a line has no time")
    return datetime.fromisoformat(timestamp).timestamp()


def _shown(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _showable(value: Any) -> Any:
    if isinstance(value, str):
        return _shown(value)
    if isinstance(value, dict):
        return {_shown(str(name)): _showable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_showable(inner) for inner in value]
    return value
