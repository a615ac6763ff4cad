"""The master: feeds what happens to the pure rooms and carries their instructions out."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from manyeyes import contract, identity
from manyeyes.access.api_keys import ApiKeyService
from manyeyes.access.audit import Audit
from manyeyes.access.sessions import Sessions
from manyeyes.broker.engine import Engine, check_port, engine_version, find_engine
from manyeyes.broker.masterlink import ConnectionUsageLink, MasterLink
from manyeyes.broker.topology import EngineSettings
from manyeyes.config import Limits, MasterSettings
from manyeyes.contract import PICTURE, StateBroadcast
from manyeyes.dispatch.dispatcher import Dispatcher, Order
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import ManyeyesError, Unavailable
from manyeyes.face_results import GALLERY, THUMBNAIL, UNKNOWN, FaceOutcome
from manyeyes.faces.enrolment import Enrolling
from manyeyes.faces.gallery_sync import Galleries
from manyeyes.faces.outcome_reader import FaceReader
from manyeyes.faces.people import PeopleService
from manyeyes.faces.reembedding import EmbedAgain
from manyeyes.faces.references import FaceReferences
from manyeyes.faces.unknown_faces import Among
from manyeyes.faces.unknown_service import UnknownFacesService
from manyeyes.fleet.admission import Admission, EngineUsers
from manyeyes.fleet.bans import BanEnforcer
from manyeyes.fleet.commands import Orders
from manyeyes.fleet.node_service import NodeService
from manyeyes.fleet.node_state import Change, Fleet
from manyeyes.fleet.node_views import NodeViews
from manyeyes.fleet.probes import Probes
from manyeyes.fleet.probing import Probing
from manyeyes.fleet.rate_limits import Bans, ConnectionUsage, RateLimiter
from manyeyes.master.message_inbox import MessageInbox
from manyeyes.master.node_messages import NodeMessages
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.logs.service import LogService
from manyeyes.monitoring.monitor import Monitor, Sources
from manyeyes.monitoring.recent_pictures import Recent
from manyeyes.packs.embedders import LEGACY_KEYS
from manyeyes.packs.served import ServedPack
from manyeyes.results import Result
from manyeyes.store.people import Person
from manyeyes.store.repositories import Store
from manyeyes.telemetry import log

_TICK_S = 0.5
_REBALANCE_S = 0.1
_STOOD_STILL_S = 1.0
"""A tick that comes so much too late says that the process was frozen, not that the nodes were silent."""
_RECORD_EVERY_S = 10.0
_BROADCAST_EVERY_S = 1.0
_SILENT_S = 2.0
"""A node that was not heard for longer than between two heartbeats may be gone."""


@dataclass(frozen=True)
class Recognised:
    """A picture's end as its sender gets it."""

    result: Result
    result_json: bytes
    picture: bytes
    """The predicted picture; empty where none was asked for."""
    trace_id: str
    """The trace that it was worked on in: an earlier one's where the picture came again under one key."""


class Master:
    """One master: engine, store, fleet, dispatcher. Made by `Master.running`."""

    def __init__(
        self,
        settings: MasterSettings,
        limits: Limits,
        store: Store,
        engine: Engine,
        users: EngineUsers,
        link: MasterLink,
        gateway: str,
        served: ServedPack,
        group: asyncio.TaskGroup,
    ) -> None:
        self.settings = settings
        self.limits = limits
        self.started_at = time.monotonic()
        self.engine = engine
        self._store = store
        self._link = link
        self._served = served
        self._fleet = Fleet(settings.heartbeat_suspect_s, settings.heartbeat_lost_s)
        self._gateway = gateway
        self._group = group
        self.events = EventHub()
        self.monitor = self._make_monitor()
        self.dispatcher = Dispatcher(
            link, gateway, limits, self._fleet.paces, FaceReader(), self.monitor.recorder, self._spawn
        )
        probes = Probes(settings.probe_idle_s, settings.probe_busy_s, settings.probe_answer_s)
        self._probing = Probing(probes, self._fleet, self.dispatcher, link, self._changed, lambda: self.pack)
        self.dispatcher.on_answer = self._probing.answered

        def reload_engine() -> None:
            users.reload(engine)

        def greeted(node: str, new_process: bool) -> None:
            self.orders.calls.node_greets(node, new_process=new_process)

        self.node_service = NodeService(
            store.nodes,
            self._fleet,
            link,
            gateway,
            reload_engine,
            self._node_removed,
            greeted,
            settings.heartbeat_lost_s,
            lambda: self.events.notify("nodes"),
        )
        self.admission = Admission(
            settings,
            (settings.data / "identity" / "ca.pem").read_text(),
            store.nodes,
            store.credentials,
            self._fleet,
            self.node_service,
            link,
            reload_engine,
            served.public_key,
        )
        references = FaceReferences(settings.data / "identity" / "references.key")
        self.people_service = PeopleService(
            store.people,
            store.photos,
            store.feedback,
            store.gallery,
            store.settings,
            references,
            served,
            self._gallery_changed,
        )
        self._galleries = Galleries(
            store.gallery.reader, settings.data / "gallery", self.people_service.threshold_at
        )
        self.audit = Audit(store.audit)
        self.logs = LogService(link, settings.logs, settings.data)
        self.sessions = Sessions(store.credentials, store.sessions, settings.session_s)
        among = Among(
            store.gallery.reader,
            served.pack,
            served.embedder,
            served.threshold,
            self.people_service.threshold_at,
        )
        self.faces = UnknownFacesService(
            settings.data,
            store.settings,
            store.photos,
            store.gallery,
            self.people_service,
            among,
            self.audit,
            changed=lambda: self.events.notify("faces"),
        )
        self.people_service.grew = self.faces.person_grew
        self.recent = Recent(settings.recent_pictures)
        self.keys = ApiKeyService(
            store.credentials,
            self.audit,
            revoked=self.recent.forget,
            changed=lambda: self.events.notify("keys"),
        )
        self.orders = Orders(self.audit, self._fleet, link, gateway)
        self.enrolling = Enrolling(self.dispatcher, self.people_service, store.gallery, served)
        self._gallery_version = store.gallery.version
        self._recorded_at = 0.0
        self._last_seen: dict[str, str] = {}
        self._broadcast_at = 0.0

        def keep_out(names: frozenset[str]) -> None:
            users.out = names
            users.reload(engine)

        bans = Bans(limits.rates.ban_s, limits.rates.longest_ban_s)
        self._enforcer = BanEnforcer(bans, keep_out, self._cut_off)
        self.nodes = NodeViews(
            store.nodes, self._fleet, self.node_service, self.dispatcher, self._enforcer, self._last_seen
        )
        self._rates = RateLimiter(limits.rates)
        self._messages = NodeMessages(
            link,
            gateway,
            self.node_service,
            self.admission,
            self._fleet,
            self.dispatcher,
            self.orders,
            self.logs,
            self.monitor,
            served,
            self._galleries,
            self._spawn,
            self._changed,
            self._last_seen,
        )
        self._inbox = MessageInbox(
            self._rates, contract.speaker, self._messages.on_message, self._enforcer.cut_off
        )
        for row in store.nodes.all():
            self._fleet.register(row.name, state="lost", reason="not heard of since the master started")

    def _make_monitor(self) -> Monitor:
        def cut_off(name: str) -> str:
            ban = self._enforcer.of(name)
            return ban.reason if ban else ""

        sources = Sources(
            gallery=self._store.gallery,
            fleet=self._fleet,
            dispatcher=lambda: self.dispatcher,
            engine=self.engine,
            link=self._link,
            data=self.settings.data,
            embedder=self._served.embedder,
            gallery_version=lambda: self._gallery_version,
            photos_to_embed=lambda: self._embed_again.waiting,
            cut_off=cut_off,
        )
        return Monitor(sources, self.limits.alerts, self.pack, self.events)

    @classmethod
    @asynccontextmanager
    async def running(
        cls, settings: MasterSettings, limits: Limits, served: ServedPack
    ) -> AsyncIterator[Master]:
        """A running master; stopped on leaving.

        Raises:
            StartError: no or too old an engine, a taken port, an unusable data folder.
        """
        executable = find_engine()
        version = await asyncio.to_thread(engine_version, executable)
        check_port(settings.listen, settings.nats_port, "nodes", "--nats-port")
        store = Store.open(settings.data / "master.db")
        async with AsyncExitStack() as stack:
            stack.callback(store.close)
            certificates = identity.make_certificates(settings.data / "identity", settings.advertise)
            key = identity.load_or_make_nkey(settings.data / "identity" / "master.nk")
            local = "127.0.0.1" if settings.listen in ("0.0.0.0", "::") else settings.listen
            engine_settings = EngineSettings(
                settings.listen, settings.nats_port, settings.data / "jetstream", certificates
            )
            users = EngineUsers(settings, engine_settings, store.nodes, store.credentials)
            users.write()
            engine = Engine(executable, users.path, (local, settings.nats_port))
            await engine.start()
            stack.push_async_callback(engine.stop)
            log().info("engine started", executable=str(executable), version=".".join(map(str, version)))
            gateway = secrets.token_hex(8)
            masters: list[Master] = []

            async def engine_lost() -> None:
                for master in masters:
                    master.dispatcher.engine_lost()

            link = await MasterLink.connect(
                f"{local}:{settings.nats_port}", certificates.ca.read_text(), key.seed, gateway, engine_lost
            )
            stack.push_async_callback(link.close)
            usage = await ConnectionUsageLink.connect(
                f"{local}:{settings.nats_port}", certificates.ca.read_text(), users.usage_key.seed
            )
            stack.push_async_callback(usage.close)
            await link.remove_old_stream()
            async with asyncio.TaskGroup() as group:
                master = cls(settings, limits, store, engine, users, link, gateway, served, group)
                masters.append(master)
                await master.faces.start()
                stack.push_async_callback(master.faces.close)
                await master._listen()
                tasks = [
                    group.create_task(engine.watch(), name="engine-watch"),
                    group.create_task(master._keep_time(), name="keep-time"),
                    group.create_task(master._rebalance(), name="rebalance"),
                    group.create_task(master._inbox.serve(), name="inbox"),
                    group.create_task(
                        master._enforcer.watch(usage, ConnectionUsage(limits.rates), users.name_of),
                        name="usage",
                    ),
                    group.create_task(master._embed_again.run(), name="embed-again"),
                    group.create_task(master.faces.run(), name="unknown-faces"),
                    group.create_task(master.logs.run(), name="logs"),
                ]
                try:
                    yield master
                finally:
                    await master.dispatcher.close(patience_s=2.0)
                    master._record()
                    master._messages.close()
                    for task in tasks:
                        task.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Do what one node asked for: whatever fails there must not end the master."""

        async def contained() -> None:
            try:
                await work
            except Exception:
                log().exception("work for a node failed", work=name)

        return self._group.create_task(contained(), name=name)

    async def _listen(self) -> None:
        self._store.photos.rename_embedders(LEGACY_KEYS)
        self._store.gallery.serve_embedder(self._served.embedder)
        self._embed_again = EmbedAgain(
            self._store.photos,
            self._served.embedder,
            self.enrolling.embed_portrait,
            self._gallery_changed,
        )
        others = self._store.gallery.photos_of_others(self._served.embedder) - self._embed_again.waiting
        if others:
            log().warning(
                "photos of another embedder, kept without portrait, are not compared; enrol them again, "
                "or go back to their pack",
                photos=others,
                pack=self.pack,
                embedder=self._served.embedder,
            )
        self._gallery_version = self._store.gallery.version
        receive, masters = self._inbox.receive, "masters"
        await self._link.listen_for_absent(self.dispatcher.on_absent)
        await self._link.receive(contract.gateway_subjects(self._gateway), receive)
        await self._link.receive(contract.gateway_subjects(contract.ALL), receive)
        await self._link.receive(contract.gateway_subjects(contract.ANY), receive, queue=masters)
        await self._link.receive(contract.OLD_HELLO_SUBJECT, receive, queue=masters)
        await self._link.receive(contract.JOINS_SUBJECT, receive, queue=masters)
        self._broadcast()

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
            for change in self._fleet.tick(now):
                self._changed(change)
            for name in self._fleet.silent(now, _SILENT_S):
                self.dispatcher.look_for(name)
            self._probing.look(now)
            if now - self._broadcast_at >= _BROADCAST_EVERY_S:
                self._broadcast()
            if now - self._recorded_at > _RECORD_EVERY_S:
                self._record()
                self._recorded_at = now
            self.admission.expire()
            self.recent.tick()
            self._enforcer.tick(now)
            self._rates.forget_idle(now)
            self.monitor.tick(now)

    def _record(self) -> None:
        counts, self.dispatcher.by_node = self.dispatcher.by_node, {}
        names = set(self._last_seen) | set(counts)
        if names:
            known = {row.name: row.last_seen for row in self._store.nodes.all()}
            self._store.nodes.record_seen(
                {
                    name: (self._last_seen.get(name, known[name]), *counts.get(name, (0, 0)))
                    for name in names
                    if name in known
                }
            )

    async def _rebalance(self) -> None:
        while True:
            await asyncio.sleep(_REBALANCE_S)
            self.dispatcher.rebalance(time.monotonic())

    def _changed(self, change: Change) -> None:
        log().info("node changed", node=change.name, old=change.old, new=change.new, reason=change.reason)
        self.monitor.node_changed(change.name, time.monotonic())
        if change.new == "suspect":
            self.dispatcher.node_unresponsive(change.name)
        if change.new in ("lost", "left"):
            self.orders.calls.node_gone(change.name, change.reason)
            self.dispatcher.node_gone(change.name)

    # nodes

    def _cut_off(self, name: str) -> None:
        self.events.notify("nodes")
        self.orders.calls.node_gone(name, "cut off")
        self.dispatcher.node_gone(name)

    def _node_removed(self, name: str) -> None:
        self._last_seen.pop(name, None)
        self.orders.calls.node_gone(name, "it was removed")
        self._enforcer.forget(name)
        self.monitor.node_removed(name)
        self.logs.forget(name)
        self._probing.forget(name)
        self.dispatcher.forget(name)

    async def remove_node(self, name: str) -> None:
        """Cut a node off for ever; raises NodeNotFound."""
        self._record()
        await self.node_service.remove(name)

    # pictures and people

    @property
    def pack(self) -> str:
        """The pack in use, as `faces@1.0.0`."""
        return self._served.pack

    async def recognize(
        self, data: bytes, *, draw: bool, key: str | None, trace: PictureTrace | None = None
    ) -> Recognised:
        """Have a picture recognised; see `Dispatcher.submit`. The result names the trace that it was worked on in.

        Raises:
            ManyeyesError: the picture's own error, or this master's.
        """
        began_s, listed = time.monotonic(), self.recent.wants()
        trace = trace or PictureTrace(began_s)
        wants = [name for name, wanted in ((PICTURE, draw), (UNKNOWN, self.faces.wanted)) if wanted]
        if listed and draw:
            wants.append(THUMBNAIL)
        order = Order(
            kind="recognize", pack=self.pack, wants=tuple(wants), state={GALLERY: self._gallery_version}
        )
        answered = await self.dispatcher.submit(data, order, key=key, trace=trace)
        outcome: FaceOutcome = answered.content
        if outcome.result is None:
            raise ManyeyesError("the node's answer holds no result; its pack may be for something else")
        if not trace.answered_as:
            self.recent.thumbnail(outcome)
            self.faces.offer(outcome)
        result = self.people_service.sealed(outcome)
        if (result.task_id, result.trace_id) != (answered.task_id, answered.trace_id):
            result = result.model_copy(update={"task_id": answered.task_id, "trace_id": answered.trace_id})
        trace.faces, trace.media_type = len(result.faces), result.media_type
        if listed:
            self.recent.add(answered.task_id, result, trace.sender.name, (time.monotonic() - began_s) * 1000)
        unchanged = result is outcome.result
        result_json = outcome.result_json if unchanged else result.model_dump_json().encode()
        return Recognised(result, result_json, outcome.picture, answered.trace_id)

    def people(self) -> list[Person]:
        """Everybody enrolled."""
        return self._store.people.all()

    def person(self, name: str) -> Person:
        """One person; raises PersonNotFound."""
        return self._store.people.person(name)

    async def rename_person(self, name: str, new: str) -> Person:
        """Rename; raises PersonNotFound, PersonExists."""
        person = self._store.people.rename(name, new)
        await self._gallery_changed()
        return person

    async def remove_person(self, name: str) -> None:
        """Forget a person; raises PersonNotFound."""
        self._store.people.remove(name)
        await self._gallery_changed()

    async def _gallery_changed(self) -> None:
        self._gallery_version = self._store.gallery.version
        self.events.notify("people")
        self._broadcast()

    def _broadcast(self) -> None:
        """Tell all nodes that this gateway is here, and what is newest."""
        self._broadcast_at = time.monotonic()
        state = StateBroadcast(
            gateway=self._gateway,
            sent_s=self._broadcast_at,
            gallery_version=self._gallery_version,
            pack=self._served.manifest_sha256,
        )
        self._link.send(contract.STATE_SUBJECT, state.wire())

    # views

    @property
    def ca_pem(self) -> str:
        """The certificate of this master's CA."""
        return self.admission.ca_pem

    def role_of(self, credential: str) -> str | None:
        """The role of an API key or a session, None where it is unknown."""
        caller = self.sessions.caller(credential)
        return caller.role if caller else None

    def key_name(self, credential: str) -> str:
        """The name of an API key, or of the key that a session came from, for the audit log."""
        caller = self.sessions.caller(credential)
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
                "waiting": self.dispatcher.waiting,
                "running": self.dispatcher.running,
                "done": self.dispatcher.done,
                "failed": self.dispatcher.failed,
            },
            "people": self._store.people.count,
            "photos_to_embed": self._embed_again.waiting,
            "pack": self.pack,
        }

    def make_local_key(self, name: str, role: str) -> str:
        """A new API key; raises Unavailable never, keeps its hash only."""
        key = identity.make_api_key()
        self._store.credentials.add_api_key(identity.hash_api_key(key), name, role)
        return key

    async def check_engine(self) -> None:
        """Wait until the engine failed for good.

        Raises:
            Unavailable: always, with the engine's last words.
        """
        await self.engine.failed.wait()
        raise Unavailable(f"nats-server keeps ending; its last words: {self.engine.last_words()}")
