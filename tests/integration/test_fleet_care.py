"""Nodes are approved, copied, removed, paused, drained, shut down and limited, with real processes."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from manyeyes import NodeAway, NodeNotFound
from tests.integration.conftest import MANYEYES, Network, picture, role


def manyeyes(network: Network, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run one command of a user of this master, to its end."""
    context = str(network.data / "context.json")
    return subprocess.run(
        [*MANYEYES, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env={**os.environ, "MANYEYES_CONTEXT": context},
    )


def wait_done(network: Network, count: int, timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while network.ended("done") < count:
        assert time.monotonic() < end, network.client.status()
        time.sleep(0.05)


def all_right(answers: Sequence[object]) -> None:
    assert {answer.result(timeout=60).result.pack for answer in answers} == {"faulty@1.0.0"}  # type: ignore[attr-defined]


def test_a_removed_node_is_cut_off_and_its_pictures_go_on(shared: Network) -> None:
    with shared.node("a") as a, shared.node("b"), ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(shared.client.recognize, picture(b"SLOW", n)) for n in range(16)]
        time.sleep(1.0)
        began = time.monotonic()
        removed = manyeyes(shared, "nodes", "remove", "a", "--yes")
        assert (removed.returncode, removed.stdout) == (0, "")
        assert a.process.wait(5) == 5
        assert "was removed there" in a.log.read_text()
        assert "Traceback" not in a.log.read_text()
        all_right(sent)
        assert time.monotonic() - began < 20
        assert [node.name for node in shared.client.nodes()] == ["b"]
        assert shared.ended("done") == 16
    with pytest.raises(NodeNotFound, match="was removed at"):
        shared.client.node("a")
    shown = manyeyes(shared, "nodes", "show", "a")
    assert (shown.returncode, "was removed at" in shown.stderr) == (4, True)


def test_a_removed_key_never_works_again(network: Network) -> None:
    with network.node("a"):
        pass
    network.client.remove_node("a")
    for token in ([], ["--join", network.client.create_token(60).token]):
        if token:
            (network.folder / "a" / "membership.json").unlink()
        with role(network.folder / "logs", "node", "--data", str(network.folder / "a"), *token) as again:
            assert again.process.wait(20) == 5
            assert "removed" in again.log.read_text()
    shutil.rmtree(network.folder / "a")
    with network.node("a"):
        assert network.client.node("a").same_host == ("a (removed)",)
        assert network.client.recognize(picture()).result.pack == "faulty@1.0.0"


def test_a_node_removed_while_away_is_told_when_it_comes_back(shared: Network) -> None:
    with shared.node("a") as a:
        os.kill(a.process.pid, signal.SIGSTOP)
        shared.client.remove_node("a")
        time.sleep(6)
        os.kill(a.process.pid, signal.SIGCONT)
        assert a.process.wait(20) == 5
        assert "was removed there" in a.log.read_text()


def test_a_node_removed_while_it_connects_is_told(shared: Network) -> None:
    with shared.node("a", wait=False) as a:
        end = time.monotonic() + 20
        while not shared.client.nodes() and time.monotonic() < end:
            time.sleep(0.005)
        shared.client.remove_node("a")
        assert a.process.wait(20) == 5
        assert "was removed there" in a.log.read_text()


def test_a_node_waits_for_approval_without_pack_and_pictures(shared: Network) -> None:
    made = manyeyes(shared, "token", "--approve", "--json")
    token = json.loads(made.stdout)["token"]
    with shared.node("a", wait=False, MANYEYES_NODE_JOIN=token) as a:
        shared.wait_state("a", "waiting for approval")
        node = shared.client.node("a")
        assert not node.approved
        assert node.pack == ""
        assert "nodes approve a" in str(node.reason)
        assert not (shared.folder / "a" / "packs").exists()
        assert "waiting for approval" in manyeyes(shared, "nodes", "list").stdout
        a.process.terminate()
        assert a.process.wait(10) == 0
    with shared.node("a", wait=False) as a:
        shared.wait_state("a", "waiting for approval")
        approved = manyeyes(shared, "nodes", "approve", "a")
        assert approved.returncode == 0, approved.stderr
        a.wait_for("ready:")
        assert shared.client.recognize(picture()).result.pack == "faulty@1.0.0"
        assert shared.client.node("a").approved
    with shared.node("a"):
        shared.wait_state("a", "ready")


def test_what_the_master_knows_of_a_node(network: Network) -> None:
    with network.node("a"), network.node("b"):
        network.client.recognize(picture())
        node = network.client.node("a")
        assert len(node.fingerprint) == 64
        machine_id = Path("/etc/machine-id").read_text().strip()
        assert machine_id not in node.model_dump_json()
        assert node.same_host == ("b",)
        assert node.token
        assert node.first_seen is not None
        shown = manyeyes(network, "nodes", "show", "a")
        assert shown.returncode == 0, shown.stderr
        for part in ("first seen", node.fingerprint, node.token, "ready", "same host    b"):
            assert part in shown.stdout
        assert json.loads(manyeyes(network, "nodes", "show", "a", "--json").stdout)["name"] == "a"
    unknown = manyeyes(network, "nodes", "show", "nobody")
    assert unknown.returncode == 4


def test_a_copied_data_folder_is_refused(shared: Network) -> None:
    copy, machine = shared.folder / "copy", shared.folder / "machine-id"
    machine.write_text("of another machine\n")
    arguments = ["node", "--data", str(copy), "--workers", "1"]
    with shared.node("a"):
        shutil.copytree(shared.folder / "a", copy)
        with role(shared.folder / "logs", *arguments) as second:
            assert second.process.wait(20) == 5
            assert "another process is node 'a' already" in second.log.read_text()
            assert "--join TOKEN --data FOLDER" in second.log.read_text()
        with role(
            shared.folder / "logs", *arguments, MANYEYES_NODE_MACHINE_ID_FILE=str(machine)
        ) as elsewhere:
            assert elsewhere.process.wait(20) == 5
            assert "joined from another machine" in elsewhere.log.read_text()
        with role(shared.folder / "logs", "node", "--data", str(shared.folder / "a")) as same_folder:
            assert same_folder.process.wait(20) == 8
            assert "is in use by process" in same_folder.log.read_text()
        assert shared.state("a") == "ready"
        assert shared.client.recognize(picture()).result.pack == "faulty@1.0.0"


def test_a_killed_node_started_again_at_once_is_itself(shared: Network) -> None:
    with shared.node("a") as a:
        for process in [*psutil.Process(a.process.pid).children(recursive=True), a.process]:
            process.kill()
        a.process.wait()
        began = time.monotonic()
        with shared.node("a"):
            shared.wait_state("a", "ready")
            assert time.monotonic() - began < 15


def test_who_took_over_from_a_frozen_node_stays(shared: Network) -> None:
    with shared.node("a") as a:
        copy = shared.folder / "copy"
        shutil.copytree(shared.folder / "a", copy)
        os.kill(a.process.pid, signal.SIGSTOP)
        with role(shared.folder / "logs", "node", "--data", str(copy), "--workers", "1") as other:
            other.wait_for("ready:")
            os.kill(a.process.pid, signal.SIGCONT)
            assert a.process.wait(20) == 5
            assert "took over as node 'a'" in a.log.read_text()
            time.sleep(1)
            assert shared.state("a") == "ready"
            assert other.process.poll() is None


@pytest.mark.parametrize("word", ["pause", "drain"])
def test_a_node_stops_working_until_resumed(shared: Network, word: str) -> None:
    with shared.node("a") as a, ThreadPoolExecutor(24) as pool:
        sent = [pool.submit(shared.client.recognize, picture(b"SLOW", n)) for n in range(24)]
        time.sleep(0.4)
        told = manyeyes(shared, "nodes", word, "a")
        assert told.returncode == 0, told.stderr
        shared.wait_state("a", "paused")
        done = shared.ended("done")
        assert 0 < done < 24
        node = shared.client.node("a")
        assert node.desired == word
        assert node.workers == (1 if word == "pause" else 0)
        time.sleep(1.5)
        assert shared.ended("done") == done
        a.process.terminate()
        assert a.process.wait(10) == 0
        with shared.node("a", wait=False):
            shared.wait_state("a", "paused")
            assert f"{word}{'d' if word == 'pause' else 'ed'} by an operator" in str(
                shared.client.node("a").reason
            )
            assert shared.client.tell_node("a", "resume").desired == ""
            all_right(sent)
            assert shared.ended("done") == 24


def test_pausing_and_resuming_again_and_again_loses_nothing(shared: Network) -> None:
    with shared.node("a", workers=2), ThreadPoolExecutor(40) as pool:
        sent = [pool.submit(shared.client.recognize, picture(b"SLOW", n)) for n in range(40)]
        for _ in range(6):
            shared.client.tell_node("a", "pause")
            time.sleep(0.2)
            shared.client.tell_node("a", "resume")
            time.sleep(0.2)
        all_right(sent)
        assert shared.ended("done") == 40
        assert shared.ended("failed") == 0


def test_what_is_desired_reaches_a_node_that_was_away(shared: Network) -> None:
    with shared.node("a"):
        pass
    told = manyeyes(shared, "nodes", "pause", "a")
    assert (told.returncode, "it pauses when it is back" in told.stdout) == (0, True), told.stdout
    with shared.node("a", wait=False):
        shared.wait_state("a", "paused")


def test_shutdown_from_the_master(shared: Network) -> None:
    with shared.node("a") as a, shared.node("b"), ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(shared.client.recognize, picture(b"SLOW", n)) for n in range(12)]
        time.sleep(0.8)
        told = manyeyes(shared, "nodes", "shutdown", "a")
        assert told.returncode == 0, told.stderr
        assert a.process.wait(15) == 0
        all_right(sent)
        assert shared.ended("done") == 12
        node = shared.client.node("a")
        assert (node.state, node.reason) == ("left", "shut down by an operator")
        with pytest.raises(NodeAway, match="is left"):
            shared.client.tell_node("a", "shutdown")
    with shared.node("a"):
        shared.wait_state("a", "ready")


def test_down_on_the_node_itself_needs_no_master(network: Network) -> None:
    with network.node("a") as a:
        done = manyeyes(network, "down", "--data", str(network.folder / "a"))
        said = f"stopped: the node (process {a.process.pid})\n"
        assert (done.returncode, done.stderr) == (0, said)
        assert a.process.wait(5) == 0
        assert network.client.node("a").reason == "stopped on the machine itself"
    with network.node("a") as a:
        network.master.process.terminate()
        network.master.process.wait(20)
        done = manyeyes(network, "down", "--data", str(network.folder / "a"))
        assert done.returncode == 0, done.stderr
        assert a.process.wait(10) == 0
    with network.node("a", wait=False) as a:
        a.wait_for("waiting for the master")
        assert manyeyes(network, "down", "--data", str(network.folder / "a")).returncode == 0
        assert a.process.wait(10) == 0
    nobody = manyeyes(network, "down", "--data", str(network.folder / "a"))
    assert (nobody.returncode, "no node runs" in nobody.stderr) == (6, True)


def test_a_node_keeps_to_its_hours_and_its_memory(shared: Network) -> None:
    now = datetime.datetime.now()
    hours = [f"{now + datetime.timedelta(hours=h):%H:%M}" for h in (2, 3)]
    with shared.node("a", wait=False, MANYEYES_NODE_HOURS="-".join(hours)):
        shared.wait_state("a", "paused")
        assert shared.client.node("a").reason == f"outside its hours {'-'.join(hours)}"
    with shared.node("a", workers=2, MANYEYES_NODE_MEMORY="200M"):
        assert shared.client.node("a").workers == 1
    with shared.node("a", wait=False, MANYEYES_NODE_MEMORY="100M"):
        shared.wait_state("a", "provisioning")
        time.sleep(1)
        assert "too little for one worker" in str(shared.client.node("a").reason)
    with shared.node("a", wait=False, MANYEYES_NODE_HOURS="late") as a:
        assert a.process.wait(10) == 2
        assert "not of the form 22:00-07:00" in a.log.read_text()


def test_a_node_stops_while_its_machine_is_in_use(shared: Network) -> None:
    burn = [["python3", "-c", "while True: pass"]] * (os.cpu_count() or 1)
    quiet = {"MANYEYES_NODE_IDLE_QUIET_S": "0.5", "MANYEYES_NODE_IDLE_SHARE": "0.95"}
    with shared.node("a", MANYEYES_NODE_WHEN_IDLE="1", **quiet):
        shared.wait_state("a", "ready", timeout_s=60)
        burning = [subprocess.Popen(command) for command in burn]
        try:
            shared.wait_state("a", "paused", timeout_s=60)
            assert "in use" in str(shared.client.node("a").reason)
        finally:
            for process in burning:
                process.kill()
                process.wait()
        shared.wait_state("a", "ready", timeout_s=60)


def test_send_says_that_no_node_is_ready_and_goes_on_when_one_is(network: Network) -> None:
    (network.folder / "one.png").write_bytes(picture())
    heard: list[subprocess.CompletedProcess[str]] = []

    def send() -> None:
        arguments = [str(network.folder / "one.png"), "-o", str(network.folder / "out"), "--patience", "3"]
        heard.append(manyeyes(network, "send", *arguments))

    sending = threading.Thread(target=send)
    sending.start()
    time.sleep(9)
    assert sending.is_alive(), heard
    with network.node("a"):
        sending.join(40)
        assert heard[0].returncode == 0, heard[0].stderr
        assert "waiting: no node is ready (none has joined)" in heard[0].stderr
        assert network.ended("done") == 1
