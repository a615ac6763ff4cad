"""Lets new machines in: join tokens and first joins."""

from __future__ import annotations

import re
import secrets
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import ValidationError

from manyeyes import contract, identity
from manyeyes.access.audit import Audit
from manyeyes.addresses import with_port
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.config import MasterSettings
from manyeyes.contract import Introduction, JoinReply, JoinRequest, introduced
from manyeyes.contract.mismatch import check_versions, unreadable_node
from manyeyes.errors import ManyeyesError, TokenRefused, Unavailable
from manyeyes.fleet.ephemeral import GONE
from manyeyes.fleet.node_facts import plain_host
from manyeyes.fleet.node_service import NodeService
from manyeyes.fleet.node_state import Fleet
from manyeyes.store.credentials import CredentialRepository, TokenRow
from manyeyes.store.nodes import NodeRepository
from manyeyes.telemetry import log

LOCAL_ADMIN = "local admin"
"""The name of the key that this machine's own operator has: who starts `up` asks for the token of its node."""


class Admission:
    """Lets machines join that hold a token, and makes and expires tokens.

    Args:
        reload_engine: makes the engine accept the stored nodes and tokens.
        pack_public_key: what a new node verifies packs with.
    """

    def __init__(
        self,
        settings: MasterSettings,
        ca_pem: str,
        nodes: NodeRepository,
        credentials: CredentialRepository,
        audit: Audit,
        fleet: Fleet,
        service: NodeService,
        link: MasterLink,
        reload_engine: Callable[[], None],
        pack_public_key: str,
    ) -> None:
        self._settings = settings
        self.ca_pem = ca_pem
        self._nodes = nodes
        self._credentials = credentials
        self._audit = audit
        self._fleet = fleet
        self._service = service
        self._link = link
        self._reload_engine = reload_engine
        self._pack_public_key = pack_public_key
        self._expired: set[str] = set()

    def on_join(self, message: Incoming) -> None:
        """The holder of a token asks to join; the engine has checked the token's key."""
        token_id = message.subject.rsplit(".", 1)[1]
        said = introduced(message.data)
        try:
            check_versions(said)
            reply = self._join(token_id, JoinRequest.model_validate_json(message.data), said.release)
        except ValidationError:
            reply = self._refused(said, token_id, unreadable_node(said))
        except ManyeyesError as error:
            reply = self._refused(said, token_id, error)
        except (sqlite3.OperationalError, OSError) as error:
            why = Unavailable(f"the master cannot write its registry: {error}; free some space on its disk")
            reply = self._refused(said, token_id, why)
        self._link.answer(message.reply, reply.wire())

    def _refused(self, said: Introduction, token_id: str, error: ManyeyesError) -> JoinReply:
        """In the version of who asks: nodes of older releases read no other."""
        log().warning("a machine was not let in", token_id=token_id, error=error.detail)
        return JoinReply(v=said.newest or contract.NEWEST, code=error.code, detail=error.detail)

    def _join(self, token_id: str, request: JoinRequest, release: str) -> JoinReply:
        token = next((row for row in self._credentials.tokens() if row.token_id == token_id), None)
        if token is None or token.expires_at < time.time():
            raise TokenRefused("the join token has expired; get a new one with 'manyeyes token'")
        if not re.fullmatch(r"U[A-Z2-7]{55}", request.public_nkey):
            raise TokenRefused(
                "the node's public key cannot be read; remove the node's data folder and join again"
            )
        self._service.check_join(request)
        rows = self._nodes.all()
        row = next((row for row in rows if row.public_nkey == request.public_nkey), None)
        wanted = contract.node_name(request.wanted_name)
        if row is None and token.ephemeral and self._service.ephemeral_states().get(wanted) in GONE:
            self._service.forget(wanted, "another ephemeral node takes its name")
            rows = self._nodes.all()
        name = row.name if row else _free_name(wanted, {row.name for row in rows})
        if row is None:
            self._nodes.add(
                name,
                request.public_nkey,
                token_id,
                plain_host(request.host),
                fingerprint=request.fingerprint,
                approved=not token.approve,
                ephemeral=token.ephemeral,
                release=release,
            )
            self._fleet.register(name)
            self._service.refresh()
            log().info(
                "node joined for the first time", node=name, host=request.host.hostname, token_id=token_id
            )
        self._reload_engine()
        return JoinReply(name=name, pack_public_key=self._pack_public_key)

    def create_token(
        self,
        expires_s: float,
        *,
        approve: bool = False,
        ephemeral: bool = False,
        token_id: str | None = None,
        who: str = LOCAL_ADMIN,
    ) -> tuple[str, datetime]:
        """A join token that lets machines in for `expires_s` seconds; with `approve` they wait for a person's approval.

        Args:
            ephemeral: nodes that join with it are forgotten when they leave.
            who: the name of the key that asks, for the audit log.
        """
        key = identity.make_nkey()
        token_id = token_id or new_token_id()
        expires_at = int(time.time() + expires_s)
        detail = f"{token_id}, valid for {expires_s:.0f} s"
        detail += (", with approval" if approve else "") + (", for ephemeral nodes" if ephemeral else "")
        with self._audit.change(who, "token", outcome="made", detail=detail):
            self._credentials.add_token(TokenRow(token_id, key.public, expires_at, approve, ephemeral))
        self._reload_engine()
        token = identity.JoinToken(
            token_id=token_id,
            addresses=tuple(
                with_port(address, self._settings.nats_port) for address in self._settings.reachable_at
            ),
            ca_pem=self.ca_pem,
            seed=key.seed,
            expires_at=expires_at,
            ephemeral=ephemeral,
        )
        return token.encode(), datetime.fromtimestamp(expires_at, UTC)

    def expire(self) -> None:
        """Refuse the holders of tokens that have expired since the last call."""
        expired = {row.token_id for row in self._credentials.tokens() if row.expires_at < time.time()}
        if expired - self._expired:
            self._reload_engine()
        self._expired = expired


def new_token_id() -> str:
    """What a token is called in `nodes show` and in the audit log; no secret."""
    return secrets.token_hex(6)


def _free_name(base: str, taken: set[str]) -> str:
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
