"""How a machine becomes a node: by a token once, by what it keeps from then on."""

from __future__ import annotations

import time
from dataclasses import replace

from manyeyes import identity
from manyeyes.broker.join import join
from manyeyes.config import NodeSettings
from manyeyes.contract import JoinReply, JoinRequest
from manyeyes.errors import OtherMaster, TokenRefused, Unavailable
from manyeyes.node.membership.discovery import find_master, may_be_found
from manyeyes.node.membership.host import host_facts, host_fingerprint
from manyeyes.node.membership.membership import Membership, merged
from manyeyes.node.membership.token_file import wait_for_token
from manyeyes.plain_text import utf8
from manyeyes.telemetry import log
from manyeyes.version import VERSION


async def ensure_membership(settings: NodeSettings) -> tuple[Membership, identity.NKey]:
    """Join with the token if one is given, else use what an earlier start left, else wait for a file with a token.

    Raises:
        TokenRefused: no token and no earlier start, or the token was refused.
        Unavailable: the master does not answer.
    """
    identity.make_data_folder(settings.data)
    key = identity.load_or_make_nkey(settings.data / "node.nk")
    kept = settings.data / "membership.json"
    if not settings.join:
        if kept.exists():
            return Membership.load(kept), key
        if settings.join_file is None:
            raise TokenRefused(
                f"this machine has not joined a master yet (nothing in {settings.data}); "
                "start it with --join TOKEN, as 'manyeyes token' on the master prints it"
            )
        token = await wait_for_token(settings.join_file)
    else:
        token = identity.JoinToken.decode(settings.join)
    known = Membership.load(kept) if kept.exists() else None
    if known is not None and known.ca_pem != token.ca_pem:
        known = None
    if known is not None and not token.ephemeral:
        if token.addresses != known.addresses[: len(token.addresses)]:
            known = replace(known, addresses=merged(token.addresses, known.addresses))
            known.save(kept)
        return known, key
    host = host_facts()
    request = JoinRequest(
        public_nkey=key.public,
        wanted_name=utf8(settings.name) or host.hostname,
        version=VERSION,
        host=host,
        fingerprint=host_fingerprint(settings.machine_id_file, token.ca_pem),
    )
    try:
        reply, addresses = await _join(token, request, find=settings.find)
    except (TokenRefused, Unavailable) as error:
        if known is not None:  # it may not be forgotten yet
            return known, key
        if isinstance(error, Unavailable):
            raise
        raise type(error)(f"{error.detail}; {_validity(token.expires_at, time.time())}") from error
    membership = Membership(reply.name, addresses, token.ca_pem, reply.pack_public_key)
    membership.save(kept)
    log().info("joined", node=reply.name, master=addresses[0])
    return membership, key


async def _join(
    token: identity.JoinToken, request: JoinRequest, *, find: bool
) -> tuple[JoinReply, tuple[str, ...]]:
    """Join where the token says, else where the master is found on the network; also the addresses to keep."""
    try:
        return await join(token.addresses, token.ca_pem, token.seed, token.token_id, request), token.addresses
    except (Unavailable, OtherMaster) as error:
        if not find or not may_be_found(token.addresses):
            raise
        log().warning("asking the network for the master", error=error.detail)
        if (found := await find_master(token.ca_pem)) is None:
            raise
    log().info("found the master on the network", address=found)
    reply = await join((found,), token.ca_pem, token.seed, token.token_id, request)
    return reply, merged((found,), token.addresses)


def _validity(expires_at: float, here: float) -> str:
    """Until when a token is good: by the master's clock, which decides; this machine's may be wrong."""

    def told(at: float) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))

    return f"the token is good until {told(expires_at)} by the master's clock; here it is {told(here)}"
