"""Limits for retries, and the decision after a failed attempt: how long to wait, or to give up. No I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Limits of one call, for all its attempts together.

    `total_s` 0 means a single attempt.
    """

    total_s: float = 120.0
    """From the first attempt's start until the call gives up."""
    attempt_s: float = 60.0
    """The longest silence of a master within one attempt."""
    connect_s: float = 10.0
    unreachable_s: float = 1.0
    """How long a query tries to connect to a master that cannot be reached. Pictures try for `total_s`."""
    first_wait_s: float = 0.25
    longest_wait_s: float = 8.0

    def wait_s(
        self,
        attempts: int,
        elapsed_s: float,
        retry_after_s: float | None,
        luck: float | None = None,
        *,
        unreachable: bool = False,
    ) -> float | None:
        """The seconds to wait before the next attempt, or None to give up.

        Args:
            attempts: how many attempts failed so far, at least 1.
            elapsed_s: since the first attempt began.
            retry_after_s: what the master asked for; the pause is never shorter.
            luck: the jitter, 0 to 1; random if None.
            unreachable: the attempt was a query, and there was no connection.
        """
        luck = random.random() if luck is None else luck
        ceiling_s = min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(attempts - 1, 30))
        pause_s = ceiling_s * (0.5 + 0.5 * luck)
        if retry_after_s is not None:
            pause_s = retry_after_s + 0.25 * pause_s
        limit_s = min(self.total_s, self.unreachable_s) if unreachable else self.total_s
        return pause_s if elapsed_s + pause_s < limit_s else None
