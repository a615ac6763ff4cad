"""Connects a node to its master and sends the hello; both are tried until they succeed or are refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from manyeyes import contract, identity
from manyeyes.broker.nodelink import NodeLink
from manyeyes.config import NodeSettings
from manyeyes.contract import Hello, Welcome
from manyeyes.contract.mismatch import unreadable_master
from manyeyes.errors import OtherMaster, Unavailable
from manyeyes.node.membership.discovery import MasterFinder
from manyeyes.node.membership.host import host_fingerprint
from manyeyes.node.membership.membership import Membership
from manyeyes.telemetry import log
from manyeyes.version import VERSION

_AGAIN_S = 2.0
_HELLO_S, _HELLO_AGAIN_S = 5.0, 1.0
SAID_EVERY_S = 60.0
_BROADCAST_S = 2.5
"""Masters broadcast once a second."""


class Spaced:
    """Decides whether what goes wrong at each attempt is said: what is new, and the same once more after `every_s`."""

    def __init__(self, every_s: float = SAID_EVERY_S) -> None:
        self._every_s = every_s
        self._said: dict[str, float] = {}

    def is_due(self, what: str, now: float) -> bool:
        """Whether to say it now."""
        if now - self._said.get(what, float("-inf")) < self._every_s:
            return False
        self._said = {what: now}
        return True


class Connector:
    """Finds the master of one node, connects to it and sends the hello."""

    def __init__(self, settings: NodeSettings, membership: Membership, key: identity.NKey) -> None:
        self._machine_id_file = settings.machine_id_file
        self._key = key
        self._finder = MasterFinder(membership, settings.data / "membership.json", allowed=settings.find)
        self._spaced = Spaced()
        self.membership = membership

    async def connect(self, on_closed: Callable[[], None], on_reconnected: Callable[[], None]) -> NodeLink:
        """Connect to the master, wherever it is found.

        Args:
            on_closed: called when the engine refuses this node's key.

        Raises:
            TokenRefused: the master does not know this node's key.
        """
        member = self.membership
        while True:
            try:
                return await NodeLink.connect(
                    self._finder.addresses,
                    member.ca_pem,
                    self._key.seed,
                    member.name,
                    on_closed=on_closed,
                    on_reconnected=on_reconnected,
                )
            except (Unavailable, OtherMaster) as error:
                if self._spaced.is_due(error.detail, time.monotonic()):
                    log().warning("waiting for the master", error=error.detail)
                if await self._finder.look() is None:
                    await asyncio.sleep(_AGAIN_S)

    async def hello(self, link: NodeLink, session: str) -> Welcome:
        """Send the hello until a master answers.

        Raises:
            IdentityInUse: another process is this node.
            VersionMismatch: the master speaks no version of the contract that this node speaks.
        """
        fingerprint = host_fingerprint(self._machine_id_file, self.membership.ca_pem)
        hello = Hello(session=session, fingerprint=fingerprint)
        release = {contract.HEADER_RELEASE: VERSION}
        while True:
            try:
                answer = await link.ask("hello", hello.wire(), timeout_s=_HELLO_S, headers=release)
            except Unavailable as error:
                said = await link.master_versions(_BROADCAST_S)
                other = said is not None and said.newest not in (0, contract.NEWEST)
                why = unreadable_master(said).detail if said is not None and other else error.detail
                if self._spaced.is_due(why, time.monotonic()):
                    log().warning("waiting for the master to answer", error=why)
                await asyncio.sleep(_HELLO_AGAIN_S)
                continue
            try:
                welcome = Welcome.model_validate_json(answer)
            except ValueError:
                raise unreadable_master(contract.introduced(answer)) from None
            contract.speak(welcome.speak)
            return welcome

    async def follow(self, link: NodeLink) -> None:
        """Search for the master whenever the connection stays broken, until cancelled."""
        await self._finder.follow(link)
