"""How a machine joins a master."""

from __future__ import annotations

from collections.abc import Sequence

from manyeyes import contract
from manyeyes.broker.connection import TROUBLE, abort
from manyeyes.broker.nodelink import dial
from manyeyes.contract.mismatch import unreadable_master
from manyeyes.error_codes import from_code
from manyeyes.errors import Unavailable, VersionMismatch


async def join(
    addresses: Sequence[str], ca_pem: str, seed: str, token_id: str, request: contract.JoinRequest
) -> contract.JoinReply:
    """Ask to join with a token's key.

    Raises:
        TokenRefused: see `dial`, or the master's own refusal.
        Unavailable: nobody answers.
    """
    client = await dial(addresses, ca_pem, seed, contract.join_name(token_id))
    try:
        answer = await client.request(contract.join_subject(token_id), request.wire(), timeout=10)
    except TROUBLE as error:
        raise Unavailable(f"the master did not answer the join in 10 s: {error!r}; try again") from error
    finally:
        await abort(client)
    return _joined(answer.data)


def _joined(content: bytes) -> contract.JoinReply:
    """What a master of any version answered a join; raises the refusal that it is."""
    said = contract.introduced(content)
    try:
        reply = contract.JoinReply.model_validate_json(content)
    except ValueError:
        reply = contract.JoinReply()
    if reply.code == VersionMismatch.code and said.newest != contract.NEWEST:
        raise VersionMismatch(f"{reply.detail}; {unreadable_master(said).detail}")
    if reply.code:
        raise from_code(reply.code, reply.detail)
    if not contract.NODE_NAME.fullmatch(reply.name):
        raise unreadable_master(said)
    return reply
