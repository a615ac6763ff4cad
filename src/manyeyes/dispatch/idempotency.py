"""Remembers answers by idempotency key, so that a picture that is sent twice is worked on once."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from manyeyes.errors import IdempotencyMismatch, ManyeyesError

MOST_KEYS = 20_000
T = TypeVar("T")


@dataclass
class Remembered(Generic[T]):
    """A picture that came with a key. `fingerprint` identifies the picture, `future` gets its answer."""

    fingerprint: str
    future: asyncio.Future[T]
    trace_id: str = ""
    expires_at: float = field(default=float("inf"))
    size_bytes: int = 0


class KeptAnswers(Generic[T]):
    """Remembers the pictures of one gateway by idempotency key.

    Args:
        kept_s: how long an answered picture is remembered.
        most_bytes: the most bytes of answers; above it the oldest are dropped.
    """

    def __init__(self, kept_s: float, most_bytes: int) -> None:
        self._kept_s = kept_s
        self._most_bytes = most_bytes
        self._keys: OrderedDict[str, Remembered[T]] = OrderedDict()
        self._bytes = 0

    def recall(self, key: str, fingerprint: str) -> Remembered[T] | None:
        """The picture that came with the key before; None if there is none, or if it failed and may be tried again.

        Raises:
            IdempotencyMismatch: the key came with another picture.
        """
        known = self._keys.get(key)
        if known is None:
            return None
        error = known.future.exception() if known.future.done() else None
        if known.expires_at < time.monotonic() or (isinstance(error, ManyeyesError) and error.retryable):
            self._drop(key)
            return None
        if known.fingerprint != fingerprint:
            raise IdempotencyMismatch(
                f"the key {key!r} came with another picture before; use a new key for each picture"
            )
        return known

    def remember(self, key: str, fingerprint: str, future: asyncio.Future[T], trace_id: str) -> Remembered[T]:
        """Remember a picture that came with a key; call `ended` when its size is known."""
        entry = self._keys[key] = Remembered(fingerprint, future, trace_id)
        return entry

    def ended(self, entry: Remembered[T], size_bytes: int) -> None:
        """The picture was answered, with `size_bytes` bytes."""
        entry.expires_at = time.monotonic() + self._kept_s
        entry.size_bytes = size_bytes
        self._bytes += size_bytes
        for key, old in list(self._keys.items()):
            if self._bytes <= self._most_bytes and len(self._keys) < MOST_KEYS:
                return
            if old.future.done():
                self._drop(key)

    def _drop(self, key: str) -> None:
        self._bytes -= self._keys.pop(key).size_bytes
