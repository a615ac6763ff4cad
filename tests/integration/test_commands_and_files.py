"""Commands and file transfers with real masters and nodes, and their entries in the audit log."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sqlite3
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from manyeyes.api.audit import AuditEntry
from manyeyes.errors import NotAllowed, NotSignedIn
from manyeyes.sdk.blocking import Client
from manyeyes.sdk.context import load_context
from tests.integration.conftest import MANYEYES, Network
from tests.unit.node.commands.test_exec import alive

ALLOW = {"MANYEYES_NODE_ALLOW_EXEC": "1"}


def environment(network: Network) -> dict[str, str]:
    return {**os.environ, "MANYEYES_CONTEXT": str(network.data / "context.json")}


def manyeyes(network: Network, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [*MANYEYES, *arguments]
    return subprocess.run(command, capture_output=True, timeout=120, env=environment(network))


def start(network: Network, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*MANYEYES, *arguments], stdout=subprocess.PIPE, env=environment(network))


def entries(network: Network, what: str) -> list[tuple[str, str, str]]:
    return [(e.node, e.outcome, e.detail) for e in network.client.audit() if e.what == what]


def wait_gone(marker: str, timeout_s: float = 10) -> float:
    began_s = time.monotonic()
    while alive(marker):
        assert time.monotonic() - began_s < timeout_s, f"{marker} still runs"
        time.sleep(0.05)
    return time.monotonic() - began_s


def test_commands(shared: Network) -> None:
    with shared.node("a", **ALLOW), shared.node("b", **ALLOW), shared.node("closed"):
        nodes = {node.name: node.allow_exec for node in shared.client.nodes()}
        assert nodes == {"a": True, "b": True, "closed": False}

        one = manyeyes(shared, "nodes", "exec", "a", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
        assert (one.returncode, one.stdout, one.stderr) == (3, b"out\n", b"err\n")
        told = manyeyes(shared, "nodes", "exec", "a", "b", "--", "printf", "%s\n", "$HOME", "a b")
        assert told.returncode == 0
        assert sorted(told.stdout.splitlines()) == [b"a: $HOME", b"a: a b", b"b: $HOME", b"b: a b"]
        shell = manyeyes(shared, "nodes", "exec", "--shell", "--json", "a", "--", "echo $((20 + 3)); pwd")
        (ran,) = json.loads(shell.stdout)["nodes"]
        assert ran["stdout"].split() == ["23", str(shared.folder / "a" / "exchange")]
        slow = manyeyes(shared, "nodes", "exec", "a", "--timeout", "1s", "--", "sleep", "64.2371")
        assert slow.returncode == 124 and b"time limit" in slow.stderr
        assert not alive("64.2371")

        refused = manyeyes(shared, "nodes", "exec", "closed", "--", "true")
        assert refused.returncode == 5 and b"--allow-exec" in refused.stderr
        everywhere = manyeyes(shared, "nodes", "exec", "--all", "--", "echo", "here")
        assert everywhere.returncode == 5
        assert sorted(everywhere.stdout.splitlines()) == [b"a: here", b"b: here"]
        assert manyeyes(shared, "nodes", "exec", "nobody", "--", "true").returncode == 4
        assert manyeyes(shared, "nodes", "exec", "a", "--", "no-such-program").returncode == 127

        logged = entries(shared, "exec")
        assert logged[:2] == [
            ("a", "asked", "sh -c 'echo out; echo err >&2; exit 3'"),
            ("a", "exit 3", "sh -c 'echo out; echo err >&2; exit 3'"),
        ]
        assert ("closed", "exec-refused", "true") in logged
        assert any(outcome.startswith("timed out") for _, outcome, _ in logged)
        assert {entry.who for entry in shared.client.audit()} == {"local admin"}


def test_a_command_ends_with_its_caller_or_its_node(shared: Network) -> None:
    with shared.node("a", **ALLOW) as node:
        for number, end in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGKILL)):
            marker = f"6{number}.9173"
            caller = start(shared, "nodes", "exec", "a", "--", "sh", "-c", f"echo begun; sleep {marker}")
            assert caller.stdout is not None and caller.stdout.readline() == b"begun\n"
            caller.send_signal(end)
            caller.wait(20)
            wait_gone(marker)
        assert entries(shared, "exec")[-1][1] == "caller gone"
        caller = start(shared, "nodes", "exec", "a", "--", "sh", "-c", "echo begun; sleep 69.9173")
        assert caller.stdout is not None and caller.stdout.readline() == b"begun\n"
        node.process.terminate()
        wait_gone("69.9173")
        assert caller.wait(30) == 6
    with shared.node("a", **ALLOW) as node:
        caller = start(shared, "nodes", "exec", "a", "--", "sh", "-c", "echo begun; sleep 68.9173")
        assert caller.stdout is not None and caller.stdout.readline() == b"begun\n"
        node.process.kill()
        assert caller.wait(30) == 6
        wait_gone("68.9173")


def test_a_command_ends_when_its_master_is_killed(network: Network) -> None:
    with network.node("a", **ALLOW):
        caller = start(network, "nodes", "exec", "a", "--", "sh", "-c", "echo begun; sleep 70.9173")
        assert caller.stdout is not None and caller.stdout.readline() == b"begun\n"
        network.master.process.kill()
        assert caller.wait(30) == 6
        wait_gone("70.9173", 30)


def test_much_output_arrives_whole_and_bounded(shared: Network) -> None:
    with shared.node("a", MANYEYES_NODE_EXEC_OUTPUT_BYTES="6000000", **ALLOW):
        whole = manyeyes(shared, "nodes", "exec", "a", "--", "seq", "700000")
        assert whole.stdout == "".join(f"{n}\n" for n in range(1, 700_001)).encode()
        cut = manyeyes(shared, "nodes", "exec", "a", "--", "head", "-c", "7000000", "/dev/zero")
        assert len(cut.stdout) == 6_000_000 and b"thrown away" in cut.stderr


def summed_up(network: Network, who: str) -> AuditEntry:
    """The first sum of what a key was refused, or of those without one; the master writes it within a second."""
    end = time.monotonic() + 10
    while True:
        sums = [e for e in network.client.audit() if (e.who, e.what) == (who, "refused")]
        if sums or time.monotonic() > end:
            return sums[0]
        time.sleep(0.1)


def test_only_admins_run_commands_and_read_the_log(shared: Network) -> None:
    with shared.node("a", **ALLOW):
        for role in ("user", "operator"):
            path = shared.folder / f"{role}.json"
            made = manyeyes(shared, "keys", "create", f"a {role}", "--role", role, "--context", str(path))
            assert (made.returncode, made.stdout) == (0, b""), made.stderr
            assert path.stat().st_mode & 0o777 == 0o600
            env = {**os.environ, "MANYEYES_CONTEXT": str(path)}
            for command in (["nodes", "exec", "a", "--", "true"], ["audit"], ["keys", "list"]):
                done = subprocess.run([*MANYEYES, *command], capture_output=True, env=env)
                assert done.returncode == 5, done.stderr
            with Client(load_context(path)) as client, pytest.raises(NotAllowed):
                client.verify_audit()
            (shared.folder / "f").write_text("x")
            put = subprocess.run([*MANYEYES, "nodes", "put", "a", str(shared.folder / "f")], env=env)
            assert put.returncode == (0 if role == "operator" else 5)
        assert summed_up(shared, "a user").detail == "1 refused: exec 1", "the first is there at once"
        assert summed_up(shared, "a operator").outcome == "not-allowed"
        put_done = [e.who for e in shared.client.audit() if e.what == "put" and e.outcome == "done"]
        assert put_done == ["a operator"]
        stranger = Client(replace(shared.client.context, api_key="mek_nobody"))
        with stranger, pytest.raises(NotSignedIn):
            stranger.audit()
        assert summed_up(shared, "").detail == "1 refused: 127.0.0.1 1"
        assert manyeyes(shared, "keys", "revoke", "a operator").returncode == 0
        revoked = subprocess.run([*MANYEYES, "nodes", "list"], capture_output=True, env=env)
        assert revoked.returncode == 5 and b"revoked, or has it expired?" in revoked.stderr
        last = manyeyes(shared, "keys", "revoke", "local admin")
        assert last.returncode == 5 and b"the last key with the role admin" in last.stderr
        shown = manyeyes(shared, "keys", "create", "a third", "--json")
        key = json.loads(shown.stdout)["key"]
        assert (
            key.startswith("mek_") and key.encode() not in manyeyes(shared, "keys", "list", "--json").stdout
        )


def test_files(shared: Network, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    noise = secrets.token_bytes(2_000_000)
    (source / "noise.bin").write_bytes(noise)
    (source / "deep" / "text").write_bytes(b"the same line\n" * 100_000)
    (source / "deep" / "tool").write_text("#!/bin/sh\necho works\n")
    (source / "deep" / "tool").chmod(0o755)
    (source / "empty").write_bytes(b"")
    with shared.node("a", **ALLOW):
        put = manyeyes(shared, "nodes", "put", "a", str(source), "--to", "in", "--json")
        moved = json.loads(put.stdout)
        assert (put.returncode, moved["files"]) == (0, 4)
        assert moved["size_bytes"] == 3_400_021 and 2_000_000 <= moved["travelled_bytes"] < 2_100_000
        again = json.loads(manyeyes(shared, "nodes", "put", "a", str(source), "--to", "in", "--json").stdout)
        assert again["travelled_bytes"] == 0
        ran = manyeyes(shared, "nodes", "exec", "a", "--", "./in/source/deep/tool")
        assert ran.stdout == b"works\n"

        out = tmp_path / "out"
        got = manyeyes(shared, "nodes", "get", "a", "in/source", "-o", str(out))
        assert got.returncode == 0, got.stderr
        assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) == [
            "source/deep/text", "source/deep/tool", "source/empty", "source/noise.bin",
        ]  # fmt: skip
        assert (out / "source" / "noise.bin").read_bytes() == noise

        exchange = shared.folder / "a" / "exchange"
        (exchange / "leak").symlink_to(shared.folder / "a" / "node.nk")
        for name in ("leak", "../node.nk", str(shared.folder / "a" / "node.nk"), "missing"):
            refused = manyeyes(shared, "nodes", "get", "a", name, "-o", str(out))
            assert refused.returncode == 2, (name, refused.stderr)
        assert not (out / "leak").exists() and not (out / "node.nk").exists()
        (source / "link").symlink_to("/etc/passwd")
        for arguments in ([str(source)], [str(source / "empty"), "--to", "../up"]):
            assert manyeyes(shared, "nodes", "put", "a", *arguments).returncode == 2
        assert manyeyes(shared, "nodes", "put", "a", str(tmp_path / "none")).returncode == 10
        assert not (shared.folder / "a" / "up").exists()

        puts = entries(shared, "put")
        assert ("a", "begun", "in/source/noise.bin") in puts
        assert any(
            outcome == "done" and "in/source/noise.bin, 2000000 bytes" in detail
            for _, outcome, detail in puts
        )
        assert ("a", "file", "leak") in entries(shared, "list")
        verified = manyeyes(shared, "audit", "--verify")
        assert verified.returncode == 0 and b"all as they were written" in verified.stdout


def test_a_cut_transfer_goes_on(shared: Network, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(secrets.token_bytes(60_000_000))
    with shared.node("a"):
        caller = start(shared, "nodes", "put", "a", str(big))
        part = shared.folder / "a" / "incoming"
        end_s = time.monotonic() + 30
        while not (part.exists() and any(p.stat().st_size > 5_000_000 for p in part.iterdir())):
            assert time.monotonic() < end_s and caller.poll() is None
            time.sleep(0.01)
        caller.kill()
        caller.wait()
        time.sleep(0.3)
        (kept,) = part.iterdir()
        had = kept.stat().st_size
        assert 5_000_000 < had < 60_000_000
    with shared.node("a"):
        moved = json.loads(manyeyes(shared, "nodes", "put", "a", str(big), "--json").stdout)
        assert moved["travelled_bytes"] == 60_000_000 - had
        assert (shared.folder / "a" / "exchange" / "big").read_bytes() == big.read_bytes()


def test_an_altered_log_is_named(network: Network) -> None:
    for _ in range(3):
        network.client.create_token(60)
    assert manyeyes(network, "audit", "--verify").returncode == 0
    db = sqlite3.connect(network.data / "master.db")
    with db:
        db.execute("DROP TRIGGER audit_is_not_changed")
        db.execute("UPDATE audit SET detail = 'good for 1 s' WHERE number = 2")
    db.close()
    broken = manyeyes(network, "audit", "--verify")
    assert broken.returncode == 9 and b"entry 2 of the audit log" in broken.stderr
    listed = json.loads(manyeyes(network, "audit", "--json").stdout)
    assert [entry["what"] for entry in listed] == ["token"] * 3
