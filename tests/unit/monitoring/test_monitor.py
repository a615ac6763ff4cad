"""The monitor over made sources: workers that were replaced, what is told of a disk, cheap counting of the gallery."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from manyeyes.config import AlertLimits
from manyeyes.contract import Heartbeat, HostFacts, WorkerReport
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import Busy, DamagedPicture, ManyeyesError, NoFaceFound, TooManyBytes
from manyeyes.faces.gallery_version import GalleryVersion
from manyeyes.fleet.node_state import Fleet
from manyeyes.monitoring.change_events import KINDS, EventHub
from manyeyes.monitoring.engine_check import EngineCheck
from manyeyes.monitoring.gallery_counts import GalleryCounts
from manyeyes.monitoring.metrics import Metrics
from manyeyes.monitoring.monitor import Monitor
from manyeyes.monitoring.recorder import PictureRecorder
from manyeyes.monitoring.sources import Sources
from manyeyes.monitoring.time_series import Series
from manyeyes.own_certificate import OwnCertificate
from manyeyes.store.gallery import GallerySize
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")


def heartbeat(session: str, *restarts: int, pack: str = "p@1", **more: Any) -> Heartbeat:
    workers = tuple(
        WorkerReport(index=index, state="idle", restarts=count) for index, count in enumerate(restarts)
    )
    return Heartbeat(state="ready", session=session, workers=workers, pack=pack, host=HOST, **more)


def monitor(
    store: Store, folder: Path, hub: EventHub | None = None, own: OwnCertificate | None = None
) -> tuple[Monitor, Fleet]:
    fleet, hub = Fleet(4, 7), hub or EventHub()
    dispatcher = SimpleNamespace(
        waiting=0,
        running=0,
        held_bytes=0,
        closing=False,
        oldest_waiting_s=lambda now: 0.0,
        statistics=SimpleNamespace(done=0),
    )
    sources = Sources(
        fleet=fleet,
        dispatcher=cast(Any, dispatcher),
        link=cast(Any, SimpleNamespace(connected=True, received_bytes=0, sent_bytes=0)),
        enforcer=cast(Any, SimpleNamespace(of=lambda name: None)),
        gallery=GalleryCounts(store.gallery, GalleryVersion(store.gallery), "e"),
        embed_again=cast(Any, SimpleNamespace(waiting=0)),
        data=folder,
        own_certificate=own,
    )
    recorder = PictureRecorder(Metrics({"version": "0", "pack": "p@1"}), Series(0.0), hub)
    engine = EngineCheck(cast(Any, SimpleNamespace(pid=1)), sources.link)
    return Monitor(sources, engine, recorder, AlertLimits(), hub, "p@1"), fleet


def restarts(looking: Monitor) -> float:
    (line,) = [
        line
        for line in looking.exposition().decode().splitlines()
        if line.startswith("manyeyes_worker_restarts_total ")
    ]
    return float(line.split()[1])


def test_replaced_workers_are_counted_once_over_restarts_of_seats_and_agents(
    store: Store, tmp_path: Path
) -> None:
    looking, *_ = monitor(store, tmp_path)
    looking.heard("a", heartbeat("1", 5, 2), 0.0)
    assert restarts(looking) == 0, "what was before this master started is not its own"
    looking.heard("a", heartbeat("1", 5, 3), 1.0)
    looking.heard("a", heartbeat("1", 5, 3), 2.0)
    assert restarts(looking) == 1
    looking.heard("a", heartbeat("1", 0, 0), 3.0)
    assert restarts(looking) == 1, "the seats were filled anew"
    looking.heard("a", heartbeat("1", 1, 0), 4.0)
    looking.heard("a", heartbeat("2", 2), 5.0)
    assert restarts(looking) == 4
    looking.heard("a", heartbeat("2", 10**18), 6.0)
    assert restarts(looking) <= 4 + 1000, "a node cannot make it absurd"


def test_a_nodes_disk_and_pack_need_a_person_while_it_is_there(store: Store, tmp_path: Path) -> None:
    looking, fleet = monitor(store, tmp_path)
    told = heartbeat("1", 0, disk_free_bytes=1, disk_bytes=10**12, pack_failures=3)
    fleet.heard("a", replace_state(told, "provisioning"), 0.0)
    looking.tick(10.0)
    assert {(one["kind"], one["node"]) for one in looking.alerts()} >= {("disk-full", "a"), ("pack", "a")}
    fleet.left("a")
    looking.tick(20.0)
    assert [one for one in looking.alerts() if one["node"] == "a"] == []


def replace_state(told: Heartbeat, state: str) -> Heartbeat:
    return told.model_copy(update={"state": state})


def test_another_pack_on_a_node_and_new_attention_are_told(store: Store, tmp_path: Path) -> None:
    hub = EventHub()
    looking, _ = monitor(store, tmp_path, hub)
    with hub.listening() as listener:
        assert listener.take_due(0.0) == list(KINDS)
        looking.heard("a", heartbeat("1", 0), 1.0)
        assert listener.take_due(1.0) == ["packs"]
        looking.heard("a", heartbeat("1", 0), 2.0)
        assert listener.take_due(2.0) == []
        looking.heard("a", heartbeat("1", 0, pack="p@2"), 3.0)
        assert listener.take_due(3.0) == ["packs"]
        looking.tick(10.0)
        assert listener.take_due(10.0) == ["alerts"]
        looking.tick(20.0)
        assert listener.take_due(20.0) == []


def test_the_gallery_is_counted_when_it_changed(store: Store) -> None:
    version = GalleryVersion(store.gallery)
    counts = GalleryCounts(store.gallery, version, "e")
    store.photos.enrol("Ada", "e", [Photo("1", bytes(8)), Photo("2", bytes(8))])
    store.photos.enrol("Ada", "another", [Photo("3", bytes(8))])
    assert counts.read() == GallerySize(people=1, photos=2)
    store.photos.enrol("Bob", "e", [Photo("4", bytes(8))])
    assert counts.read() == GallerySize(people=1, photos=2)
    version.refresh()
    assert counts.read() == GallerySize(people=2, photos=3)


def test_a_removed_node_leaves_nothing(store: Store, tmp_path: Path) -> None:
    looking, *_ = monitor(store, tmp_path)
    looking.heard("a", heartbeat("1", 0), 0.0)
    looking.recorder.series.ended("a", True, 1.0)
    looking.node_changed("a", 1.0)
    looking.node_removed("a")
    assert not looking._news._heard and not looking._alerts._since and not looking.recorder.series._nodes


def test_what_cannot_be_looked_at_does_not_stop_the_clock(store: Store, tmp_path: Path) -> None:
    looking, *_ = monitor(store, tmp_path / "gone")
    looking._sources.gallery._gallery = cast(Any, SimpleNamespace(size=_fails))
    looking.tick(10.0)
    assert "disk-full" in {one["kind"] for one in looking.alerts()}


def _fails(*_: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def test_a_nodes_load_is_recorded_from_its_heartbeats(store: Store, tmp_path: Path) -> None:
    looking, _ = monitor(store, tmp_path)
    told = heartbeat("1", 0)
    busy = HOST.model_copy(update={"cpu_share": 0.5, "memory_bytes": 8, "memory_used_bytes": 2})
    looking.heard("a", told.model_copy(update={"host": busy}), 1.0)
    looking.heard("b", told, 1.0)  # of before: it tells nothing
    series = looking.recorder.series
    assert (series.node("a", 10.0).cpu_share, series.node("a", 10.0).memory_share) == ([0.5], [0.25])
    assert (series.node("b", 10.0).cpu_share, series.node("b", 10.0).memory_share) == ([None], [None])


def test_what_was_refused_as_it_is_has_failed_and_what_may_come_again_has_not(
    store: Store, tmp_path: Path
) -> None:
    looking, _ = monitor(store, tmp_path)
    recorder = looking.recorder
    for error in (
        DamagedPicture("half of it"),
        DamagedPicture("half of it"),
        TooManyBytes("60 MB"),
        Busy("full"),
    ):
        with suppress(ManyeyesError), recorder.refusals():
            raise error
    trace = PictureTrace(0.0)
    recorder.answered("enrol", "a", NoFaceFound("none"), None, trace, 1.0)
    recorder.answered("recognize", "a", None, None, trace, 2.0)
    assert looking.failures() == {"damaged-picture": 2, "too-many-bytes": 1, "no-face": 1}
    assert looking.status()["tasks"]["failed"] == 4


def test_an_own_certificate_is_watched_from_the_start(store: Store, tmp_path: Path) -> None:
    ends = SimpleNamespace(expires_at=datetime.now(UTC) + timedelta(days=3, hours=1))
    own = SimpleNamespace(path=tmp_path / "own.pem", trouble="", loaded=ends)
    looking, *_ = monitor(store, tmp_path, own=cast(Any, own))
    looking.tick(10.0)
    (said,) = [one["sentence"] for one in looking.alerts() if one["kind"] == "certificate-ends"]
    assert said == f"the certificate in {own.path} expires in 3 d"
