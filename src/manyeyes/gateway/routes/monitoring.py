"""Routes for the service as a whole: its figures, the last hour, notices of change, settings."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from manyeyes.api.overview import History, NodeHistory, Overview, Settings, Status, StreamedNotice
from manyeyes.errors import Busy, NodeNotFound
from manyeyes.gateway.auth import CREDENTIAL
from manyeyes.gateway.dependencies import ADMIN, OPERATOR, USER, NodeName, TheMaster, sees_all
from manyeyes.gateway.described_content import lines_of
from manyeyes.gateway.jsonlines import AT_ONCE, MEDIA_TYPE, json_line
from manyeyes.gateway.problems import failures
from manyeyes.gateway.settings_view import settings_in_force
from manyeyes.master.composition import Master
from manyeyes.monitoring.change_events import Listener

router = APIRouter(tags=["the service at a glance"])
ALIVE_EVERY_S = 10.0
"""Without a notice, a line that says that the stream lives."""


@router.get("/v1/status", dependencies=[USER])
async def status(master: TheMaster) -> Status:
    """The service in a few figures."""
    return Status.model_validate(master.monitor.status())


@router.get("/v1/overview", dependencies=[USER])
async def overview(master: TheMaster, request: Request) -> Overview:
    """The service in a few figures; for operators also what needs a person, else `alerts` is null."""
    alerts = master.monitor.alerts() if sees_all(request) else None
    monitor = master.monitor
    facts = {**monitor.status(), **monitor.rates(), "failures": monitor.failures(), "alerts": alerts}
    return Overview.model_validate(facts)


@router.get("/v1/history", dependencies=[OPERATOR])
async def history(master: TheMaster) -> History:
    """The last hour in buckets, since the master's start at most."""
    return History.model_validate(master.monitor.history())


@router.get("/v1/nodes/{name}/history", dependencies=[OPERATOR], responses=failures(NodeNotFound))
async def node_history(master: TheMaster, name: NodeName) -> NodeHistory:
    """The last hour of one node, since the master's start at most."""
    return NodeHistory.model_validate(master.monitor.history_of(master.node_service.node(name).name))


@router.get("/v1/settings", dependencies=[ADMIN])
async def settings(master: TheMaster) -> Settings:
    """The settings in force, read only: they change by the environment or flags, at a start."""
    return Settings(settings=settings_in_force(master.limits, master.settings))


@router.get(
    "/v1/events",
    dependencies=[OPERATOR],
    response_class=StreamingResponse,
    responses={
        **lines_of(StreamedNotice, "At first one notice of each kind; of one kind at most two a second."),
        **failures(Busy),
    },
)
async def events(master: TheMaster, request: Request) -> StreamingResponse:
    """Notices that something changed, as JSON lines: `{"kind": ...}`, and `{"alive": true}` in between."""
    return _Notices(master, str(request.scope[CREDENTIAL]))


class _Notices(StreamingResponse):
    """A listener for as long as the answer is being sent, however it ends."""

    def __init__(self, master: Master, key: str) -> None:
        super().__init__((), headers=AT_ONCE, media_type=MEDIA_TYPE)
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
            notices = [json_line(StreamedNotice(kind=kind)) for kind in kinds]
            yield b"".join(notices) or json_line(StreamedNotice(alive=True))
