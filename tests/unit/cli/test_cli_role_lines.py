"""What a role says of itself, in a terminal and in a file."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from manyeyes.cli import local_node
from manyeyes.cli.build_bar import BuildBar
from manyeyes.cli.local_node import _know_the_master
from manyeyes.cli.role_lines import (
    RoleLines,
    StateLines,
    addresses_text,
    local_name,
    nodes_text,
    starts,
    warn_of_kept_out,
)
from manyeyes.cli.run import _store_user_context
from manyeyes.config import MasterSettings
from manyeyes.node.membership.membership import Membership
from manyeyes.sdk.context import Context, save_context

URL = "https://127.0.0.1:8443"


@pytest.mark.parametrize(
    ("terminal", "said"),
    [
        (True, "pack:   faces@1.2.0\nready:  here\nnext:   send\n\rstopped\n"),
        (False, "pack:   faces@1.2.0\nready:  here\nnext:   send\nstopped\n"),
    ],
)
def test_lines(capsys: pytest.CaptureFixture[str], terminal: bool, said: str) -> None:
    lines = RoleLines(terminal)
    lines.step("pack", "faces@1.2.0")
    lines.ready("here")
    lines.hint("send")
    lines.stopped()
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", said)


def test_a_bar_leaves_no_blank_lines_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    bar = BuildBar()
    bar.stop()
    bar("detector", 0.1)
    bar("embedder", 0.5)
    bar.stop()
    bar.stop()
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "building the default pack (only once)\n")


def test_the_next_step_leads_to_this_master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANYEYES_CONTEXT", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def stored(name: str, port: int) -> str:
        context = Context(f"https://127.0.0.1:{port}", f"CA of {name}", "key")
        return _store_user_context(context, MasterSettings(data=tmp_path / name))

    assert stored("lab", 8443) == ""
    assert stored("fresh", 9443) == "'manyeyes contexts use fresh', then "
    monkeypatch.setenv("MANYEYES_CONTEXT", str(tmp_path / "context.json"))
    save_context(Context("https://127.0.0.1:1", "CA", "key"), tmp_path / "context.json")
    assert stored("third", 9444) == f"'export MANYEYES_CONTEXT={tmp_path}/third/context.json', then "


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


HOURS = "outside its hours 22:00-07:00"


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([("provisioning", "starting workers"), ("ready", ""), ("working", "")], []),
        ([("paused", HOURS), ("paused", HOURS)], [f"paused: node w2: {HOURS}"]),
        (
            [("ready", ""), ("draining", "2 pictures in hand; paused by an operator"), ("draining", "1 picture in hand; x"),
             ("paused", "paused by an operator"), ("ready", ""), ("working", "")],
            ["draining: node w2: 2 pictures in hand; paused by an operator", "paused: node w2: paused by an operator",
             "ready:  node w2 works again"],
        ),
        ([("ready", ""), ("draining", "0 pictures in hand")], []),
    ],
)  # fmt: skip
def test_a_node_says_when_it_takes_no_pictures_and_when_it_does_again(
    capsys: pytest.CaptureFixture[str], states: list[tuple[str, str]], said: list[str]
) -> None:
    lines = StateLines(RoleLines(True), "w2")
    lines.started = True
    for state, reason in states:
        lines.told(state, reason)
    assert capsys.readouterr().err.splitlines() == said


def test_a_node_that_was_never_ready_does_not_work_again(capsys: pytest.CaptureFixture[str]) -> None:
    lines = StateLines(RoleLines(True), "w2")
    lines.told("paused", HOURS)
    lines.told("ready", "")
    assert "again" not in capsys.readouterr().err, "'ready:' is said when all its workers are"


def test_up_names_the_nodes_and_says_why_none_works() -> None:
    nodes = [{"name": "vm", "state": "paused", "reason": HOURS, "workers": 0}]
    master = SimpleNamespace(nodes=SimpleNamespace(all=lambda: nodes))
    assert nodes_text(master) == f"none takes pictures; vm is paused: {HOURS}"
    nodes.append({"name": "lab", "state": "ready", "reason": "", "workers": 2})
    assert nodes_text(master) == "lab, 2 workers"


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
