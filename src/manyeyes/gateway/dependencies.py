"""What routes depend on: the master behind the app, and the name of a caller whose key has a role."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import HTTPBearer, SecurityScopes

from manyeyes.api.access import ROLES
from manyeyes.dispatch.trace import Sender
from manyeyes.errors import NotAllowed, NotSignedIn
from manyeyes.gateway.audited import called
from manyeyes.gateway.auth import CREDENTIAL, caller_of
from manyeyes.master.composition import Master

_CREDENTIAL = HTTPBearer(
    scheme_name="credential",
    description="An API key or the token of a session. A route names the least role that the key must have.",
    auto_error=False,
)
"""For the description only: `auth.AuthMiddleware` has read the header when a route is reached."""
ANY_CREDENTIAL = Depends(_CREDENTIAL)


async def _the_master(request: Request) -> Master:
    master: Master = request.app.state.master
    return master


async def _caller_with_role(
    request: Request,
    wanted: SecurityScopes,
    master: Annotated[Master, Depends(_the_master)],
    _: Annotated[object, ANY_CREDENTIAL],
) -> str:
    """The name of the caller's key; raises NotAllowed if its role is less than the one that is wanted."""
    (least,) = wanted.scopes
    # a body may arrive long after its head, and the key be revoked in between
    caller = master.sessions.caller(request.scope[CREDENTIAL])
    if caller is None:
        raise NotSignedIn("this API key or session has just been revoked; sign in with another")
    if ROLES.index(caller.role) < ROLES.index(least):
        master.audit.refused(caller.name, called(request))
        raise NotAllowed(f"this key's role is {caller.role}, at least {least} is needed")
    return caller.name


async def _sender(request: Request) -> Sender:
    caller = caller_of(request)
    return Sender(caller.name, caller.key_id)


USER, OPERATOR, ADMIN = (Security(_caller_with_role, scopes=[role]) for role in ROLES)
"""Ask for a role, where the caller's name does not matter."""
TheMaster = Annotated[Master, Depends(_the_master)]
User = Annotated[str, USER]
"""The name of the caller's key, which has at least that role."""
Operator = Annotated[str, OPERATOR]
Admin = Annotated[str, ADMIN]
TheSender = Annotated[Sender, Depends(_sender)]
"""Who asks, by the API key of the request, or the one that its session came from."""

IfNoneMatch = Annotated[
    str | None, Header(description="The ETag of an earlier answer; 304 where the picture is still the same.")
]
Traceparent = Annotated[
    str | None, Header(description="The trace that the picture belongs to, by W3C Trace Context.")
]
NodeName = Annotated[str, Path(description="A node's name.")]
PersonName = Annotated[str, Path(description="A person's name, percent-encoded; it may hold any character.")]


def sees_all(request: Request) -> bool:
    """Whether the caller may see what other keys did."""
    return ROLES.index(caller_of(request).role) >= ROLES.index("operator")
