"""While no node is ready, pictures wait in the master's queue: print that, and do not treat it as a failure."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

from manyeyes.api.overview import Status
from manyeyes.api.videos import Still
from manyeyes.errors import ManyeyesError, Unavailable, UntrustedCertificate, WrongAddress
from manyeyes.sdk.answers import Prediction
from manyeyes.sdk.client import AsyncClient

QUIET_S = 2.0
"""Seconds without an answer after which the master is asked whether any node is ready."""
_LOOK_EVERY_S = 1.0


def waiting_sentence(status: Status) -> str | None:
    """What to print while no node works; None if one does."""
    if status.workers:
        return None
    states = ", ".join(f"{count} {state}" for state, count in sorted(status.nodes.items()) if count)
    return f"waiting: no node is ready ({states or 'none has joined'}); the pictures stay in the queue"


class WaitingClient:
    """Recognises like the client it wraps; patience only runs out while some node is ready.

    Args:
        say: takes a sentence for a person.
    """

    def __init__(self, client: AsyncClient, say: Callable[[str], None]) -> None:
        self._client = client
        self._say = say
        self._answered_at = time.monotonic()
        self._nobody: str | None = None
        self._said: str | None = None

    async def recognize(
        self, picture_in: bytes, /, *, picture: bool, still: Still | None = None
    ) -> Prediction:
        """Recognise one picture. Retries use the same idempotency key, so it is not computed twice."""
        key = str(uuid.uuid4())
        while True:
            try:
                answer = await self._client.recognize(
                    picture_in, picture=picture, idempotency_key=key, still=still
                )
            except Unavailable:
                if self._nobody is None:
                    raise
            except ManyeyesError:
                self._answered_at = time.monotonic()
                raise
            else:
                self._answered_at = time.monotonic()
                return answer

    async def watch(self) -> None:
        """Ask the master for its status every second while no answers arrive, until cancelled."""
        while True:
            why = await self._look()
            if why is not None and why != self._said:
                self._say(why)
            elif why is None and self._said is not None:
                self._say("going on")
            self._said = why
            await asyncio.sleep(_LOOK_EVERY_S)
            while self._said is None and time.monotonic() - self._answered_at < QUIET_S:
                await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self) -> str | None:
        """Why no picture is answered, or None."""
        nobody: str | None = None
        try:
            nobody = waiting_sentence(await self._client.status())
        except (UntrustedCertificate, WrongAddress):
            pass  # the picture fails for the same reason, and says it
        except Unavailable:
            url = self._client.context.url
            return f"waiting for the master at {url}, which does not answer; is 'manyeyes up' running there?"
        except ManyeyesError:
            pass
        finally:
            self._nobody = nobody
        return nobody
