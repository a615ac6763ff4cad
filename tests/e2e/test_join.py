"""Tokens that must not work: each is refused at once, with its reason."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest
from background import MANYEYES, Background, free_port

from .conftest import Seed, Up

REFUSED = 5


def join(token: str, data: Path, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    command = [MANYEYES, "node", "--data", str(data), "--join", token, "--name", "stranger", "--workers", "1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)


def make_token(up: Up, expires: str = "1h") -> str:
    made = up.run("token", "--expires", expires)
    assert made.returncode == 0, made.stderr
    return made.stdout.split()[-1]


def assert_refused(tried: subprocess.CompletedProcess[str], *told: str) -> None:
    assert tried.returncode != 0
    assert "Traceback" not in tried.stderr
    assert "ready:" not in tried.stdout
    said = tried.stderr.lower()
    assert "token" in said, tried.stderr
    assert any(word in said for word in told), tried.stderr


@pytest.mark.parametrize("token", [" ", "nonsense", "me1.AAAA.BBBB"])
def test_a_token_that_is_none(up: Up, tmp_path: Path, token: str) -> None:
    assert_refused(join(token, tmp_path / "node"), "not a", "join token", "empty")


def test_a_token_with_a_wrong_secret(up: Up, tmp_path: Path) -> None:
    token = make_token(up)
    middle = len(token) * 3 // 4
    other = "A" if token[middle] != "A" else "B"
    tried = join(token[:middle] + other + token[middle + 1 :], tmp_path / "node")
    assert_refused(tried, "refused", "not a", "damaged", "unknown", "join token")


def test_an_expired_token(up: Up, tmp_path: Path) -> None:
    token = make_token(up, "1s")
    time.sleep(2.1)
    tried = join(token, tmp_path / "node")
    assert_refused(tried, "expired")
    assert tried.returncode == REFUSED


def test_another_masters_token(up: Up, seed: Seed, tmp_path: Path) -> None:
    """A token of a master that is gone, at the address where another one now answers."""
    data, ports = tmp_path / "other", [str(free_port()), str(free_port())]
    seed(data)
    command = [MANYEYES, "master", "--listen", "127.0.0.1", "--https-port", ports[0], "--nats-port", ports[1]]
    first = Background.start([*command, "--data", str(data)], tmp_path / "first.log")
    try:
        first.wait_ready()
        made = up.run("token", env={"MANYEYES_CONTEXT": str(data / "context.json")})
        assert made.returncode == 0, made.stderr
    finally:
        first.stop()
    seed(tmp_path / "second")
    second = Background.start([*command, "--data", str(tmp_path / "second")], tmp_path / "second.log")
    try:
        second.wait_ready()
        tried = join(made.stdout.split()[-1], tmp_path / "node")
        assert_refused(tried, "another master", "other master", "fingerprint", "certificate", "refused")
    finally:
        second.stop()


def test_a_node_waits_for_a_token_in_a_file_and_tells_systemd_how_far_it_is(up: Up, tmp_path: Path) -> None:
    file, data = tmp_path / "token", tmp_path / "node"
    command = [
        MANYEYES,
        "node",
        "--data",
        str(data),
        "--join-file",
        str(file),
        "--name",
        "late",
        "--workers",
        "1",
    ]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        node = Background.start(command, tmp_path / "log", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        try:
            while "waits for a join token" not in node.output:
                time.sleep(0.05)
            file.write_text(make_token(up) + "\n")
            assert systemd.recv(1000) == b"READY=1\nSTATUS=node late looks for its master\n"
            assert systemd.recv(1000) == b"STATUS=node late works with 1 worker\n"
        finally:
            assert node.stop() == 0
        told = [systemd.recv(1000), systemd.recv(1000)]
        assert told == [b"STOPPING=1\n", b"EXTEND_TIMEOUT_USEC=60000000\n"], "systemd waits for the drain"
    assert up.run("nodes", "remove", "late", "--yes").returncode == 0
