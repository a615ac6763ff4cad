"""A node with a full disk: work without the disk goes on, other work is done elsewhere, and the node says why."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from background import DidNotStart

from tests.needs import needed

from .conftest import Seed, StartFleet, records
from .disks import fill, mounted, unfill, why_no_disk
from .fleet import Fleet, lines, wait_for
from .pictures import astronaut, write_many

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def disk(place: Path) -> Iterator[Path]:
    needed(why_no_disk())
    with mounted(place / "full" / "alpha", "size=256m") as folder:
        yield folder


@pytest.fixture(scope="module")
def fleet(disk: Path, start_fleet: StartFleet, place: Path, seed: Seed) -> Fleet:
    return start_fleet(place / "full", ["alpha", "beta"], seed=seed)


def reason(fleet: Fleet) -> str:
    return str(fleet.listed().get("alpha", {}).get("reason"))


def enrol(fleet: Fleet, folder: Path, name: str) -> None:
    photo = folder / "photo.png"
    astronaut().save(photo)
    fleet.ordered("people", "add", name, str(photo))


def test_provisioning_waits_for_room(fleet: Fleet, disk: Path) -> None:
    fleet.start_node("beta")
    fill(disk)
    (disk / "fill").write_bytes(bytes((disk / "fill").stat().st_size - 20_000_000))
    fleet.start_node("alpha", wait=False)
    wait_for(lambda: "free some space" in reason(fleet), "the node does not say what it lacks", 30)
    assert fleet.listed()["alpha"]["state"] == "provisioning"
    unfill(disk)
    fleet.nodes["alpha"].wait_ready(90)


def test_pictures_go_on_and_a_gallery_that_cannot_be_kept_is_said(
    fleet: Fleet, disk: Path, tmp_path: Path
) -> None:
    enrol(fleet, tmp_path, "Eileen")
    write_many(tmp_path / "first", 8)
    fill(disk)
    sending = fleet.send([tmp_path / "first"], tmp_path / "out", tmp_path / "send.log")
    assert sending.process.wait(60) == 0, sending.output
    enrol(fleet, tmp_path, "Collins")
    before = fleet.listed()["beta"]["done"]
    write_many(tmp_path / "second", 8)
    sending = fleet.send([tmp_path / "second"], tmp_path / "out2", tmp_path / "send2.log")
    assert sending.process.wait(60) == 0, sending.output
    assert [record.get("error") for record in records(tmp_path / "out2")] == [None] * 8
    assert fleet.listed()["beta"]["done"] >= before + 8, "a node without the gallery answered"
    wait_for(lambda: "gallery" in reason(fleet), f"the reason is {reason(fleet)!r}", 20)
    fleet.nodes["beta"].stop()
    write_many(tmp_path / "third", 2)
    sending = fleet.send([tmp_path / "third"], tmp_path / "out3", tmp_path / "send3.log")
    with pytest.raises(AssertionError):
        wait_for(lambda: lines(tmp_path / "out3") > 0, "nothing, as it should be", 6)
    unfill(disk)
    assert sending.process.wait(60) == 0, sending.output
    assert sorted(face["name"] for record in records(tmp_path / "out3") for face in record["faces"]) in (
        ["Collins"] * 2,
        ["Eileen"] * 2,
    )


def test_a_node_that_starts_on_a_full_disk(fleet: Fleet, disk: Path) -> None:
    fleet.nodes["alpha"].stop()
    fill(disk)
    fleet.start_node("alpha")
    fleet.nodes["alpha"].stop()
    for path in disk.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    fill(disk)
    with pytest.raises(DidNotStart, match="free some space, or give --data another folder"):
        fleet.start_node("alpha")
    assert "Traceback" not in fleet.nodes["alpha"].output
    unfill(disk)
    fleet.start_node("alpha")
