"""Who looks at a page: their session, and the client that acts with it and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nicegui import ui
from starlette.requests import Request
from starlette.types import ASGIApp

from manyeyes.api.access import ROLES
from manyeyes.console.address import root_of
from manyeyes.console.inprocess import InProcess
from manyeyes.console.notices import Notices
from manyeyes.credentials import cookie_name
from manyeyes.sdk.client import AsyncClient
from manyeyes.sdk.context import Context
from manyeyes.sdk.patience import Patience

_PATIENCE = Patience(total_s=4.0)


@dataclass(frozen=True)
class Visitor:
    """Somebody signed in."""

    client: AsyncClient
    """Acts with the visitor's session: the gateway decides what it may do."""
    name: str
    """Of the API key that they signed in with."""
    role: str
    expires_at: datetime | None
    notices: Notices
    """Of what changes while they look."""

    def may(self, least: str) -> bool:
        """Whether it is worth offering what needs that role; whether it is done decides the gateway."""
        return ROLES.index(self.role) >= ROLES.index(least)


class Reception:
    """Makes visitors of requests.

    Args:
        gateway: the app that answers under /v1.
        url: the master's address, as programs need it.
    """

    def __init__(self, gateway: ASGIApp, url: str) -> None:
        self._gateway = gateway
        self.url = url

    def client(self, credential: str, request: Request) -> AsyncClient:
        """A client that shows this credential, for the browser that sent a request."""
        context = Context(url=self.url, ca_pem="", api_key=credential)
        address = request.client.host if request.client else ""
        return AsyncClient(context, patience=_PATIENCE, transport=InProcess(self._gateway, address))

    async def visitor(self, request: Request) -> Visitor:
        """The visitor of a page that is being built; their client ends with the page.

        Raises:
            NotSignedIn: the session has ended.
        """
        client = self.client(session_of(request), request)
        ui.context.client.on_delete(client.aclose)
        who = await client.session()
        return Visitor(client, who.name, who.role, who.expires_at, Notices(client))


def session_of(request: Request) -> str:
    """The session that a browser shows; empty without one."""
    return request.cookies.get(cookie_name(root_of(request)), "")
