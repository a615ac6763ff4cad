"""Routes for API keys: made, listed, revoked by admins; and for what their holders need beside them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from manyeyes.access.api_keys import ApiKeyService


class KeyRequest(BaseModel):
    """A key that is to be made."""

    name: str = Field(min_length=1, max_length=64)
    role: Literal["user", "operator", "admin"] = "user"


def add_keys(app: FastAPI, service: ApiKeyService, ca_pem: str, admin: Any) -> None:
    """Add the routes; `admin` is a dependency that asks for that role and gives the key's name."""

    @app.get("/v1/keys", dependencies=[admin])
    async def keys() -> dict[str, Any]:
        """All API keys that work: names, roles and ages, never the keys."""
        return {"keys": [asdict(key) for key in service.known()]}

    @app.get("/v1/ca")
    async def ca() -> dict[str, str]:
        """The certificate of this master's CA, for a context file; with any credential."""
        return {"ca_pem": ca_pem}

    @app.post("/v1/keys", status_code=201)
    async def create(body: KeyRequest, who: str = admin) -> dict[str, Any]:
        """A new API key; it is in this answer and never told again."""
        key, fact = service.create(who, body.name, body.role)
        return {**asdict(fact), "key": key}

    @app.delete("/v1/keys/{name:path}", status_code=204)
    async def revoke(name: str, who: str = admin) -> Response:
        """Have a key work no more."""
        service.revoke(who, name)
        return Response(status_code=204)
