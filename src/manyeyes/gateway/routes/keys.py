"""Routes for API keys, join tokens, and the certificate that their holders need beside them."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Path, Response

from manyeyes.api.access import (
    ApiKey,
    ApiKeys,
    CaCertificate,
    JoinToken,
    KeyRequest,
    NewApiKey,
    TokenRequest,
)
from manyeyes.errors import BadRequest, KeyExists, KeyNotFound, LastAdminKey
from manyeyes.fleet.admission import new_token_id
from manyeyes.fleet.reach import token_warning
from manyeyes.gateway.dependencies import ADMIN, ANY_CREDENTIAL, Admin, TheMaster
from manyeyes.gateway.problems import failures

router = APIRouter(tags=["keys and tokens"])


@router.get("/v1/keys", dependencies=[ADMIN])
async def keys(master: TheMaster) -> ApiKeys:
    """All API keys that work: names, roles and ages, never the keys."""
    return ApiKeys(keys=tuple(ApiKey.model_validate(key) for key in master.keys.known()))


@router.get("/v1/ca", dependencies=[ANY_CREDENTIAL])
async def ca(master: TheMaster) -> CaCertificate:
    """The certificate of this master's CA, for a context file; with any credential."""
    return CaCertificate(ca_pem=master.admission.ca_pem)


@router.post("/v1/keys", status_code=201, responses=failures(BadRequest, KeyExists))
async def create_key(master: TheMaster, body: KeyRequest, who: Admin) -> NewApiKey:
    """Make an API key; it is in this answer and in no later one."""
    key, fact = master.keys.create(who, body.name, body.role)
    return NewApiKey.model_validate({**vars(fact), "key": key})


@router.delete("/v1/keys/{name:path}", status_code=204, responses=failures(KeyNotFound, LastAdminKey))
async def revoke_key(
    master: TheMaster, name: Annotated[str, Path(description="The key's name.")], who: Admin
) -> Response:
    """Revoke a key: it is refused from its next request on."""
    master.keys.revoke(who, name)
    return Response(status_code=204)


@router.post("/v1/tokens")
async def create_token(master: TheMaster, body: TokenRequest, who: Admin) -> JoinToken:
    """Make a join token."""
    token_id = new_token_id()
    text, expires_at = master.admission.create_token(
        body.expires_s, approve=body.approve, ephemeral=body.ephemeral, token_id=token_id, who=who
    )
    return JoinToken(
        token=text,
        id=token_id,
        expires_at=expires_at.astimezone(UTC).replace(microsecond=0),
        warning=token_warning(master.settings),
    )
