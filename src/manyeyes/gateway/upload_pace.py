"""Whether the body of a request comes fast enough. Pure: the time is given."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.errors import SlowUpload

_LATE_S = 1.0
"""A look that comes so much later than planned says that this process stood still, and nothing about the sender."""


@dataclass(frozen=True)
class LeastPace:
    """How fast a body must come."""

    bytes_per_s: float
    over_s: float


class UploadPace:
    """The pace of one body, looked at every `over_s` seconds.

    Args:
        now: when the body begins.
    """

    def __init__(self, least: LeastPace, now: float) -> None:
        self._least = least
        self._since = now
        self._bytes = 0
        self._waited = False
        self.total_bytes = 0

    def came(self, size_bytes: int) -> None:
        """A piece of the body is here."""
        self._bytes += size_bytes
        self.total_bytes += size_bytes

    def not_read(self) -> None:
        """For some time nothing is read from the sender."""
        self._waited = True

    def look(self, now: float) -> SlowUpload | None:
        """What to answer to a sender who is too slow; None for another one, whose next span begins now."""
        least, span_s = self._least, now - self._since
        fast_enough = self._bytes > 0 and self._bytes >= least.bytes_per_s * least.over_s
        if not (fast_enough or self._waited or span_s > least.over_s + _LATE_S):
            needed = max(1, round(least.bytes_per_s * least.over_s))
            return SlowUpload(
                f"the request's body came too slowly: {self._bytes:,} bytes in {span_s:.0f} s, at least {needed:,} are "
                "needed; send it again over a better line, or lower MANYEYES_LIMITS_UPLOAD_BYTES_PER_S on the master"
            )
        self._since, self._bytes, self._waited = now, 0, False
        return None
