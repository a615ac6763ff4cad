"""The built wheel, installed in an empty environment, works in an empty folder: no file of the repository is used."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from background import Background, free_port

from tests.containerfile import health_check

from .conftest import ROOT
from .pictures import astronaut

CLEAN = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
"""Nothing of this environment, so that nothing of it is found by mistake."""

UV = "uv==0.13.9"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> tuple[Path, dict[str, str]]:
    """The folder of the new user's programs, and what its processes have in their environment.

    Installed by `uv tool install`, which makes an environment without pip, as pipx does.
    """
    home = tmp_path_factory.mktemp("home")
    env = {
        name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "HTTP", "SSL_"))
    }
    env |= {**CLEAN, "HOME": str(home), "MANYEYES_CACHE": os.environ.get("MANYEYES_CACHE", str(home / "w"))}
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    uv = [str(home / "tools/bin/uv"), "tool", "install", "-q", "--python", sys.executable]
    for command in ([*pip, "--target", str(home / "tools"), UV], [*uv, f"{wheel}[master]"]):
        subprocess.run(command, check=True, env=env, cwd=home, timeout=280)
    return home / ".local/share/uv/tools/manyeyes/bin", env


def test_from_the_wheel_to_a_recognised_picture(
    installed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    programs, env = installed
    manyeyes = str(programs / "manyeyes")

    def run(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [manyeyes, *arguments], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    ports = [f"--https-port={free_port()}", f"--nats-port={free_port()}"]
    if sys.version_info < (3, 12):
        missing = run("up", "--data", "data", *ports, status=8)
        assert missing.stderr.splitlines()[-1].startswith("error: the message engine nats-server is not")
        assert "'manyeyes engine install' fetches it" in missing.stderr
        assert not (tmp_path / "data" / "packs").exists(), "it is said before the pack is built"
        assert "BAD  engine" in run("doctor", "--data", "data", status=8).stdout
        assert f"at {programs / 'nats-server'}" in run("engine", "install").stderr
    assert "nats-server 2." in run("engine", "show").stdout
    assert "BAD" not in run("doctor", "--data", "data").stdout

    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(tmp_path / "notify"))
    systemd.setblocking(False)
    env = {**env, "MANYEYES_CONTEXT": str(tmp_path / "data" / "context.json")}
    env |= {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    arguments = [manyeyes, "up", "--data", str(tmp_path / "data"), "--workers", "1", *ports]
    up = Background.start(arguments, tmp_path / "up.log", env)
    health = [programs / "python", "-c", health_check(int(ports[0].partition("=")[2]))]
    try:
        up.wait_ready()
        assert systemd.recv(1000).startswith(b"READY=1\nSTATUS=serves https://")
        assert subprocess.run(health).returncode == 0
        refused = run("uninstall", "--data", "data", "--yes", status=2)
        assert "manyeyes down --data" in refused.stderr, "nothing is removed under a running master"
        astronaut().save(tmp_path / "one.jpg")
        run("send", "one.jpg", "-o", "out")
        (line,) = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
        assert len(json.loads(line)["faces"]) == 1
        assert (tmp_path / "out" / "one.jpg").exists()
        run("down", "--data", "data")
        assert systemd.recv(1000) == b"STOPPING=1\n", "the node beside the master says nothing to its systemd"
        assert subprocess.run(health, capture_output=True).returncode != 0
        assert str(tmp_path / "data") in run("uninstall", "--data", "data", "--yes").stdout
        assert not (tmp_path / "data").exists(), "every file in it is known"
    finally:
        up.stop()
        systemd.close()
