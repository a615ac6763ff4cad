"""`manyeyes service`, with a systemctl that writes down what it is asked."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from manyeyes.cli.app import main
from manyeyes.cli.service import commands, plan, systemd, unit
from manyeyes.cli.service.account import Account, account_for_system, account_of
from manyeyes.cli.service.passed_options import read_options
from manyeyes.datafolder import only_one
from manyeyes.errors import BadRequest, DataFolderUnusable

SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$HOME/told"
case "$*" in
*--property*) if test -e "$HOME/active"; then s=active; else s=failed; fi
  printf 'ActiveState=%s\\nUnitFileState=enabled\\nNRestarts=2\\nStatusText=serves x\\nResult=exit-code\\n' $s ;;
*--version*) echo 'systemd 252 (252.1)' ;;
*show-environment*) if test -e "$HOME/broken"; then echo 'Failed to connect to bus' >&2; exit 1; fi ;;
*is-active*) test -e "$HOME/active" ;;
*start*) if test -e "$HOME/fails"; then echo 'Job failed.' >&2; exit 1; fi; touch "$HOME/active" ;;
*disable*) rm -f "$HOME/active" ;;
esac
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "systemctl"
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    for name in [name for name in os.environ if name.startswith(("MANYEYES_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(unit, "PRIVATE", ())
    monkeypatch.setattr(systemd, "SYSTEM_UNITS", tmp_path / "etc")
    monkeypatch.setattr(systemd, "BOOTED", tmp_path)
    monkeypatch.setattr(commands, "linger", lambda: False)
    monkeypatch.setattr(commands, "_engine", lambda: None)
    return tmp_path


class Ran:
    """Stands for the processes that an account runs while a service is installed."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], str]] = []
        self.join = subprocess.CompletedProcess[str]([], 0, "lab-2\n", "")
        self.version_status = 0

    def __call__(
        self, account: Account, command: Sequence[str], *, given: str = "", timeout_s: float = 0
    ) -> subprocess.CompletedProcess[str]:
        self.asked.append((list(command), given))
        if "--join" in command:
            return self.join
        if "mkdir" in " ".join(command):
            Path(command[-1]).mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess([], self.version_status, "", "No such file")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    ran = Ran()
    monkeypatch.setattr(Account, "run", lambda self, *given, **more: ran(self, *given, **more))
    return ran


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["service", *map(str, words)])
        said = capsys.readouterr()
        code = caught.value.code
        return (code if isinstance(code, int) else 0), said.out, said.err

    return call


def told(home: Path) -> list[str]:
    return (home / "told").read_text().splitlines()


def test_a_service_is_written_enabled_started_shown_and_removed(home: Path, ran: Ran, run: Run) -> None:
    file = home / ".config/systemd/user/manyeyes.service"
    code, _, said = run("install", "--user", "up", "--", "--listen", "0.0.0.0", "--data", home / "my data")
    assert code == 0, said
    assert f'"up" "--data" "{home}/my data" "--listen" "0.0.0.0"' in file.read_text()
    assert [line for line in told(home) if "enable" in line or "reload" in line or "start" in line] == [
        "--user daemon-reload",
        "--user enable --quiet manyeyes.service",
        "--user restart manyeyes.service",
    ]
    assert "data: " + str(home / "my data") in said and "journalctl --user -u manyeyes.service" in said
    assert "loginctl enable-linger" in said, "it would end with the last login"
    assert (home / "my data").is_dir(), "systemd fails a unit whose folders are missing"

    code, shown, _ = run("status")
    assert code == 0
    assert "manyeyes.service, a user service: active (serves x)" in shown
    assert f"manyeyes up --data '{home}/my data' --listen 0.0.0.0" in shown and "restarts   2" in shown
    (plain,) = json.loads(run("status", "--json")[1])["services"]
    assert (plain["role"], plain["state"], plain["data"]) == ("up", "active", str(home / "my data"))
    (home / "active").unlink()
    code, shown, _ = run("status")
    assert code == 6 and "failed" in shown and "last end: exit-code" in shown

    (home / "my data" / "registry.db").touch()
    code, _, said = run("remove")
    assert code == 0 and f"its data stays in {home}/my data" in said
    assert "--user disable --now --quiet manyeyes.service" in told(home)
    assert not file.exists() and (home / "my data" / "registry.db").exists()
    assert run("status")[0] == 6 and "no service of manyeyes is installed" in run("status")[2]
    assert run("remove")[0] == 2


def test_installing_again_changes_nothing_and_other_options_are_shown_and_refused(
    home: Path, ran: Ran, run: Run
) -> None:
    run("install", "--user", "up")
    assert run("install", "--user", "up")[0] == 0
    assert told(home)[-1] == "--user start manyeyes.service", "it is not interrupted"
    file = home / ".config/systemd/user/manyeyes.service"
    before = file.read_text()
    code, _, said = run("install", "--user", "master", "--", "--advertise", "10.0.0.4")
    assert code == 2 and file.read_text() == before
    assert any(
        line.startswith("wanted:    ExecStart=") and '"10.0.0.4"' in line for line in said.splitlines()
    )
    assert "manyeyes.service is installed already" in said and "--replace" in said
    assert run("install", "--user", "--replace", "master", "--", "--advertise", "10.0.0.4")[0] == 0
    assert '"master"' in file.read_text() and told(home)[-1] == "--user restart manyeyes.service"


def test_the_machine_and_the_user_do_not_both_run_one(home: Path, ran: Ran, run: Run) -> None:
    (home / "etc").mkdir()
    (home / "etc" / "manyeyes.service").write_text("[Service]\n")
    code, _, said = run("install", "--user", "--replace", "up")
    assert code == 2 and "already as a system service" in said and "service remove --system" in said
    assert run("install", "--user", "node", "--", "--join", "me1_x")[0] == 0, "a node may run beside a master"


def test_a_node_joins_first_and_its_token_is_nowhere(home: Path, ran: Ran, run: Run) -> None:
    data = home / "node"
    code, _, said = run(
        "install", "--user", "node", "--", "--join", "me1_SECRET", "--name", "lab-2", "--data", data
    )
    assert code == 0 and "joined as node lab-2" in said
    ((command, given),) = [one for one in ran.asked if "--join" in one[0]]
    assert given == "me1_SECRET\n" and "me1_SECRET" not in command, "other users read the command line"
    assert command[-5:] == ["--join", "-", "--join-only", "--name", "lab-2"]
    for path in home.rglob("*"):
        assert not path.is_file() or b"SECRET" not in path.read_bytes(), path
    assert "SECRET" not in said


@pytest.mark.parametrize(("status", "code"), [(5, 5), (6, 8)])
def test_a_node_that_cannot_join_is_not_installed(
    home: Path, ran: Ran, run: Run, status: int, code: int
) -> None:
    ran.join = subprocess.CompletedProcess([], status, "", "a line\nerror: the token is used up\n")
    got, _, said = run("install", "--user", "node", "--", "--join", "me1_x")
    assert (got, said) == (code, "error: the token is used up; nothing was installed\n")
    assert not (home / ".config/systemd").exists()


def test_a_node_without_a_token_must_have_joined_before(home: Path, ran: Ran, run: Run) -> None:
    data = home / "node"
    code, _, said = run("install", "--user", "node", "--", "--data", data)
    assert code == 5 and "has joined no master yet" in said and "--join -" in said
    (data / "membership.json").write_text("{}")
    assert run("install", "--user", "node", "--", "--data", data)[0] == 0
    assert not [one for one in ran.asked if "--join" in one[0]]


def test_who_runs_from_that_folder_by_hand_is_named(home: Path, ran: Ran, run: Run) -> None:
    data = home / "data"
    data.mkdir()
    with only_one(data):
        code, _, said = run("install", "--user", "up", "--", "--data", data)
        assert code == 2 and f"process {os.getpid()} runs from {data}" in said and "manyeyes down" in said
        (home / "active").touch()
        assert run("install", "--user", "up", "--", "--data", data)[0] == 0, "it is the service itself"


def test_what_keeps_a_service_from_being_installed(home: Path, ran: Ran, run: Run) -> None:
    code, _, said = run("install", "--user", "master", "--", "--lisen", "x")
    assert code == 2 and "No such option: --lisen" in said and "manyeyes master" in said
    assert run("install", "--user", "--memory-max", "much", "up")[0] == 2
    code, _, said = run("install", "--user", "--run-as", "ada", "up")
    assert code == 2 and "runs as you" in said
    ran.version_status = 126
    code, _, said = run("install", "--user", "up")
    assert code == 8 and "cannot run" in said and "No such file" in said
    ran.version_status = 0
    (home / "fails").touch()
    code, _, said = run("install", "--user", "up")
    assert code == 8 and "Job failed." in said and "'journalctl --user -u manyeyes.service' shows why" in said
    (home / "broken").touch()
    code, _, said = run("install", "--user", "up")
    assert code == 8 and "the user's systemd does not answer: Failed to connect to bus" in said


def test_a_machine_without_systemd(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "BOOTED", home / "not there")
    monkeypatch.setattr(unit, "PRIVATE", (str(home / "private"),))
    for _ in range(2):
        code, _, said = run("install", "--user", "up")
        assert (
            code == 8
            and "a service can neither be installed nor removed" in said
            and "Without systemd" in said
        )
        code, _, told = run("status")
        assert code == 6 and "no service of manyeyes is installed here, and" in told
        for text in (said, told):
            assert ("systemd did not start this machine" in text) != (
                "there is no program 'systemctl'" in text
            )
        for wrong in (
            ("--memory-max", "much", "up"),
            ("up", "--", "--data", f"{home}/private"),
            ("--run-as", "ada", "up"),
        ):
            assert run("install", "--user", *wrong)[0] == 2, "what is wrong in any case is said first"
        monkeypatch.setenv("PATH", str(home / "none"))


def test_data_that_a_service_would_not_see_is_refused_wherever_a_path_leads_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, link = tmp_path / "private", tmp_path / "link"
    private.mkdir()
    link.symlink_to(private)
    monkeypatch.setattr(unit, "PRIVATE", (str(private),))
    account = Account("ada", os.getuid(), os.getgid(), tmp_path)

    def made(role: str, environ: dict[str, str], *words: str) -> unit.Service:
        options = read_options(role, words)
        data = plan.data_folder(role, options, account, system=False)
        return plan.planned(
            role, data, options, account, system=False, memory_bytes=None, engine=None, environ=environ
        )  # fmt: skip

    (private / "tls.pem").touch()
    for environ, words in (
        ({}, ("--data", str(private / "data"))),
        ({}, ("--data", str(link / "data"))),
        ({}, ("--data", f"{tmp_path}/else/../private/data")),
        ({}, ("--tls-cert", str(link / "tls.pem"))),
        ({"MANYEYES_CACHE": str(link)}, ()),
        ({"XDG_CACHE_HOME": str(link)}, ()),
    ):
        with pytest.raises(BadRequest, match=r"is in a folder for temporary files, .* \(PrivateTmp\)"):
            made("up", environ, *words)
    with pytest.raises(BadRequest, match=f"^{link} leads to {private}, which is in"):
        made("node", {}, "--data", str(link))
    assert made("up", {}, "--data", f"{private}/../data").data == tmp_path / "data"


def test_a_service_of_ones_own_uses_the_same_folders_as_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit, "PRIVATE", ())
    account = Account("ada", os.getuid(), os.getgid(), tmp_path)
    environ = {"XDG_CACHE_HOME": str(tmp_path / "c"), "XDG_CONFIG_HOME": str(tmp_path / "s")}

    def made(*, system: bool, **more: str) -> unit.Service:
        options = read_options("up", [])
        data = plan.data_folder("up", options, account, system=system)
        return plan.planned(
            "up", data, options, account, system=system, memory_bytes=None, engine=None, environ=environ | more
        )  # fmt: skip

    own = made(system=False)
    assert dict(own.environment) == environ
    assert own.writable == (tmp_path / "s/manyeyes", tmp_path / "c/manyeyes")
    assert made(system=False, MANYEYES_CACHE=str(tmp_path / "w")).writable[1] == tmp_path / "w"
    of_machine = made(system=True)
    assert (of_machine.environment, of_machine.writable[1]) == ((), tmp_path / ".cache/manyeyes")


def test_a_system_service_needs_root(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    code, _, said = run("install", "--system", "up")
    assert code == 2 and "sudo" in said and "--user" in said


def test_a_system_service_does_not_run_as_root() -> None:
    assert account_for_system(None, {"SUDO_USER": "daemon"}).name == "daemon"
    assert account_for_system("daemon", {"SUDO_USER": "root"}).name == "daemon"
    for asked, environ in ((None, {}), ("root", {}), (None, {"SUDO_USER": "root"})):
        with pytest.raises(BadRequest, match="does not run as root"):
            account_for_system(asked, environ)
    with pytest.raises(BadRequest, match="no account 'nobody-here'"):
        account_for_system("nobody-here", {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another account")
def test_root_acts_for_the_account_and_not_as_root(tmp_path: Path) -> None:
    daemon = account_of("daemon")
    assert daemon.run(["id", "-u"]).stdout.strip() == str(daemon.uid)
    program = tmp_path / "only for root"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    told = daemon.run([str(program)])
    assert (told.returncode, told.stderr) == (126, "Permission denied")
    with pytest.raises(DataFolderUnusable, match="the account daemon cannot write to"):
        daemon.make_folder(tmp_path / "of root")
    assert not (tmp_path / "of root").exists()


def test_where_data_and_settings_of_an_account_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "PRIVATE", ())
    at_home = Account("ada", os.getuid(), os.getgid(), tmp_path)
    homeless = Account("manyeyes", os.getuid(), os.getgid(), tmp_path / "none")

    def made(role: str, account: Account, environ: dict[str, str] | None = None, *words: str) -> unit.Service:
        options = read_options(role, words)
        data = plan.data_folder(role, options, account, system=True)
        return plan.planned(
            role, data, options, account, system=True, memory_bytes=None, engine=None, environ=environ or {}
        )  # fmt: skip

    up = made("up", at_home)
    assert up.data == tmp_path / ".local/share/manyeyes"
    assert up.writable == (tmp_path / ".config/manyeyes", tmp_path / ".cache/manyeyes")
    assert made("node", at_home).data == tmp_path / ".local/share/manyeyes/node"
    assert made("node", at_home).writable == ()
    alone = made("up", homeless)
    assert (alone.data, alone.writable) == (Path("/var/lib/manyeyes"), ())
    assert dict(alone.environment)["HOME"] == "/var/lib/manyeyes"
    cached = made("up", homeless, {"MANYEYES_CACHE": "/srv/weights"})
    assert cached.writable == (Path("/srv/weights"),)
    assert ("MANYEYES_CACHE", "/srv/weights") in cached.environment
    assert made("up", at_home, None, "--https-port", "443").low_port and not up.low_port
    assert up.settings_file == Path("/etc/manyeyes/manyeyes.env")
    assert made("node", at_home).settings_file == Path("/etc/manyeyes/manyeyes-node.env")


def test_options_are_passed_on_with_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my pack").mkdir()
    options = read_options(
        "master",
        ["--advertise", "a", "--advertise", "b", "--no-announce", "--pack", "my pack", "--data", "d"],
    )
    assert options.words.count("--advertise") == 2 and "--no-announce" in options.words
    assert str(tmp_path / "my pack") in options.words and "--data" not in options.words
    assert options.paths == (tmp_path / "my pack",)
    assert "faces@1.2.0" in read_options("up", ["--pack", "faces@1.2.0"]).words
    node = read_options("node", ["--join", "me1_x", "--join-only", "--hours", "22:00-07:00"])
    assert node.words == ("--hours", "22:00-07:00"), "a token is used now, and not written down"


def test_settings_of_this_shell_that_the_service_does_not_get_are_named() -> None:
    environ: dict[str, Any] = {
        "MANYEYES_MASTER_SESSION_S": "60", "MANYEYES_LOGS_FILES": "9", "MANYEYES_KEY": "k", "PATH": "x",
        "MANYEYES_NODE_JOIN": "t", "MANYEYES_CACHE": "/c",
    }  # fmt: skip
    assert plan.left_out(environ, "# mine\nMANYEYES_LOGS_FILES=9\n") == ["MANYEYES_MASTER_SESSION_S"]


def test_the_service_that_nodes_add_made_is_shown_too(home: Path, run: Run) -> None:
    file = home / ".config/systemd/user/manyeyes-node.service"
    file.parent.mkdir(parents=True)
    file.write_text('[Service]\nExecStart=/bin/sh "/home/a b/start"\n')
    (home / "active").touch()
    code, shown, _ = run("status", "--user")
    assert code == 0 and "manyeyes-node.service" in shown and "/bin/sh '/home/a b/start'" in shown
    assert run("remove", "node")[0] == 0 and not file.exists()
