"""What runs on the machine that is brought in, on this machine, with its folders elsewhere."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from manyeyes.cli.adding import remote_installer as hand

SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$HOME/told"
case "$*" in
*is-active*) test -e "$HOME/active" ;;
*show-environment*) exit "${BROKEN:-0}" ;;
*restart*) touch "$HOME/active" ;;
esac
"""
LOGINCTL = """#!/bin/sh
case "$*" in
*enable-linger*) touch "$HOME/linger" ;;
*show-user*) if test -e "$HOME/linger"; then echo yes; else echo no; fi ;;
esac
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / ".local" / "share" / "manyeyes" / "agent"
    root.mkdir(parents=True)
    monkeypatch.setattr(hand, "HOME", tmp_path)
    monkeypatch.setattr(hand, "ROOT", root)
    monkeypatch.setattr(hand, "DATA", root.parent / "node")
    monkeypatch.setattr(hand, "LOG", root / "agent.log")
    monkeypatch.setattr(hand, "STARTED", root / "started.json")
    monkeypatch.setattr(hand, "UNIT_FILE", tmp_path / ".config" / "systemd" / "user" / hand.UNIT)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path


@pytest.fixture
def systemd(home: Path) -> Path:
    for name, text in (("systemctl", SYSTEMCTL), ("loginctl", LOGINCTL)):
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    return home


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_it_runs_with_nothing_but_python(home: Path) -> None:
    command = [sys.executable, "-I", "-S", hand.__file__, "preflight", json.dumps({"addresses": []})]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"HOME": str(home), "PATH": "/usr/bin"}
    )
    told = json.loads(done.stdout)["done"]
    assert told["folder"] == str(hand.ROOT)
    assert told["member"] is None and told["running"] is None and told["installed"] == ""


def test_what_arrives_whole_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"wheel")
    hand.receive({"name": "a.whl", "sha256": hashlib.sha256(b"wheel").hexdigest()})
    assert (hand.ROOT / "incoming" / "a.whl").read_bytes() == b"wheel"
    assert hand.preflight({"addresses": []})["received"] == {"a.whl": 5}


def test_what_is_cut_is_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"whe")
    with pytest.raises(hand.Trouble, match="did not arrive whole"):
        hand.receive({"name": "a.whl", "sha256": hashlib.sha256(b"wheel").hexdigest()})
    assert list((hand.ROOT / "incoming").iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "/etc/a", ".a", "a/b", ""])
def test_names_stay_in_the_folder(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    stdin(monkeypatch, b"")
    with pytest.raises(hand.Trouble):
        hand.receive({"name": name, "sha256": hashlib.sha256(b"").hexdigest()})


def test_whose_node_it_is(home: Path) -> None:
    hand.DATA.mkdir()
    pem = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(b'der').decode()}\n-----END CERTIFICATE-----\n"
    (hand.DATA / "membership.json").write_text(json.dumps({"name": "n", "ca_pem": pem}))
    (hand.DATA / "node.nk").write_text("seed")
    assert hand.preflight({"addresses": []})["member"] == {
        "name": "n",
        "ca": hashlib.sha256(b"der").hexdigest(),
    }
    hand.forget({})
    assert hand.preflight({"addresses": []})["member"] is None
    assert not (hand.DATA / "node.nk").exists()


def test_two_do_not_install_at_once(home: Path) -> None:
    with (hand.ROOT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(hand.Trouble, match="another 'manyeyes nodes add'"), hand._alone():
            pass


def installed(digest: str) -> None:
    (hand.ROOT / "envs" / digest).mkdir(parents=True)
    (hand.ROOT / "envs" / digest / "complete").touch()
    hand._point(hand.ROOT / "current", hand.ROOT / "envs" / digest)


def test_what_stands_is_not_installed_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand, "_follow_the_life_line", lambda: None)
    monkeypatch.setattr(hand, "_make", lambda *_: pytest.fail("it was there"))
    installed("one")
    for leftover in ("older", ".making-x"):
        (hand.ROOT / "envs" / leftover).mkdir()
    assert hand.install({"digest": "one", "requirements": "", "own": [], "offline": False}) == {
        "changed": False
    }
    assert [folder.name for folder in (hand.ROOT / "envs").iterdir()] == ["one"]
    assert os.access(hand.ROOT / "manyeyes", os.X_OK)


def test_an_installation_that_was_cut_does_not_count(home: Path) -> None:
    (hand.ROOT / "envs" / "half").mkdir(parents=True)
    hand._point(hand.ROOT / "current", hand.ROOT / "envs" / "half")
    assert hand.preflight({"addresses": []})["installed"] == ""


def test_a_systemd_user_service(systemd: Path) -> None:
    installed("one")
    done = hand.start({"flags": ["--workers", "2"]})
    assert done["service"] and done["linger"]
    unit = (systemd / ".config" / "systemd" / "user" / hand.UNIT).read_text()
    assert f'ExecStart=/bin/sh "{hand.ROOT}/start"' in unit
    assert "Restart=on-failure" in unit and "WantedBy=default.target" in unit
    assert (hand.ROOT / "start").read_text().count("--workers 2") == 1
    told = (systemd / "told").read_text().splitlines()
    assert [line.split()[1] for line in told] == ["show-environment", "daemon-reload", "enable", "restart"]


def test_a_service_that_runs_as_wanted_is_left_alone(systemd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("one")
    hand.start({"flags": []})
    monkeypatch.setattr(hand, "holder", lambda: 4711)
    monkeypatch.setattr(hand, "stop", lambda _: pytest.fail("it runs as wanted"))
    (systemd / "told").unlink()
    assert hand.start({"flags": []})["restarted"] is False
    assert "restart" not in (systemd / "told").read_text()
    stopped: list[int] = []
    monkeypatch.setattr(hand, "stop", lambda _: stopped.append(1))
    assert hand.start({"flags": ["--when-idle"]})["restarted"] is True
    assert "restart" in (systemd / "told").read_text() and stopped


def test_a_systemctl_without_a_systemd_is_none(systemd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKEN", "1")
    assert not hand.has_user_systemd()


def test_no_systemctl(home: Path) -> None:
    assert not (home / "bin" / "systemctl").exists()
    assert not hand.has_user_systemd() or Path("/usr/bin/systemctl").exists()


def test_paths_with_signs_that_mean_something_to_systemd() -> None:
    assert hand._for_systemd(Path('/home/50% "a"/$x')) == '/home/50%% \\"a\\"/$$x'


def test_flags_are_no_shell(systemd: Path) -> None:
    installed("one")
    hand.start({"flags": ["--hours", "$(touch /tmp/x); 22:00-07:00"]})
    assert "'$(touch /tmp/x); 22:00-07:00'" in (hand.ROOT / "start").read_text()
