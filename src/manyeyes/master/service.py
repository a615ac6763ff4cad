"""The master: feeds what happens to the pure rooms and carries their instructions out."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from manyeyes import contract, identity
from manyeyes.broker.connection import Incoming
from manyeyes.broker.engine import Engine, check_port, engine_version, find_engine
from manyeyes.broker.masterlink import CensusLink, MasterLink
from manyeyes.broker.topology import EngineSettings
from manyeyes.config import Limits, MasterSettings
from manyeyes.contract import (
    Beat,
    Claim,
    Farewell,
    GalleryQuery,
    Hello,
    News,
    Outcome,
    PackQuery,
)
from manyeyes.errors import ManyeyesError, TaskLost, Unavailable
from manyeyes.master.admission import Admission, EngineUsers
from manyeyes.master.audit import Audit
from manyeyes.master.cutoffs import Cutoffs
from manyeyes.master.desk import Answered, Desk
from manyeyes.master.door import Door
from manyeyes.master.embed_again import EmbedAgain
from manyeyes.master.enrolling import Enrolling
from manyeyes.master.events import EventHub
from manyeyes.master.faces import FacesOffice
from manyeyes.master.fleet import Change, Fleet
from manyeyes.master.flood import Bans, Census, Flood, most_held
from manyeyes.master.galleries import Galleries
from manyeyes.master.keys import KeysOffice
from manyeyes.master.logs.office import LogsOffice
from manyeyes.master.lookout import Lookout, Sources
from manyeyes.master.nodes import NodesOffice
from manyeyes.master.nodeviews import NodeViews
from manyeyes.master.orders import Orders
from manyeyes.master.outcomes import plain, plain_beat
from manyeyes.master.packshelf import PackShelf
from manyeyes.master.people import PeopleOffice
from manyeyes.master.probes import Probes
from manyeyes.master.probing import Probing
from manyeyes.master.recent import Recent
from manyeyes.master.registry import Person, Registry, now_iso
from manyeyes.master.seal import Seal
from manyeyes.master.signins import SignIns
from manyeyes.master.unknown import Among
from manyeyes.master.way import Way
from manyeyes.packs.embedders import LEGACY_KEYS
from manyeyes.telemetry import log

_TICK_S = 0.5
_REBALANCE_S = 0.1
_STOOD_STILL_S = 1.0
"""A tick that comes so much too late says that the process was frozen, not that the nodes were silent."""
_RECORD_EVERY_S = 10.0
_UNREADABLE_S = 10.0
"""Between two lines of the log about what a node says that cannot be read."""
_MOST_GALLERIES = 4
"""Answers with the gallery that one node may wait for at once."""


class Master:
    """One master: engine, registry, fleet, desk. Made by `Master.running`."""

    def __init__(
        self,
        settings: MasterSettings,
        limits: Limits,
        registry: Registry,
        engine: Engine,
        users: EngineUsers,
        link: MasterLink,
        shelf: PackShelf,
    ) -> None:
        self.settings = settings
        self.limits = limits
        self.started_at = time.monotonic()
        self.engine = engine
        self._registry = registry
        self._link = link
        self._shelf = shelf
        self._fleet = Fleet(settings.beat_suspect_s, settings.beat_lost_s)
        self._gateway = secrets.token_hex(8)
        self.events = EventHub()
        self.lookout = self._make_lookout()
        self.desk = Desk(link, self._gateway, limits, self._fleet.paces, self.lookout.meter)
        probes = Probes(settings.probe_idle_s, settings.probe_busy_s, settings.probe_answer_s)
        self._probing = Probing(probes, self._fleet, self.desk, link, lambda: self.pack)

        def reload_engine() -> None:
            users.reload(engine)

        def greeted(node: str, new_process: bool) -> None:
            self.orders.calls.node_greets(node, new_process=new_process)

        self.nodes_office = NodesOffice(
            registry,
            self._fleet,
            link,
            reload_engine,
            self._node_removed,
            greeted,
            settings.beat_lost_s,
            lambda: self.events.notify("nodes"),
        )
        self.admission = Admission(
            settings,
            (settings.data / "identity" / "ca.pem").read_text(),
            registry,
            self._fleet,
            self.nodes_office,
            link,
            reload_engine,
            shelf.public_key,
        )
        seal = Seal(settings.data / "identity" / "references.key")
        self.office = PeopleOffice(registry, seal, shelf, self._gallery_changed)
        self._galleries = Galleries(
            settings.data / "master.db", settings.data / "gallery", self.office.threshold_at
        )
        self._readers = ThreadPoolExecutor(4, "gallery")
        self.audit = Audit(registry)
        self.logs = LogsOffice(link, settings.logs, settings.data)
        self.sign_ins = SignIns(registry, settings.session_s)
        among = Among(registry.path, shelf.pack, shelf.embedder, shelf.threshold, self.office.threshold_at)
        self.faces = FacesOffice(
            settings.data,
            registry,
            self.office,
            among,
            self.audit,
            changed=lambda: self.events.notify("faces"),
        )
        self.office.grew = self.faces.person_grew
        self.recent = Recent(settings.recent_pictures)
        self.desk.aside = self._set_aside
        self.keys = KeysOffice(
            registry, self.audit, revoked=self.recent.forget, changed=lambda: self.events.notify("keys")
        )
        self.orders = Orders(self.audit, self._fleet, link, self._post)
        self.enrolling = Enrolling(self.desk, self.office, registry, shelf)
        self._gallery_version = registry.gallery_version
        self._recorded_at = 0.0
        self._last_seen: dict[str, str] = {}
        self._unreadable: dict[str, float] = {}
        self._galleries_asked: Counter[str] = Counter()

        def keep_out(names: frozenset[str]) -> None:
            users.out = names
            users.reload(engine)

        bans = Bans(limits.flood.cut_off_s, limits.flood.longest_cut_off_s)
        self._cutoffs = Cutoffs(bans, keep_out, self._cut_off)
        self.nodes = NodeViews(
            registry, self._fleet, self.nodes_office, self.desk, self._cutoffs, self._last_seen
        )
        self._flood = Flood(limits.flood)
        self._door = Door(self._flood, contract.speaker, self._on_message, self._cutoffs.cut_off)
        for row in registry.nodes():
            self._fleet.register(row.name, state="lost", reason="not heard of since the master started")

    def _make_lookout(self) -> Lookout:
        def cut_off(name: str) -> str:
            ban = self._cutoffs.of(name)
            return ban.reason if ban else ""

        sources = Sources(
            registry=self._registry,
            fleet=self._fleet,
            desk=lambda: self.desk,
            engine=self.engine,
            link=self._link,
            data=self.settings.data,
            embedder=self._shelf.embedder,
            gallery_version=lambda: self._gallery_version,
            photos_to_embed=lambda: self._embed_again.waiting,
            cut_off=cut_off,
        )
        return Lookout(sources, self.limits.attention, self.pack, self.events)

    @classmethod
    @asynccontextmanager
    async def running(
        cls, settings: MasterSettings, limits: Limits, shelf: PackShelf
    ) -> AsyncIterator[Master]:
        """A running master; stopped on leaving.

        Raises:
            StartError: no or too old an engine, a taken port, an unusable data folder.
        """
        executable = find_engine()
        version = await asyncio.to_thread(engine_version, executable)
        check_port(settings.listen, settings.nats_port, "nodes", "--nats-port")
        registry = Registry(settings.data / "master.db")
        async with AsyncExitStack() as stack:
            stack.callback(registry.close)
            certificates = identity.make_certificates(settings.data / "identity", settings.advertise)
            key = identity.load_or_make_nkey(settings.data / "identity" / "master.nk")
            local = "127.0.0.1" if settings.listen in ("0.0.0.0", "::") else settings.listen
            engine_settings = EngineSettings(
                settings.listen, settings.nats_port, settings.data / "jetstream", certificates
            )
            users = EngineUsers(settings, engine_settings, registry)
            users.write()
            engine = Engine(executable, users.path, (local, settings.nats_port))
            await engine.start()
            stack.push_async_callback(engine.stop)
            log().info("engine started", executable=str(executable), version=".".join(map(str, version)))
            link = await MasterLink.connect(
                f"{local}:{settings.nats_port}", certificates.ca.read_text(), key.seed, "m1"
            )
            stack.push_async_callback(link.close)
            census = await CensusLink.connect(
                f"{local}:{settings.nats_port}", certificates.ca.read_text(), users.census_key.seed
            )
            stack.push_async_callback(census.close)
            await link.prepare(ack_wait_s=settings.ack_wait_s, max_waiting=limits.max_waiting)
            master = cls(settings, limits, registry, engine, users, link, shelf)
            await master.faces.start()
            stack.push_async_callback(master.faces.close)
            async with asyncio.TaskGroup() as group:
                await master._listen(group)
                tasks = [
                    group.create_task(engine.watch(), name="engine-watch"),
                    group.create_task(master._keep_time(), name="keep-time"),
                    group.create_task(master._rebalance(), name="rebalance"),
                    group.create_task(master._door.serve(), name="door"),
                    group.create_task(
                        master._cutoffs.watch(census, Census(limits.flood), users.name_of), name="census"
                    ),
                    group.create_task(master._embed_again.run(), name="embed-again"),
                    group.create_task(master.faces.run(), name="unknown-faces"),
                    group.create_task(master.logs.run(), name="logs"),
                ]
                try:
                    yield master
                finally:
                    await master.desk.close(patience_s=2.0)
                    master._record()
                    master._readers.shutdown(wait=False, cancel_futures=True)
                    for task in tasks:
                        task.cancel()

    async def _listen(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._registry.rename_embedders(LEGACY_KEYS)
        self._registry.serve_embedder(self._shelf.embedder)
        self._embed_again = EmbedAgain(
            self.office.records, self._shelf.embedder, self.enrolling.embed_portrait, self._gallery_changed
        )
        others = self._registry.photos_of_others(self._shelf.embedder) - self._embed_again.waiting
        if others:
            log().warning(
                "photos of another embedder, kept without portrait, are not compared; enrol them again, "
                "or go back to their pack",
                photos=others,
                pack=self.pack,
                embedder=self._shelf.embedder,
            )
        self._gallery_version = self._registry.gallery_version
        await self._link.subscribe(contract.NODES_SUBJECT, self._door.knock)
        await self._link.subscribe(contract.JOINS_SUBJECT, self._door.knock)

    # time

    async def _keep_time(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            if (gap_s := now - before - _TICK_S) > _STOOD_STILL_S:
                log().warning("this master stood still", seconds=round(gap_s, 1))
                self._fleet.slept(gap_s)
            before = now
            await self._changed(self._fleet.tick(now))
            await self._changed(await self._probing.look(now))
            if now - self._recorded_at > _RECORD_EVERY_S:
                self._record()
                self._recorded_at = now
                await self._tell_news()
            self.admission.expire()
            self.recent.tick()
            self._cutoffs.tick(now)
            self._flood.forget_idle(now)
            self.lookout.tick(now)

    def _record(self) -> None:
        counts, self.desk.by_node = self.desk.by_node, {}
        names = set(self._last_seen) | set(counts)
        if names:
            known = {row.name: row.last_seen for row in self._registry.nodes()}
            self._registry.seen_nodes(
                {
                    name: (self._last_seen.get(name, known[name]), *counts.get(name, (0, 0)))
                    for name in names
                    if name in known
                }
            )

    async def _rebalance(self) -> None:
        while True:
            await asyncio.sleep(_REBALANCE_S)
            await self.desk.rebalance(time.monotonic())

    async def _changed(self, changes: Iterable[Change]) -> None:
        for change in changes:
            log().info("node changed", node=change.name, old=change.old, new=change.new, reason=change.reason)
            self.lookout.node_changed(change.name, time.monotonic())
            if change.new in ("lost", "left"):
                self.orders.calls.node_gone(change.name, change.reason)
                await self.desk.node_gone(change.name)

    def _post(self, subject: str, data: bytes) -> None:
        self._group.create_task(self._link.publish(subject, data), name=f"post-{subject}")

    # nodes

    async def _on_message(self, message: Incoming) -> None:
        if message.subject.startswith(contract.NODES_SUBJECT.removesuffix(">")):
            await self._on_node(message)
        else:
            await self.admission.on_join(message)

    def _cut_off(self, name: str) -> None:
        self.events.notify("nodes")
        self.orders.calls.node_gone(name, "cut off")
        self._group.create_task(self.desk.node_gone(name), name=f"cut-off-{name}")

    async def _on_node(self, message: Incoming) -> None:
        node, verb = contract.parse_node_subject(message.subject)
        now = time.monotonic()
        try:
            if not self.nodes_office.admits(node, verb):
                if verb == "claim":
                    await self.desk.turn_away(Claim.model_validate_json(message.data))
                return
            match verb:
                case "hello":
                    hello = Hello.model_validate_json(message.data)
                    self._group.create_task(
                        self.nodes_office.hello(node, hello, message.reply), name=f"hello-{node}"
                    )
                case "claim":
                    claim = Claim.model_validate_json(message.data)
                    await self._changed(await self._probing.asked(node, now))
                    if self._probing.is_probe(node, claim.task_id):
                        await self._probing.on_claim(message)
                    elif self._probing.refuses(node) and not claim.offset:
                        await self._probing.refuse(claim, message.reply)
                    elif not claim.offset and self.desk.held.get(node, 0) >= self._most_held(node):
                        await self.desk.turn_away(claim)
                        held = self.desk.held[node]
                        raise TaskLost(f"this node holds {held} pictures, more than it can work on")
                    else:
                        await self.desk.on_claim(node, claim, message, now)
                case "result":
                    if self._probing.is_probe(node, message.headers.get(contract.HEADER_TASK, "")):
                        await self._changed(await self._probing.on_result(node, message, now))
                    elif await self.desk.on_result(node, message):
                        await self._changed(await self._probing.answered(node, now))
                case "beat":
                    said = plain_beat(Beat.model_validate_json(message.data))
                    if (beat := await self.nodes_office.beat(node, said, now)) is None:
                        return
                    self._last_seen[node] = now_iso()
                    self.lookout.heard(node, beat, now)
                    if change := self._fleet.heard(node, beat, now):
                        await self._changed([change])
                    await self.desk.on_beat(node, beat.holding, now)
                case "gallery":
                    asked = GalleryQuery.model_validate_json(message.data)
                    if self._galleries_asked[node] >= _MOST_GALLERIES:
                        raise Unavailable(f"this node waits for {_MOST_GALLERIES} galleries already")
                    self._galleries_asked[node] += 1
                    task = self._group.create_task(
                        self._send_gallery(asked, message.reply), name=f"gallery-{node}"
                    )
                    task.add_done_callback(lambda _: self._galleries_asked.subtract((node,)))
                case "pack":
                    query = PackQuery.model_validate_json(message.data)
                    chunk, size, headers = await asyncio.to_thread(
                        self._shelf.read, query.sha256, query.offset
                    )
                    await self._link.reply_chunk(message.reply, chunk, size, headers)
                case "log":
                    self.logs.heard(node, message)
                case "take" | "answer":
                    await self.orders.heard(node, verb, message)
                case "leave":
                    farewell = Farewell.model_validate_json(message.data)
                    if self.nodes_office.farewell(node, farewell) and (
                        change := self._fleet.left(node, plain(farewell.reason))
                    ):
                        await self._changed([change])
                    if message.reply:
                        await self._link.reply_empty(message.reply)
        except (ValidationError, ValueError) as error:
            if now - self._unreadable.get(node, -_UNREADABLE_S) >= _UNREADABLE_S:
                self._unreadable[node] = now
                log().warning("a node said what cannot be read", node=node, verb=verb, error=str(error)[:200])
        except ManyeyesError as error:
            if message.reply:
                await self._link.reply_error(message.reply, error)

    def _most_held(self, node: str) -> int:
        view = self._fleet.nodes.get(node)
        return most_held(len(view.beat.workers) if view and view.beat else 0)

    async def _send_gallery(self, query: GalleryQuery, reply: str) -> None:
        try:
            loop = asyncio.get_running_loop()
            piece = await loop.run_in_executor(
                self._readers, self._galleries.piece, query, self._shelf.embedder
            )
        except Unavailable as error:
            await self._link.reply_error(reply, error)
            return
        except (OSError, sqlite3.Error) as error:
            log().error("the gallery cannot be sent", error=str(error))
            await self._link.reply_error(reply, Unavailable(f"the master cannot read its people: {error}"))
            return
        headers = {
            contract.HEADER_VERSION: str(piece.newest),
            contract.HEADER_CONTENT: piece.content,
            contract.HEADER_OFFSET: str(piece.offset),
        }
        await self._link.reply_chunk(reply, piece.chunk, piece.size_bytes, headers)

    async def _node_removed(self, name: str) -> None:
        self._last_seen.pop(name, None)
        self.orders.calls.node_gone(name, "it was removed")
        self._cutoffs.forget(name)
        self.lookout.node_removed(name)
        self.logs.forget(name)
        await self.desk.node_gone(name)
        self.desk.by_node.pop(name, None)

    async def remove_node(self, name: str) -> None:
        """Cut a node off for ever; raises NodeNotFound."""
        self._record()
        await self.nodes_office.remove(name)

    # pictures and people

    @property
    def pack(self) -> str:
        """The pack in use, as `faces@1.0.0`."""
        return self._shelf.pack

    async def recognize(
        self, data: bytes, *, draw: bool, key: str | None, way: Way | None = None
    ) -> Answered:
        """Have a picture recognised; see `Desk.submit`. The result names the trace that it was worked on in."""
        began_s, listed = time.monotonic(), self.recent.wants()
        answered = await self.desk.submit(
            data,
            operation="recognize",
            pack=self.pack,
            gallery_version=self._gallery_version,
            draw=draw,
            key=key,
            keep_unknown=self.faces.wanted,
            thumbnail=listed and draw,
            way=way,
        )
        outcome = self.office.sealed(answered.outcome)
        if listed and outcome.result is not None:
            who = way.asker.name if way else ""
            self.recent.add(outcome.task_id, outcome.result, who, (time.monotonic() - began_s) * 1000)
        return replace(answered, outcome=outcome)

    def _set_aside(self, outcome: Outcome) -> None:
        self.recent.thumbnail(outcome)
        self.faces.offer(outcome)

    def people(self) -> list[Person]:
        """Everybody enrolled."""
        return self._registry.people()

    def person(self, name: str) -> Person:
        """One person; raises PersonNotFound."""
        return self._registry.person(name)

    async def rename_person(self, name: str, new: str) -> Person:
        """Rename; raises PersonNotFound, PersonExists."""
        person = self._registry.rename_person(name, new)
        await self._gallery_changed()
        return person

    async def remove_person(self, name: str) -> None:
        """Forget a person; raises PersonNotFound."""
        self._registry.remove_person(name)
        await self._gallery_changed()

    async def _gallery_changed(self) -> None:
        self._gallery_version = self._registry.gallery_version
        self.events.notify("people")
        await self._tell_news()

    async def _tell_news(self) -> None:
        news = News(gallery_version=self._gallery_version, pack=self._shelf.manifest_sha256)
        await self._link.publish(contract.NEWS_SUBJECT, news.wire())

    # views

    @property
    def ca_pem(self) -> str:
        """The certificate of this master's CA."""
        return self.admission.ca_pem

    def role_of(self, credential: str) -> str | None:
        """The role of an API key or a session, None where it is unknown."""
        caller = self.sign_ins.caller(credential)
        return caller.role if caller else None

    def key_name(self, credential: str) -> str:
        """The name of an API key, or of the key that a session came from, for the audit log."""
        caller = self.sign_ins.caller(credential)
        return caller.name if caller else ""

    @property
    def ready(self) -> bool:
        """Whether a picture sent now would be worked on."""
        return self._link.connected and self._fleet.workers > 0

    def status(self, version: str) -> dict[str, Any]:
        """The whole in a few figures."""
        return {
            "version": version,
            "uptime_s": round(time.monotonic() - self.started_at, 1),
            "nodes": self._fleet.counts(),
            "workers": self._fleet.workers,
            "tasks": {
                "waiting": self.desk.waiting,
                "running": self.desk.running,
                "done": self.desk.done,
                "failed": self.desk.failed,
            },
            "people": self._registry.people_count,
            "photos_to_embed": self._embed_again.waiting,
            "pack": self.pack,
        }

    def make_local_key(self, name: str, role: str) -> str:
        """A new API key; raises Unavailable never, keeps its hash only."""
        key = identity.make_api_key()
        self._registry.add_api_key(identity.hash_api_key(key), name, role)
        return key

    async def check_engine(self) -> None:
        """Wait until the engine failed for good.

        Raises:
            Unavailable: always, with the engine's last words.
        """
        await self.engine.failed.wait()
        raise Unavailable(f"nats-server keeps ending; its last words: {self.engine.last_words()}")
