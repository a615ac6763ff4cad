"""The agent: joins, brings the pack, keeps the seats filled, beats, drains."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from manyeyes import contract, identity
from manyeyes.broker.link import Incoming, NodeLink, join
from manyeyes.config import NodeSettings
from manyeyes.contract import Beat, JoinRequest, News
from manyeyes.errors import DataFolderUnusable, ManyeyesError, TokenRefused, Unavailable
from manyeyes.node.gallerybook import GalleryBook
from manyeyes.node.host import host_facts
from manyeyes.node.process import Launch
from manyeyes.node.provision import Provisioner
from manyeyes.node.slot import Slot, Tally
from manyeyes.telemetry import log


@dataclass(frozen=True)
class Membership:
    """What a node keeps since it joined."""

    name: str
    addresses: tuple[str, ...]
    ca_pem: str
    pack_public_key: str

    def save(self, path: Path) -> None:
        """Keep it."""
        identity.write_private(path, json.dumps(vars(self), indent=1).encode())

    @classmethod
    def load(cls, path: Path) -> Membership:
        """Read it back.

        Raises:
            DataFolderUnusable: the file is damaged.
        """
        try:
            fields = json.loads(path.read_bytes())
            return cls(
                fields["name"], tuple(fields["addresses"]), fields["ca_pem"], fields["pack_public_key"]
            )
        except (OSError, ValueError, KeyError) as error:
            raise DataFolderUnusable(
                f"{path} cannot be read ({error}); join again with --join TOKEN, or choose another --data folder"
            ) from error


async def ensure_membership(settings: NodeSettings) -> tuple[Membership, identity.NKey]:
    """Join with the token if one is given, else use what an earlier start left.

    Raises:
        TokenRefused: no token and no earlier start, or the token was refused.
        Unavailable: the master does not answer.
    """
    identity.make_data_folder(settings.data)
    key = identity.load_or_make_nkey(settings.data / "node.nk")
    kept = settings.data / "membership.json"
    if not settings.join:
        if not kept.exists():
            raise TokenRefused(
                f"this machine has joined no master yet (nothing in {settings.data}); "
                "start it with --join TOKEN, as 'manyeyes token' on the master prints it"
            )
        return Membership.load(kept), key
    token = identity.JoinToken.decode(settings.join)
    if kept.exists() and Membership.load(kept).ca_pem == token.ca_pem:
        return Membership.load(kept), key
    host = host_facts()
    request = JoinRequest(
        public_nkey=key.public,
        wanted_name=settings.name or host.hostname,
        version=importlib.metadata.version("manyeyes"),
        host=host,
    )
    try:
        reply = await join(token.addresses, token.ca_pem, token.seed, token.token_id, request)
    except TokenRefused as error:
        if token.expires_at < time.time():
            when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(token.expires_at))
            raise TokenRefused(
                f"the join token expired at {when}; get a new one with 'manyeyes token' on the master"
            ) from error
        raise
    membership = Membership(reply.name, token.addresses, token.ca_pem, reply.pack_public_key)
    membership.save(kept)
    log().info("joined", node=reply.name, master=token.addresses[0])
    return membership, key


class Agent:
    """A running node."""

    def __init__(self, settings: NodeSettings, membership: Membership, key: identity.NKey) -> None:
        self._settings = settings
        self._membership = membership
        self._key = key
        self._host = host_facts()
        self._holding: set[str] = set()
        self._tally = Tally()
        self._slots: list[Slot] = []
        self._draining = asyncio.Event()
        self._cut_off = False
        self._beat_now = asyncio.Event()
        self._reconnected = asyncio.Event()
        self._provisioner: Provisioner | None = None
        self._process = psutil.Process()

    def drain(self) -> None:
        """Finish what is in hand, give the rest back, leave."""
        self._draining.set()

    async def run(self, on_ready: Callable[[str, int], None]) -> None:
        """Work until drained.

        Args:
            on_ready: called once with the node's name and its number of workers.

        Raises:
            TokenRefused: the master cut this node off.
            ManyeyesError: the pack cannot be had.
        """
        member = self._membership
        link = await self._connect()
        galleries = GalleryBook(link, self._settings.data / "gallery")

        provisioner = self._provisioner = Provisioner(
            link, self._settings.data, member.pack_public_key, self._beat_now.set
        )

        async def news(message: Incoming) -> None:
            told = News.model_validate_json(message.data)
            provisioner.heard(told.pack)
            await self._refresh(galleries, told.gallery_version)

        await link.subscribe(contract.NEWS_SUBJECT, news)
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(self._beat(link, galleries), name="beat")
            background = [
                group.create_task(galleries.keep_folded(), name="fold"),
                group.create_task(self._catch_up(galleries), name="catch-up"),
            ]
            launch = await self._obtained(provisioner)
            if launch is not None:
                await self._refresh(galleries, 0)
                deadline_s = self._settings.task_deadline_s
                self._slots = [
                    Slot(i, link, launch, galleries, self._holding, self._tally, deadline_s, self._changed)
                    for i in range(self._settings.workers)
                ]
            seats = [group.create_task(slot.run(), name=f"seat-{i}") for i, slot in enumerate(self._slots)]
            ready = group.create_task(self._tell_ready(on_ready), name="ready")
            background.append(group.create_task(provisioner.follow(self._switch), name="provision"))
            await self._draining.wait()
            log().info("draining", holding=len(self._holding))
            self._beat_now.set()
            for slot in self._slots:
                slot.drain()
            ready.cancel()
            _, late = await asyncio.wait(seats, timeout=self._settings.drain_s) if seats else (set(), set())
            for seat in late:
                seat.cancel()
            beating.cancel()
            for task in background:
                task.cancel()
        await link.say("leave", contract.Empty())
        await link.close()
        if self._cut_off:
            raise TokenRefused(f"the master no longer knows node {member.name}; join again with a new token")
        log().info("left", done=self._tally.done, failed=self._tally.failed)

    async def _connect(self) -> NodeLink:
        member = self._membership

        def closed() -> None:
            if not self._draining.is_set():
                self._cut_off = True
                self._draining.set()

        while not self._draining.is_set():
            try:
                return await NodeLink.connect(
                    member.addresses,
                    member.ca_pem,
                    self._key.seed,
                    member.name,
                    on_closed=closed,
                    on_reconnected=self._on_reconnected,
                )
            except Unavailable as error:
                log().warning("waiting for the master", error=error.detail)
                await asyncio.sleep(2)
        raise Unavailable("stopped before the master answered")

    async def _obtained(self, provisioner: Provisioner) -> Launch | None:
        """The pack to begin with, or None where the node is to leave before it has one."""
        obtaining = asyncio.create_task(provisioner.obtain(), name="provision")
        leaving = asyncio.create_task(self._draining.wait(), name="leaving")
        try:
            await asyncio.wait([obtaining, leaving], return_when=asyncio.FIRST_COMPLETED)
            return obtaining.result() if obtaining.done() else None
        finally:
            for task in (obtaining, leaving):
                task.cancel()
            await asyncio.wait([obtaining, leaving])

    async def _switch(self, launch: Launch) -> None:
        """Seat after seat, so that the others work and no more than one worker is there twice."""
        for slot in self._slots:
            await slot.switch(launch)

    def _on_reconnected(self) -> None:
        self._beat_now.set()
        self._reconnected.set()

    async def _catch_up(self, galleries: GalleryBook) -> None:
        """After each break: news may have been missed, and the master may have been given another registry."""
        while True:
            await self._reconnected.wait()
            self._reconnected.clear()
            await self._refresh(galleries, 0)

    async def _refresh(self, galleries: GalleryBook, least: int) -> None:
        try:
            await galleries.refresh(least)
            self._beat_now.set()
        except ManyeyesError as error:
            log().warning("gallery not refreshed", error=error.detail)

    async def _tell_ready(self, on_ready: Callable[[str, int], None]) -> None:
        for slot in self._slots:
            await slot.ready.wait()
        on_ready(self._membership.name, len(self._slots))

    async def _changed(self) -> None:
        self._beat_now.set()
        if self._provisioner and any(slot.trouble for slot in self._slots):
            self._provisioner.doubt()

    async def _beat(self, link: NodeLink, galleries: GalleryBook) -> None:
        """Say what this node is and holds, regularly and at each change."""
        while True:
            await link.say("beat", self._beat_message(galleries))
            self._beat_now.clear()
            try:
                await asyncio.wait_for(self._beat_now.wait(), self._settings.beat_s)
            except TimeoutError:
                continue

    def _beat_message(self, galleries: GalleryBook) -> Beat:
        now = time.monotonic()
        provisioner = self._provisioner
        doing = provisioner.doing if provisioner else ""
        reports = tuple(slot.report(now) for slot in self._slots)
        seated = any(slot.ready.is_set() for slot in self._slots)
        if self._draining.is_set():
            state, reason = "draining", f"{len(self._holding)} pictures in hand"
        elif not seated:
            trouble = next((slot.trouble for slot in self._slots if slot.trouble), "starting workers")
            state, reason = "provisioning", doing or trouble
        elif any(report.state == "busy" for report in reports):
            state, reason = "working", doing
        else:
            resting = sum(report.state == "resting" for report in reports)
            state, reason = "ready", f"{resting} of {len(reports)} workers rest" if resting else doing
        return Beat(
            state=state,
            reason=reason,
            workers=reports,
            holding=tuple(self._holding),
            done=self._tally.done,
            failed=self._tally.failed,
            gallery_version=max(galleries.version, 0),
            pack=provisioner.launch.pack if provisioner and provisioner.launch else "",
            agent_rss_bytes=self._process.memory_info().rss,
            host=self._host,
        )
