"""`manyeyes doctor` without a master: what it says of an installation for nodes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from manyeyes.cli import doctor
from manyeyes.cli.app import app
from manyeyes.errors import EngineMissing


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
