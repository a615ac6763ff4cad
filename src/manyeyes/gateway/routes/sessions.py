"""Routes for sessions: an API key signs in once, and its browser then keeps only a session that runs out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response

from manyeyes.access.sessions import LINK_S, Caller, Sessions
from manyeyes.errors import NotSignedIn
from manyeyes.gateway.auth import CONSOLE, CREDENTIAL


def _shown(caller: Caller) -> dict[str, Any]:
    ends = caller.expires_at
    return {
        "name": caller.name,
        "role": caller.role,
        "expires_at": datetime.fromtimestamp(ends, UTC).isoformat(timespec="seconds") if ends else None,
    }


def add_sessions(app: FastAPI, sessions: Sessions) -> None:
    """Add the routes; any credential is enough for them."""

    @app.post("/v1/session", status_code=201)
    async def sign_in(request: Request) -> dict[str, Any]:
        """A session of the API key that is shown; its token is in this answer and never told again."""
        token, caller = sessions.sign_in(request.scope[CREDENTIAL])
        return {"token": token, **_shown(caller)}

    @app.post("/v1/session/link", status_code=201)
    async def link(request: Request) -> dict[str, Any]:
        """A link to the console that signs in the person who follows it, once, as the holder of the API key that is shown."""
        made = sessions.link(request.scope[CREDENTIAL])
        return {"path": f"{CONSOLE}/sign-in?link={made}", "expires_s": LINK_S}

    @app.get("/v1/session")
    async def who(request: Request) -> dict[str, Any]:
        """The holder of the credential that is shown; `expires_at` is null for an API key."""
        caller = sessions.caller(request.scope[CREDENTIAL])
        if caller is None:
            raise NotSignedIn("this session has just ended; sign in again")
        return _shown(caller)

    @app.delete("/v1/session", status_code=204)
    async def sign_out(request: Request) -> Response:
        """End the session that is shown; an API key stays as it is."""
        sessions.sign_out(request.scope[CREDENTIAL])
        return Response(status_code=204)
