"""Routes for those who look on: overview, the last hour, notices of change, settings."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from manyeyes.gateway.auth import CREDENTIAL, caller_of
from manyeyes.gateway.settings_view import told
from manyeyes.identity import ROLES
from manyeyes.master.composition import Master
from manyeyes.monitoring.change_events import Listener

ALIVE_EVERY_S = 10.0
"""Without a notice, a line that says that the stream lives."""


def add_watching(app: FastAPI, master: Master, user: Any, operator: Any, admin: Any) -> None:
    """Add the routes; the last three are dependencies that ask for these roles."""

    @app.get("/v1/overview", dependencies=[user])
    async def overview(request: Request) -> dict[str, Any]:
        """The whole in a few figures; for operators also what needs a person, else `alerts` is null."""
        sees_all = ROLES.index(caller_of(request).role) >= ROLES.index("operator")
        alerts = master.monitor.alerts() if sees_all else None
        return {**master.monitor.status(), **master.monitor.rates(), "alerts": alerts}

    @app.get("/v1/history", dependencies=[operator])
    async def history() -> dict[str, Any]:
        """The last hour in buckets, since the master's start at most."""
        return master.monitor.history()

    @app.get("/v1/nodes/{name}/history", dependencies=[operator])
    async def history_of(name: str) -> dict[str, Any]:
        """The last hour of one node, since the master's start at most."""
        return master.monitor.history_of(master.node_service.node(name).name)

    @app.get("/v1/settings", dependencies=[admin])
    async def settings() -> dict[str, Any]:
        """The settings in force, read only: they change by the environment or flags, at a start."""
        return {"settings": told(master.limits, master.settings)}

    @app.get("/v1/events", dependencies=[operator], response_class=StreamingResponse)
    async def events(request: Request) -> StreamingResponse:
        """Notices that something changed, as JSON lines: `{"kind": ...}`, and `{"alive": true}` in between."""
        return _Notices(master, _credential(request))


def _credential(request: Request) -> str:
    return str(request.scope[CREDENTIAL])


class _Notices(StreamingResponse):
    """A listener for as long as the answer is being sent, however it ends."""

    def __init__(self, master: Master, key: str) -> None:
        super().__init__((), media_type="application/x-ndjson")
        self._master = master
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send notices; raises Busy where too many listen."""
        with self._master.events.listening() as listener:
            self.body_iterator = _lines(self._master, listener, self._key)
            await super().__call__(scope, receive, send)


async def _lines(master: Master, listener: Listener, key: str) -> AsyncIterator[bytes]:
    """Ends when the gateway stops, or the key is revoked meanwhile."""
    while not listener.closed:
        kinds = await listener.next(ALIVE_EVERY_S)
        if master.sessions.role_of(key) is None:
            return
        if not listener.closed:
            yield b"".join(_line({"kind": kind}) for kind in kinds) or _line({"alive": True})


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"
