"""What systemd hears of a service, over a socket as systemd opens it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from manyeyes.cli.notify import VARIABLE, notify


@pytest.fixture(params=["path", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    name = str(tmp_path / "n") if request.param == "path" else f"@{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.settimeout(5)
        line.bind(name.replace("@", "\0", 1))
        monkeypatch.setenv(VARIABLE, name)
        yield line


def test_systemd_hears_what_is_said(systemd: socket.socket) -> None:
    notify(READY=1, STATUS="serves https://127.0.0.1:8443")
    assert systemd.recv(1000) == b"READY=1\nSTATUS=serves https://127.0.0.1:8443\n"


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with capture_logs() as lines:
        notify(READY=1)
    assert lines == []


def test_a_socket_that_nobody_reads_ends_no_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    with capture_logs() as lines:
        notify(STOPPING=1)
    assert lines[0]["event"] == "systemd hears nothing of this service"
