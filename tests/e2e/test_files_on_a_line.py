"""Commands and files between four hosts: over a slow line together with pictures, and after cuts and kills."""

from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import StartFleet
from tests.e2e.fleet import Fleet, wait_for
from tests.integration.conftest import make_faulty_pack

MEGABITS_PER_S = 4
SIZE = 3_000_000
LINE_S = SIZE * 8 / (MEGABITS_PER_S * 1e6)
"""Seconds that the line needs for a file of that size, without other traffic."""


@pytest.fixture(scope="module")
def fleet(start_fleet: StartFleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("files")
    fleet = start_fleet(folder / "fleet", ["far", "near"], pack=make_faulty_pack(folder / "pack"))
    fleet.hosts["far"].slow(MEGABITS_PER_S)
    for name in ("far", "near"):
        fleet.start_node(name, "--allow-exec", wait=False)
    for node in fleet.nodes.values():
        node.wait_ready(60)
    return fleet


def moved(output: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(output[output.index("{") :])
    return found


def noise(path: Path) -> Path:
    path.write_bytes(secrets.token_bytes(SIZE))
    return path


def arrived(fleet: Fleet) -> int:
    """Bytes of the file that is arriving at the far node."""
    parts = list((fleet.data("far") / "incoming").glob("*"))
    return max((part.stat().st_size for part in parts), default=0)


def test_output_arrives_while_the_command_runs(fleet: Fleet) -> None:
    script = "for i in 1 2 3; do date +%s.%N; sleep 0.7; done; exit 7"
    running = fleet.user_begins("nodes", "exec", "near", "far", "--", "sh", "-c", script)
    delays: list[float] = []
    seen = 0
    while running.process.poll() is None:
        lines = running.output.splitlines()
        delays += [time.time() - float(line.partition(": ")[2]) for line in lines[seen:]]
        seen = len(lines)
        time.sleep(0.02)
    assert running.process.returncode == 7
    assert len(delays) == 6 and max(delays) < 0.6, delays


def test_a_file_and_pictures_share_a_slow_line(fleet: Fleet, tmp_path: Path) -> None:
    """The file takes little longer than alone, no picture waits long, and the node is never considered lost."""
    big = noise(tmp_path / "big")
    assert fleet.nodes["near"].stop() == 0
    for moving in (["put", "far", str(big)], ["get", "far", "big", "-o", str(tmp_path / "back")]):
        began_s = time.monotonic()
        file = fleet.user_begins("nodes", *moving, "--json")
        sending = [sys.executable, "-m", "tests.e2e.sending", "6", "10000"]
        pictures = fleet.hosts["user"].run(sending, fleet.env)
        beside = file.process.poll() is None
        assert file.process.wait(60) == 0, file.output
        took_s = time.monotonic() - began_s
        assert pictures.returncode == 0, pictures.stderr
        waits = [json.loads(line)["took_s"] for line in pictures.stdout.splitlines()]
        assert beside, "the file was there before the pictures; nothing was shown"
        assert max(waits) < 2.0, waits
        assert took_s < 2 * LINE_S + 3, took_s
    assert (tmp_path / "back" / "big").read_bytes() == big.read_bytes()
    changes = [line for line in fleet.master.output.splitlines() if '"node":"far"' in line]
    assert changes, "the master says nothing of the node"
    assert not [line for line in changes if '"suspect"' in line or '"lost"' in line], changes


@pytest.mark.chaos
def test_a_transfer_goes_on_after_every_cut(fleet: Fleet, tmp_path: Path) -> None:
    """One command survives a pulled cable, a killed node and a killed master; if it is killed, a new one continues."""
    big = noise(tmp_path / "cut")
    put = fleet.user_begins("nodes", "put", "far", str(big))
    wait_for(lambda: arrived(fleet) > 600_000, "nothing arrives")
    put.kill()
    had = arrived(fleet)
    put = fleet.user_begins("nodes", "put", "far", str(big), "--json")
    wait_for(lambda: arrived(fleet) > had + 400_000, "it does not go on after the command was killed")
    fleet.hosts["far"].cut()
    time.sleep(3)
    fleet.hosts["far"].heal()
    at = arrived(fleet)
    wait_for(lambda: arrived(fleet) > at + 400_000, "it does not go on after the cut")
    fleet.nodes["far"].kill()
    at = arrived(fleet)
    fleet.start_node("far", "--allow-exec", wait=False)
    wait_for(lambda: arrived(fleet) > at + 400_000, "it does not go on after the node was killed")
    fleet.master.kill()
    fleet.start_master()
    assert put.process.wait(60) == 0, put.output
    assert (fleet.data("far") / "exchange" / "cut").read_bytes() == big.read_bytes()
    again = 4 * 256 * 1024
    assert moved(put.output)["travelled_bytes"] <= SIZE - had + again
