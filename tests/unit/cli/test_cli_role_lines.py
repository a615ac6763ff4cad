"""What a role says of itself: lines for a person at a terminal, `ready:` alone for programs."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from manyeyes.cli import local_node
from manyeyes.cli.build_bar import BuildBar
from manyeyes.cli.local_node import _know_the_master
from manyeyes.cli.role_lines import RoleLines, addresses_text, local_name, starts, warn_of_kept_out
from manyeyes.config import MasterSettings
from manyeyes.node.membership.membership import Membership

URL = "https://127.0.0.1:8443"


@pytest.mark.parametrize(
    ("terminal", "said"),
    [(True, "pack:   faces@1.2.0\nready:  here\nnext:   send\n\rstopped\n"), (False, "ready: here\n")],
)
def test_lines(capsys: pytest.CaptureFixture[str], terminal: bool, said: str) -> None:
    lines = RoleLines(terminal)
    lines.step("pack", "faces@1.2.0")
    lines.ready("here")
    lines.hint("send")
    lines.stopped()
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", said)


@pytest.mark.parametrize(
    ("settings", "names", "said"),
    [
        ({}, (), f"{URL} (this machine only)"),
        ({"listen": "LOCALHOST"}, (), f"{URL} (this machine only)"),
        ({"listen": "[::1]", "advertise": ("::1",)}, (), f"{URL} (this machine only)"),
        *(
            (
                {"listen": "0.0.0.0", "advertise": (named,)},
                (),
                f"{URL} (other machines reach it too: it listens on 0.0.0.0; --advertise names an address for them)",
            )
            for named in ("127.0.0.1", "localhost", "::1")
        ),
        (
            {"listen": "0.0.0.0", "advertise": ("vm", "10.0.0.4", "127.0.0.1")},
            (),
            f"{URL} (for other machines: https://vm:8443, https://10.0.0.4:8443)",
        ),
        (
            {"listen": "0.0.0.0", "advertise": ("fe80::1",), "https_port": 443},
            ("faces.example.org",),
            f"{URL} (for other machines: https://faces.example.org:443, https://[fe80::1]:443)",
        ),
    ],
)
def test_the_addresses_that_others_use(
    settings: dict[str, object], names: tuple[str, ...], said: str
) -> None:
    assert addresses_text(MasterSettings(**settings), URL, names) == said  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("listen", "first"),
    [("127.0.0.1", "127.0.0.1:5"), ("0.0.0.0", "127.0.0.1:5"), ("10.0.0.4", "10.0.0.4:5")],
)
def test_the_node_of_up_finds_its_master_at_another_address(tmp_path: Path, listen: str, first: str) -> None:
    settings = MasterSettings(listen=listen, nats_port=5)
    _know_the_master(settings, tmp_path)
    assert not (tmp_path / "membership.json").exists()
    kept = tmp_path / "membership.json"
    Membership("vm", ("vm:4222", "10.0.0.9:4222"), "ca", "key").save(kept)
    _know_the_master(settings, tmp_path)
    assert Membership.load(kept).addresses == (first, "vm:4222", "10.0.0.9:4222")


@pytest.mark.parametrize(
    ("state", "expected"), [("provisioning", True), ("ready", False), ("paused", False), ("lost", True)]
)
def test_up_waits_for_its_own_node_and_not_for_one_that_is_paused(state: str, expected: bool) -> None:
    nodes = [{"name": "lab-2", "state": "ready"}, {"name": "vm", "state": state}]
    master = SimpleNamespace(nodes=SimpleNamespace(all=lambda: nodes))
    assert starts(master, "vm") is expected
    assert starts(master, "not heard of yet")


def test_a_node_that_has_not_joined_yet_has_no_name_and_is_waited_for(tmp_path: Path) -> None:
    """It was removed and joins anew, while the node of another machine is ready already."""
    settings = MasterSettings(data=tmp_path)
    master = SimpleNamespace(nodes=SimpleNamespace(all=lambda: [{"name": "lab-2", "state": "ready"}]))
    assert local_name(settings) == "" and starts(master, local_name(settings))
    rows = {"lab-2": SimpleNamespace(fingerprint="f")}
    warn_of_kept_out(SimpleNamespace(node_service=SimpleNamespace(rows=rows)), settings)
    (tmp_path / "node").mkdir()
    Membership("vm", ("vm:4222",), "ca", "key").save(tmp_path / "node" / "membership.json")
    assert local_name(settings) == "vm"


def test_the_command_that_ends_another_node_can_be_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    stop = asyncio.Event()

    class Log:
        def warning(self, event: str, **facts: str) -> None:
            said.append(facts["what_to_do"])
            if len(said) == 2:
                stop.set()

    folder = tmp_path / "it's mine"
    monkeypatch.setattr(local_node, "holder", lambda folder: 4711)
    monkeypatch.setattr(local_node, "_PATIENCE_S", local_node._LOOK_S)
    monkeypatch.setattr(local_node.telemetry, "log", Log)
    asyncio.run(asyncio.wait_for(local_node._freed(folder, stop), 5))
    command, end = said[1][1:].rsplit("'", 1)
    assert end == " ends it" and shlex.split(command) == ["manyeyes", "down", "--data", str(folder)]


def test_the_bar_of_a_build_needs_no_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """A service whose standard output is a file on a full disk goes on."""
    bar = BuildBar()
    bar("weights", 0.5)
    bar.stop()
    assert capsys.readouterr() == ("", "building the default pack (only once)\n")
