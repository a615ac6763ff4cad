"""The text of the systemd unit, from its facts alone; systemd itself reads it where it is at hand."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from manyeyes.cli.service import unit
from manyeyes.cli.service.installed import command_of
from manyeyes.cli.service.unit import Service, differences, quoted, render
from manyeyes.config import NodeSettings
from manyeyes.errors import BadRequest, NodeRemoved, Unavailable

ODD = 'my "100 %" data\\of $HOME; %h'
PROGRAM = ("/opt/manyeyes/bin/python", "-m", "manyeyes.cli.app")


def service(
    role: str = "up", data: str = "/var/lib/manyeyes", user: str | None = "ada", *words: str
) -> Service:
    return Service(
        role=role,
        command=(*PROGRAM, role, "--data", data, *words),
        data=Path(data),
        writable=(),
        settings_file=Path("/etc/manyeyes/manyeyes.env"),
        user=user,
        reads=(Path("/opt/manyeyes"),),
    )


def setting(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.partition("=")[0] == name]


def test_every_character_of_a_path_arrives_as_it_is() -> None:
    text = render(service("up", f"/srv/{ODD}", "ada", "--advertise", "a b", ";"), 252)
    (line,) = setting(text, "ExecStart")
    assert line.startswith('":/opt/manyeyes/bin/python" "-m" '), "the ':' has systemd leave $HOME alone"
    escaped = '"/srv/my \\"100 %%\\" data\\\\of $HOME; %%h"'
    assert f' "--data" {escaped} "--advertise" "a b" ";"' in line
    assert setting(text, "ReadWritePaths") == [escaped]
    assert command_of(text) == [*PROGRAM, "up", "--data", f"/srv/{ODD}", "--advertise", "a b", ";"]


@pytest.mark.parametrize("path", ["/srv/two\nlines", "/srv/bell\a"])
def test_a_path_that_no_unit_can_hold_is_refused(path: str) -> None:
    with pytest.raises(BadRequest, match="cannot stand in a unit file"):
        render(service("up", path), 252)


def test_a_program_that_systemd_would_not_start_is_refused() -> None:
    odd = replace(service(), command=('/opt/"my"/python', *PROGRAM[1:], "up"))
    with pytest.raises(BadRequest, match="install manyeyes elsewhere"):
        render(odd, 252)


@pytest.mark.parametrize("where", ["data", "writable", "reads"])
def test_what_lies_in_tmp_is_refused_because_the_service_has_its_own(where: str) -> None:
    folder = Path("/tmp/x")
    changed = replace(service(), **{where: folder if where == "data" else (folder,)})
    with pytest.raises(BadRequest, match=r"/tmp/x is in a folder for temporary files"):
        render(changed, 252)


def test_it_stops_as_slowly_as_a_drain_and_starts_again_only_where_that_helps() -> None:
    text = render(service("node"), 252)
    assert setting(text, "KillMode") == ["mixed"], "the agent ends its workers itself"
    assert float(setting(text, "TimeoutStopSec")[0]) >= NodeSettings.model_fields["drain_s"].default + 20
    assert setting(text, "Restart") == ["on-failure"]
    never = setting(text, "RestartPreventExitStatus")[0].split()
    assert str(NodeRemoved.exit_code) in never and str(BadRequest.exit_code) in never
    assert str(Unavailable.exit_code) not in never, "a master that is away comes back"
    assert setting(text, "OOMPolicy") == ["continue"], "a worker that the kernel ends does not end the node"


@pytest.mark.parametrize(("version", "steps"), [(252, []), (254, ["6"])])
def test_the_pause_between_restarts_grows_where_systemd_can(version: int, steps: list[str]) -> None:
    assert setting(render(service(), version), "RestartSteps") == steps


def test_a_service_of_the_user_asks_for_nothing_that_only_the_system_can_do() -> None:
    own, whole = render(service(user=None), 252), render(service(), 252)
    for name in ("CapabilityBoundingSet", "PrivateDevices", "ProtectKernelModules", "ProtectKernelLogs"):
        assert setting(whole, name) and not setting(own, name), (
            f"{name}= fails a user's service: 218/CAPABILITIES"
        )
    assert setting(own, "User") == [] and setting(whole, "User") == ["ada"]
    assert setting(own, "WantedBy") == ["default.target"]
    assert "network-online" not in own
    for text in (own, whole):
        for name in ("NoNewPrivileges", "PrivateTmp"):
            assert setting(text, name) == ["yes"]
        assert setting(text, "ProtectSystem") == ["strict"]


def test_homes_are_hidden_unless_something_of_the_service_is_there() -> None:
    assert setting(render(service(), 252), "ProtectHome") == ["yes"]
    at_home = replace(service(), reads=(Path("/home/ada/env"),))
    assert setting(render(at_home, 252), "ProtectHome") == ["read-only"]


def test_a_low_port_and_a_memory_limit_when_asked_for() -> None:
    text = render(replace(service(), low_port=True, memory_max="4294967296"), 252)
    assert setting(text, "AmbientCapabilities") == ["CAP_NET_BIND_SERVICE"]
    assert setting(text, "MemoryMax") == ["4294967296"]
    assert setting(render(service(), 252), "AmbientCapabilities") == [""]


def test_two_units_differ_in_these_lines() -> None:
    before, after = render(service(), 252), render(service("up", "/srv/data"), 252)
    found = differences(before, after)
    assert [line.split()[0] for line in found] == ["installed:"] * 2 + ["wanted:"] * 2
    assert any(line.startswith("wanted:    ExecStart=") and '"/srv/data"' in line for line in found)
    assert differences(before, before) == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("user", ["daemon", None])
def test_systemd_reads_the_unit_without_a_complaint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str | None
) -> None:
    monkeypatch.setattr(unit, "PRIVATE", ())
    program = tmp_path / "a b%c$d" / "python"
    program.parent.mkdir()
    program.symlink_to("/bin/true")
    odd = tmp_path / ODD
    made = Service(
        "up", (str(program), "-m", "x", "up", "--data", str(odd), ";"), odd, (odd / "w",), odd / "s.env", user,
        environment=(("HOME", str(odd)),), memory_max="4294967296", low_port=True,
    )  # fmt: skip
    file = tmp_path / "manyeyes.service"
    file.write_text(render(made, 252))
    told = subprocess.run(
        ["systemd-analyze", "verify", str(file)], capture_output=True, text=True, timeout=60
    )
    assert (told.returncode, told.stdout + told.stderr) == (0, "")
    # what is no absolute path is named as systemd read it
    file.write_text(f"[Service]\nExecStart=/bin/true\nReadWritePaths={quoted(ODD)} {quoted('-also')}\n")
    told = subprocess.run(
        ["systemd-analyze", "verify", str(file)], capture_output=True, text=True, timeout=60
    )
    assert f"ignoring: {ODD}\n" in told.stderr and "ignoring: also\n" in told.stderr
