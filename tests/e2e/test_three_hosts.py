"""A master and two nodes on three hosts, the user on a fourth; nodes die and cables are pulled."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .conftest import Seed, StartFleet, records
from .fleet import Fleet, lines, wait_for
from .pictures import write_many

pytestmark = pytest.mark.timeout(600)


def assert_each_once(out: Path, folder: Path) -> None:
    """Every picture of the folder has exactly one line, a result without error and a picture with a box."""
    written = records(out)
    names = sorted(Path(record["file"]).name for record in written)
    assert names == sorted(path.name for path in folder.iterdir())
    assert [record["file"] for record in written if record.get("error")] == []
    assert [record["file"] for record in written if len(record["faces"]) != 1] == []
    assert len(list(out.rglob("*.jpg"))) == len(names)


@pytest.fixture(scope="module")
def fleet(start_fleet: StartFleet, place: Path, seed: Seed) -> Fleet:
    fleet = start_fleet(place / "hosts", ["alpha", "beta"], seed=seed)
    for name in ("alpha", "beta"):
        fleet.start_node(name)
    return fleet


def test_no_picture_is_lost_when_a_node_dies(fleet: Fleet, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder, 200)
    sending = fleet.send([folder], out, tmp_path / "send.log")
    try:
        wait_for(lambda: lines(out) >= 90, "fewer than 90 results")
        fleet.nodes["alpha"].kill()
        at_kill = lines(out)
        assert sending.process.wait(120) == 0, sending.output
    finally:
        sending.stop()
    assert at_kill < 195, "alpha died too late to prove anything"
    assert_each_once(out, folder)
    wait_for(lambda: fleet.listed()["alpha"]["state"] == "lost", "alpha is not shown as lost", 30)
    listed = fleet.listed()
    assert listed["beta"]["state"] in ("ready", "working")
    assert listed["alpha"]["done"] > 0
    assert listed["beta"]["done"] > 0
    assert listed["alpha"]["done"] + listed["beta"]["done"] <= 200


def test_no_picture_is_lost_when_a_cable_is_pulled(fleet: Fleet, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder, 60)
    sending = fleet.send([folder], out, tmp_path / "send.log")
    try:
        wait_for(lambda: lines(out) >= 10, "fewer than 10 results")
        fleet.hosts["beta"].cut()
        time.sleep(1.0)
        at_cut = lines(out)
        time.sleep(4.0)
        assert lines(out) == at_cut, "results came through a cable that was pulled"
        fleet.hosts["beta"].heal()
        assert sending.process.wait(120) == 0, sending.output
    finally:
        fleet.hosts["beta"].heal()
        sending.stop()
    assert at_cut < 60, "the cable was pulled too late to prove anything"
    assert_each_once(out, folder)
    wait_for(lambda: fleet.listed()["beta"]["state"] in ("ready", "working"), "beta did not come back", 30)
