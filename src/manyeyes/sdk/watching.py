"""The calls for monitoring: overview, history, settings and change events."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from manyeyes.api.overview import History, NodeHistory, Notice, Overview, Setting, Settings, StreamedNotice
from manyeyes.errors import Unavailable
from manyeyes.sdk.calls import Calls
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.urls import node_url

_SILENCE_S = 30.0
"""Read time-out; the master sends a sign of life every 10 s."""


class Watching(Calls):
    """The monitoring calls of `AsyncClient`."""

    async def overview(self) -> Overview:
        """The state of the service in short, with the rates of the last minute; for operators also the alerts."""
        return parsed(Overview, (await self._call("GET", "/v1/overview")).content)

    async def history(self) -> History:
        """The last hour; needs the role `operator`. It is kept in memory, so a restart of the master empties it."""
        return parsed(History, (await self._call("GET", "/v1/history")).content)

    async def node_history(self, name: str) -> NodeHistory:
        """The last hour of one node; needs the role `operator`.

        Raises:
            NodeNotFound: no node has that name.
        """
        response = await self._call("GET", f"{node_url(name)}/history")
        return parsed(NodeHistory, response.content)

    async def settings(self) -> list[Setting]:
        """The settings of the master that are in force; needs the role `admin`."""
        return list(parsed(Settings, (await self._call("GET", "/v1/settings")).content).settings)

    async def events(self) -> AsyncGenerator[Notice, None]:
        """Yield a notice for each change, as it happens; needs the role `operator`.

        The first notices are one of every kind: the stream has started, and data that you read before may be old.
        At most two notices of a kind are sent per second; changes in between are part of the next notice. A slow
        reader misses no kind.

        Raises:
            Unavailable: the connection was lost, or the master is stopping.
            Busy: too many clients listen already.
        """
        async with self._stream_get("/v1/events", {}, _SILENCE_S) as response:
            async for line in response.aiter_lines():
                if kind := parsed(StreamedNotice, line.encode()).kind:
                    yield Notice(kind=kind)
        raise Unavailable("the master sends no more changes: it is stopping, or the key was revoked")
