"""The calls for monitoring, for code without an event loop."""

from __future__ import annotations

import contextlib
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from manyeyes.api.overview import History, NodeHistory, Notice, Overview, Setting

if TYPE_CHECKING:
    from manyeyes.sdk.client import AsyncClient

_T = TypeVar("_T")


class BlockingWatching:
    """The monitoring calls of `Client`."""

    if TYPE_CHECKING:
        _client: AsyncClient

        def _run(self, call: Coroutine[Any, Any, _T]) -> _T: ...

    def overview(self) -> Overview:
        """See `AsyncClient.overview`."""
        return self._run(self._client.overview())

    def history(self) -> History:
        """See `AsyncClient.history`."""
        return self._run(self._client.history())

    def node_history(self, name: str) -> NodeHistory:
        """See `AsyncClient.node_history`."""
        return self._run(self._client.node_history(name))

    def settings(self) -> list[Setting]:
        """See `AsyncClient.settings`."""
        return self._run(self._client.settings())

    def events(self) -> Iterator[Notice]:
        """See `AsyncClient.events`; the connection is opened by the first `next`."""
        events = self._client.events()

        async def one() -> Notice | None:
            return await anext(events, None)

        try:
            while (notice := self._run(one())) is not None:
                yield notice
        finally:
            with contextlib.suppress(RuntimeError):  # the client is closed already
                self._run(events.aclose())
