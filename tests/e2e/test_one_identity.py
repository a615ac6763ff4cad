"""On four hosts: a copied data folder is refused, a removed node is cut off and stays so."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import StartFleet
from tests.e2e.fleet import Fleet, wait_for
from tests.integration.conftest import make_faulty_pack

SENDING = [sys.executable, "-m", "tests.e2e.sending"]
REFUSED = 5


@pytest.fixture(scope="module")
def fleet(start_fleet: StartFleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("identity")
    return start_fleet(folder / "fleet", ["one", "two"], pack=make_faulty_pack(folder / "pack"))


def sends(fleet: Fleet, count: int) -> int:
    """How many pictures sent from the user's host were answered."""
    sent = fleet.hosts["user"].run([*SENDING, str(count), "10"], fleet.env)
    assert sent.returncode == 0, sent.stderr
    return len(sent.stdout.splitlines())


def test_a_copied_folder_is_refused_and_the_original_goes_on(fleet: Fleet) -> None:
    original = fleet.start_node("one")
    expected = {
        "two": "its data folder was copied",
        None: "here no machine id",
        "one": "another process is node 'one' already and answers: is this a copied data folder?",
    }

    def tried(machines: list[str | None]) -> None:
        begun = []
        for number, machine in enumerate(machines):
            copy = fleet.folder / f"copy-{number}"
            if not copy.exists():
                shutil.copytree(fleet.data("one"), copy)
            begun.append(fleet.start_node("one", host="two", data=copy, machine=machine, wait=False))
        for machine, second in zip(machines, begun, strict=True):
            assert second.process.wait(30) == REFUSED, second.output
            for part in (expected[machine], "--join TOKEN --data FOLDER"):
                assert part in second.output, second.output
            assert "Traceback" not in second.output

    tried(list(expected))
    assert original.process.poll() is None
    assert fleet.listed()["one"]["state"] == "ready"
    assert sends(fleet, 3) == 3
    assert "second process claims" in fleet.master.output

    original.kill()
    wait_for(lambda: '"new":"lost"' in fleet.master.output, "one is not lost")
    tried(["two", None])
    assert fleet.listed()["one"]["state"] == "lost"


def test_where_no_machine_has_an_id_the_second_is_refused(fleet: Fleet) -> None:
    original = fleet.start_node("plain", host="one", machine=None)
    copy = fleet.folder / "plain-copy"
    shutil.copytree(fleet.data("plain"), copy)
    second = fleet.start_node("plain", host="two", data=copy, machine=None, wait=False)
    assert second.process.wait(20) == REFUSED
    assert "another process is node 'plain' already" in second.output
    assert fleet.listed()["plain"]["fingerprint"] == ""
    assert original.process.poll() is None
    assert original.stop() == 0


def test_a_removed_node_is_cut_off_at_once_and_for_ever(fleet: Fleet, tmp_path: Path) -> None:
    gone = fleet.start_node("gone", "--allow-exec", host="one")
    stays = fleet.start_node("stays", host="two")
    ticks = fleet.user_begins(
        "nodes", "exec", "gone", "--timeout", "60s", "--", "sh", "-c", "while :; do echo x; sleep 0.1; done"
    )
    wait_for(lambda: "x" in ticks.output, "the command does not run")
    sending = fleet.hosts["user"].popen([*SENDING, "8", "10"], tmp_path / "sending.log", fleet.env)
    wait_for(lambda: "pack" in sending.output, "no picture was answered")
    assert fleet.user("nodes", "remove", "gone", "--yes").returncode == 0
    returned_s = time.monotonic()
    assert gone.process.wait(10) == REFUSED
    assert ticks.process.wait(10) == 6
    assert time.monotonic() - returned_s < 6.0, "it was missed before it was cut off"
    assert "gone is gone: it was removed" in ticks.output
    assert "was removed there" in gone.output
    assert "Traceback" not in gone.output
    assert sending.process.wait(30) == 0, sending.output
    assert sending.output.count('"pack": "faulty@1.0.0"') == 8

    again = fleet.start_node("gone", host="one", wait=False)
    assert again.process.wait(20) == REFUSED
    assert "a new token and a new data folder" in again.output
    fleet.master.stop()
    fleet.start_master()
    bare = tmp_path / "key-only"
    bare.mkdir()
    (bare / "node.nk").write_bytes((fleet.data("gone") / "node.nk").read_bytes())
    tries = [
        fleet.start_node("gone", host="one", wait=False),
        fleet.start_node("gone", "--join", fleet.token(), host="one", data=bare, wait=False),
    ]
    assert [tried.process.wait(20) for tried in tries] == [REFUSED, REFUSED]
    assert "a new token and a new data folder" in tries[0].output
    assert "this key was node 'gone', removed" in tries[1].output
    listed = fleet.listed()
    assert "stays" in listed and "gone" not in listed
    assert stays.process.poll() is None
    audit = fleet.user("audit", "--json").stdout
    assert '"what": "remove"' in audit
