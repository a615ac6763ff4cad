"""Routes for sessions: an API key signs in once, and its browser then keeps only a session that runs out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from manyeyes.access.sessions import LINK_S, Caller
from manyeyes.api.access import NewSession, Session, SignInPath
from manyeyes.errors import NotSignedIn
from manyeyes.gateway.auth import CONSOLE, CREDENTIAL, address_of
from manyeyes.gateway.dependencies import ANY_CREDENTIAL, TheMaster

router = APIRouter(tags=["signing in"], dependencies=[ANY_CREDENTIAL])


def _shown(caller: Caller) -> dict[str, Any]:
    ends = caller.expires_at
    return {
        "name": caller.name,
        "role": caller.role,
        "expires_at": datetime.fromtimestamp(ends, UTC).replace(microsecond=0) if ends else None,
    }


@router.post("/v1/session", status_code=201)
async def sign_in(master: TheMaster, request: Request) -> NewSession:
    """Make a session of the API key that is shown; its token is in this answer and in no later one."""
    token, caller = master.sessions.sign_in(request.scope[CREDENTIAL], address_of(request.scope))
    return NewSession.model_validate({"token": token, **_shown(caller)})


@router.post("/v1/session/link", status_code=201)
async def link(master: TheMaster, request: Request) -> SignInPath:
    """Make a link to the console that signs in the person who follows it, once, as the holder of the API key that is shown."""
    made = master.sessions.link(request.scope[CREDENTIAL])
    return SignInPath(path=f"{CONSOLE}/sign-in?link={made}", expires_s=LINK_S)


@router.get("/v1/session")
async def show_session(master: TheMaster, request: Request) -> Session:
    """The holder of the credential that is shown; `expires_at` is null for an API key."""
    caller = master.sessions.caller(request.scope[CREDENTIAL])
    if caller is None:
        raise NotSignedIn("this session has just ended; sign in again")
    return Session.model_validate(_shown(caller))


@router.delete("/v1/session", status_code=204)
async def sign_out(master: TheMaster, request: Request) -> Response:
    """End the session that is shown; an API key stays as it is."""
    master.sessions.sign_out(request.scope[CREDENTIAL])
    return Response(status_code=204)
