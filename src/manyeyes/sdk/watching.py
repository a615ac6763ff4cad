"""The calls for those who look on."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from manyeyes.api.overview import History, NodeHistory, Notice, Overview, Setting, Settings, StreamedNotice
from manyeyes.errors import Unavailable
from manyeyes.sdk.calls import Calls
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.urls import node_url

_SILENCE_S = 30.0
"""The master says every 10 s that it lives."""


class Watching(Calls):
    """A part of `AsyncClient`."""

    async def overview(self) -> Overview:
        """The service at one glance, and for operators what needs a person."""
        return parsed(Overview, (await self._call("GET", "/v1/overview")).content)

    async def history(self) -> History:
        """The last hour; needs the role `operator`. Kept in memory: a master that starts begins anew."""
        return parsed(History, (await self._call("GET", "/v1/history")).content)

    async def node_history(self, name: str) -> NodeHistory:
        """The last hour of one node; needs the role `operator`.

        Raises:
            NodeNotFound: none of that name.
        """
        response = await self._call("GET", f"{node_url(name)}/history")
        return parsed(NodeHistory, response.content)

    async def settings(self) -> list[Setting]:
        """The settings of the master that are in force; needs the role `admin`."""
        return list(parsed(Settings, (await self._call("GET", "/v1/settings")).content).settings)

    async def events(self) -> AsyncGenerator[Notice, None]:
        """A notice whenever something changed, as it happens; needs the role `operator`.

        At first one of every kind comes: the listening has begun, whatever was seen before may be old. Of one
        kind at most two a second come; what changed meanwhile is in the next one. Who is slow misses no kind.

        Raises:
            Unavailable: the connection was lost, or the master is stopping.
            Busy: too many listen already.
        """
        async with self._stream_get("/v1/events", {}, _SILENCE_S) as response:
            async for line in response.aiter_lines():
                if kind := parsed(StreamedNotice, line.encode()).kind:
                    yield Notice(kind=kind)
        raise Unavailable("the master told of no more changes: it is stopping, or the key was revoked")
