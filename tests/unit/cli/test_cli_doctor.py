"""`manyeyes doctor` without a master: what it says of an installation for nodes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from manyeyes.cgroups import Machine
from manyeyes.cli import doctor
from manyeyes.cli.app import app
from manyeyes.errors import EngineMissing, PortTaken


@pytest.mark.parametrize(
    ("master", "status", "said"),
    [
        (
            False,
            0,
            "ok   engine: none is needed: this installation, without [master], runs nodes and commands",
        ),
        (True, 8, "BAD  engine: none here"),
    ],
)
def test_an_installation_for_nodes_needs_no_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, master: bool, status: int, said: str
) -> None:
    def missing() -> None:
        raise EngineMissing("none here")

    monkeypatch.setattr(doctor, "_has_master", lambda: master)
    monkeypatch.setattr("manyeyes.broker.engine.find_engine", missing)
    monkeypatch.setattr(doctor, "_free_ports", lambda: "free")
    shown = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path)])
    assert said in shown.output and shown.exit_code == status, shown.output


@pytest.mark.parametrize(("master", "joined"), [(False, False), (True, True)])
def test_a_node_needs_no_free_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, master: bool, joined: bool
) -> None:
    def taken() -> str:
        raise PortTaken("cannot listen on 127.0.0.1:8443")

    monkeypatch.setattr(doctor, "_has_master", lambda: master)
    monkeypatch.setattr(doctor, "_engine", lambda: "")
    monkeypatch.setattr(doctor, "_free_ports", taken)
    if joined:
        (tmp_path / "membership.json").touch()
    shown = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path)])
    assert "ok   ports: a node needs no open port: it connects to its master" in shown.output
    assert "ok   network: a node needs no open port" in shown.output and shown.exit_code == 0
    (tmp_path / "membership.json").unlink(missing_ok=True)
    monkeypatch.setattr(doctor, "_has_master", lambda: True)
    shown = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path)])
    assert "BAD  ports: cannot listen" in shown.output and shown.exit_code == 8


def test_who_reaches_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "manyeyes.lan.service.places_to_announce", lambda *_: [SimpleNamespace(address="192.0.2.2")]
    )
    monkeypatch.setattr(doctor, "_answers", lambda *_: True)
    said = "other machines reach the master at 192.0.2.2:8443, unless a firewall is between"
    assert doctor._reach("https://127.0.0.1:8443") == said


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (
            Machine(2, 25_300_000_000, 0.5, 700_000_000),
            "2 cores (limited to 0.5), 25.3 GB (limited to 700 MB)",
        ),
        (Machine(8, 270_000_000_000, 8, 134_000_000_000), "8 cores, 270.0 GB (limited to 134.0 GB)"),
        (Machine(1, 512_000_000, 1, 512_000_000), "1 core, 512 MB"),
    ],
)
def test_limits_of_the_machine_are_said_as_in_the_guide(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, said: str
) -> None:
    monkeypatch.setattr(doctor, "read_machine", lambda: machine)
    assert doctor._machine() == f"{said}; as many workers as cores: {machine.workers}"
