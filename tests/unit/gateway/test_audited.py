"""Every call that changes something has its entry in the audit log, which names nobody by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from tests.unit.faces.unknown_faces import Scene, at, jpeg, outcome
from tests.unit.gateway.fake_master import FakeMaster, fake_master

from manyeyes.access.api_keys import ApiKeyService
from manyeyes.config import MasterSettings
from manyeyes.contract import HostFacts
from manyeyes.dispatch.order import Answered
from manyeyes.face_results import Enrolled, FaceOutcome
from manyeyes.faces.enrolment import Enrolling
from manyeyes.faces.merging import Merging
from manyeyes.faces.new_faces import NewFace
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.fleet import node_service
from manyeyes.fleet.admission import Admission
from manyeyes.fleet.commands import Commands
from manyeyes.fleet.node_events import NodeEvents
from manyeyes.fleet.node_service import NodeService
from manyeyes.fleet.node_state import Fleet
from manyeyes.gateway.app import Gateway, make_app
from manyeyes.gateway.audited import AUDITED, NOT_AUDITED
from manyeyes.identity import hash_api_key, make_certificates
from manyeyes.monitoring.change_events import EventHub

BOSS = "mek_boss"
HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")
PATHS = Gateway().openapi()["paths"]
CHANGING = {
    f"{method.upper()} {path}" for path, calls in PATHS.items() for method in calls if method != "get"
}


def new_face(name: str, *places: float) -> NewFace:
    enrolled = Enrolled(embedding=at(*places), embedder="dlib-1", box_xyxy_px=(0, 0, 9, 9))
    return NewFace(f"{name}-secret.jpg", f"{name}{places}".encode(), enrolled, b"")


class _Dispatcher:
    async def submit(self, data: bytes, *_: Any, **__: Any) -> Answered:
        return Answered(FaceOutcome("t", enrolled=new_face("x", 0.5).enrolled), "t")


async def ready(master: FakeMaster, folder: Path) -> dict[str, Any]:
    """Give the stand-in the services that changing routes use, and something to change; returns what examples name."""
    store, audit = master.store, master.audit
    store.credentials.add_api_key(hash_api_key(BOSS), "boss", "admin")
    store.nodes.add("lab-1", "U" * 56, "t", HOST, approved=False)
    scene = Scene(store, folder)
    scene.audit = audit
    scene.begin()
    served: Any = scene.people._served
    fleet = Fleet(1, 2)
    link: Any = SimpleNamespace(send=lambda *_: None)
    activity: Any = SimpleNamespace(record=lambda: None)
    service = NodeService(
        store.nodes, audit, fleet, link, "g", lambda: None, NodeEvents(), activity, silent_s=1
    )

    async def changed() -> None:
        pass

    master.__dict__.update(
        events=EventHub(),
        keys=ApiKeyService(store.credentials, audit),
        people_service=scene.people,
        faces=scene.faces,
        merging=Merging(
            store.merges, scene.people, store.gallery.reader, served, audit, changed, PersonGrowth()
        ),
        enrolling=Enrolling(_Dispatcher(), scene.people, store.gallery, served),  # type: ignore[arg-type]
        node_service=service,
        nodes=SimpleNamespace(
            one=lambda name: {
                "name": name,
                "state": "lost",
                "reason": "",
                "last_seen": None,
                "first_seen": None,
            }
        ),
        commands=Commands(audit, fleet, link, "g"),
        admission=Admission(
            MasterSettings(data=folder),
            make_certificates(folder, ()).ca.read_text(),
            store.nodes,
            store.credentials,
            audit,
            fleet,
            service,
            link,
            lambda: None,
            "",
        ),
    )
    for name, place in (("Ann", 0.0), ("Bob", 1.0), ("Carl", 2.0)):
        await scene.people.enrol("setup", name, [new_face(name, place), new_face(name, place + 0.1)])
    _, merge = await master.merging.merge("setup", "Carl", "Bob")
    reference = scene.people._references.close(np.array(at(0.3), np.float32), "dlib-1")
    row, _ = await scene.people.give_feedback("setup", reference, "not", "Ann", "Ann-secret.jpg")
    await scene.on()
    return {
        "merge": merge.id,
        "photo": store.photos.of_person("Ann")[0].id,
        "reference": reference,
        "feedback": row.id,
        "scene": scene,
        "session": master.sessions.sign_in(BOSS)[0],
    }


def json(method: str, path: str, **body: Any) -> dict[str, Any]:
    return {"method": method, "url": path, "json": body} if body else {"method": method, "url": path}


def example(call: str, there: dict[str, Any]) -> dict[str, Any]:
    """A request of a call; a new one that changes something needs one here, and its entry in `AUDITED`."""
    photo = jpeg()
    return {
        "DELETE /v1/nodes/{name}": json("DELETE", "/v1/nodes/lab-1"),
        "POST /v1/nodes/{name}/approve": json("POST", "/v1/nodes/lab-1/approve"),
        "POST /v1/nodes/{name}/shutdown": json("POST", "/v1/nodes/lab-1/shutdown"),
        "POST /v1/nodes/{name}/pause": json("POST", "/v1/nodes/lab-1/pause"),
        "POST /v1/nodes/{name}/drain": json("POST", "/v1/nodes/lab-1/drain"),
        "POST /v1/nodes/{name}/resume": json("POST", "/v1/nodes/lab-1/resume"),
        "POST /v1/nodes/{node}/exec": json("POST", "/v1/nodes/lab-1/exec", args=["true"]),
        "POST /v1/nodes/{node}/files": json("POST", "/v1/nodes/lab-1/files?kind=put&name=a"),
        "POST /v1/tokens": json("POST", "/v1/tokens", expires_s=60),
        "POST /v1/keys": json("POST", "/v1/keys", name="camera", role="user"),
        "DELETE /v1/keys/{name}": json("DELETE", "/v1/keys/somebody"),
        "POST /v1/session": json("POST", "/v1/session"),
        "POST /v1/session/link": json("POST", "/v1/session/link"),
        "DELETE /v1/session": {**json("DELETE", "/v1/session"), "credential": there["session"]},
        "POST /v1/people": {
            "method": "POST",
            "url": "/v1/people",
            "data": {"name": "Ann"},
            "files": [("photos", ("Ann-secret.jpg", photo))],
        },
        "PATCH /v1/people/{name}": json("PATCH", "/v1/people/Ann", name="Anna"),
        "DELETE /v1/people/{name}": json("DELETE", "/v1/people/Ann"),
        "POST /v1/people/{name}/merge": json("POST", "/v1/people/Ann/merge", into="Bob"),
        "DELETE /v1/people-merges/{merge_id}": json("DELETE", f"/v1/people-merges/{there['merge']}"),
        "DELETE /v1/people-photos/{photo_id}": json("DELETE", f"/v1/people-photos/{there['photo']}?name=Ann"),
        "PUT /v1/people-threshold": json("PUT", "/v1/people-threshold", distance=0.5),
        "POST /v1/people-feedback": json(
            "POST",
            "/v1/people-feedback",
            reference=there["reference"],
            verdict="is",
            name="Bob",
            file_name="Bob-secret.jpg",
        ),
        "DELETE /v1/people-feedback/{feedback_id}": json(
            "DELETE", f"/v1/people-feedback/{there['feedback']}"
        ),
        "PUT /v1/faces/retention": json("PUT", "/v1/faces/retention", for_s=600),
        "POST /v1/faces/unknown/{group_id}/name": json("POST", "/v1/faces/unknown/1/name", name="Ann"),
        "DELETE /v1/faces/unknown/{group_id}": json("DELETE", "/v1/faces/unknown/1"),
    }[call]


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMaster]:
    monkeypatch.setattr(node_service, "ANSWER_S", 0.0)
    monkeypatch.setattr(node_service, "RELOAD_S", 0.0)
    with fake_master(tmp_path) as made:
        yield made


def test_every_changing_call_is_in_the_table() -> None:
    assert AUDITED.keys() | NOT_AUDITED.keys() == CHANGING
    assert not AUDITED.keys() & NOT_AUDITED.keys()


@pytest.mark.parametrize("call", sorted(AUDITED))
def test_a_change_has_its_entry_and_no_name_is_in_it(call: str, master: FakeMaster, tmp_path: Path) -> None:
    async def run() -> int:
        there = await ready(master, tmp_path)
        if "/unknown/" in call:
            await there["scene"].faces.take([outcome(at(9.0))])
        request = example(call, there)
        before = len(master.audit.entries())
        transport = httpx.ASGITransport(make_app(master))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://m") as client:
            credential = request.pop("credential", BOSS)
            await client.request(**request, headers={"Authorization": f"Bearer {credential}"})
        await there["scene"].faces.close()
        return before

    before = asyncio.run(run())
    entries = master.audit.entries()
    new = entries[before:]
    assert new and {entry.what for entry in new} <= set(AUDITED[call])
    assert {entry.who for entry in new} == {"boss"} and all(entry.outcome for entry in new)
    said = " ".join(f"{entry.node} {entry.outcome} {entry.detail}" for entry in entries)
    assert not [word for word in ("Ann", "Bob", "Carl", "secret") if word in said], said
    assert master.audit.verify().broken is None
