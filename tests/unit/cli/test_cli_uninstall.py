"""`manyeyes uninstall` shows exactly what is there, removes that and nothing else, and nothing without a yes."""

from __future__ import annotations

import io
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from manyeyes.broker import engine_install
from manyeyes.cli.app import main
from manyeyes.cli.service import systemd
from manyeyes.cli.uninstalling import command, footprint, running
from manyeyes.cli.uninstalling.footprint import how_to_remove_package
from manyeyes.cli.uninstalling.running import Running, described
from manyeyes.datafolder import only_one
from manyeyes.identity import load_or_make_nkey
from manyeyes.node.membership.membership import Membership
from manyeyes.sdk.context import Context, save_context
from manyeyes.store.database import Database

Run = Callable[..., tuple[int, str, str]]


def put(path: Path, size: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def master_database(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Database(path).close()


def membership(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Membership(name, ("10.0.0.1:4222",), "ca", "key").save(folder / "membership.json")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a master, its node, a context and downloads."""
    for name in [name for name in os.environ if name.startswith(("MANYEYES_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(systemd, "SYSTEM_UNITS", tmp_path / "etc")
    monkeypatch.setattr(systemd, "BOOTED", tmp_path)
    monkeypatch.setattr(engine_install, "installed_places", list)
    monkeypatch.setattr(running, "processes", list)
    data = tmp_path / ".local/share/manyeyes"
    for name in (
        "identity/ca.pem",
        "packs/faces/1/pack.toml",
        "node/node.nk",
        "logs/manyeyes.log",
        "bin/nats-server",
    ):
        put(data / name)
    master_database(data / "master.db")
    put(data / "master.db-wal", 2_000_000)
    membership(data / "node", "vm")
    put(tmp_path / ".config/manyeyes/context.json")
    put(tmp_path / ".config/manyeyes/contexts/local.json")
    put(tmp_path / ".cache/manyeyes/weights/a.npz")
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["uninstall", *map(str, words)])
        said = capsys.readouterr()
        code = caught.value.code
        return (code if isinstance(code, int) else 0), said.out, said.err

    return call


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_it_says_what_is_there_and_removes_nothing_without_a_yes(home: Path, run: Run) -> None:
    before = files(home)
    code, said, heard = run()
    assert code == 0 and heard == "nothing was removed, this was only the list; --yes removes it\n"
    data = home / ".local/share/manyeyes"
    assert f"data       {data}, 2.1 MB" in said
    (line,) = [line for line in said.splitlines() if line.split()[0] == "master.db"]
    assert "personal data: people, their portraits" in line
    assert "everything in these folders goes: identity, logs, node, packs" in said
    assert str(home / ".config/manyeyes") in said and str(home / ".cache/manyeyes") in said
    code, said, _ = run("--json")
    assert code == 0 and [one["kind"] for one in json.loads(said)["found"]] == [
        "data",
        "settings",
        "downloads",
    ]
    assert files(home) == before


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_is_asked(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    monkeypatch.setattr("sys.stderr", heard := Terminal())
    run()
    assert "with all enrolled people in " + str(home / ".local/share/manyeyes") in heard.getvalue()
    assert bool(files(home)) == (answer == "n")


def test_what_is_not_of_manyeyes_stays(home: Path, run: Run) -> None:
    data = home / ".local/share/manyeyes"
    own = {
        str(put(path).relative_to(home)) for path in (data / "my.txt", data / "bin/mine", data / "node/mine")
    }
    outside = put(home / "outside" / "kept")
    (data / "envs").symlink_to(outside.parent)
    _, said, _ = run()
    assert "not of manyeyes, stays: my.txt, node/mine" in said
    code, _, heard = run("--yes")
    assert code == 0, heard
    assert files(home) == own | {"outside/kept"}
    code, said, heard = run("--yes")
    assert code == 0 and "nothing to remove" in heard


def test_everything_goes_and_the_last_step_is_named(home: Path, run: Run) -> None:
    code, _, heard = run("--yes")
    assert code == 0
    assert not files(home) and not (home / ".local/share/manyeyes").exists()
    assert "what is left is the program: " in heard


def test_data_can_be_kept(home: Path, run: Run) -> None:
    before = files(home)
    _, said, _ = run("--keep-data", "--yes")
    assert "(kept)" in said
    assert before - files(home) == {".cache/manyeyes/weights/a.npz"}


def test_nothing_is_removed_while_something_runs(home: Path, run: Run) -> None:
    before = files(home)
    for folder in (home / ".local/share/manyeyes", home / ".local/share/manyeyes/node"):
        with only_one(folder):
            code, _, heard = run("--yes")
            assert code == 2 and f"manyeyes down --data {folder}" in heard
    assert before <= files(home)


def test_other_folders_are_named_and_must_be_data_folders(home: Path, run: Run) -> None:
    put(home / "elsewhere/logs/a.log")
    code, _, heard = run("--data", home / "elsewhere", "--yes")
    assert code == 2 and "is no data folder of manyeyes" in heard and (home / "elsewhere/logs/a.log").exists()
    membership(home / "elsewhere", "lab-3")
    _, said, _ = run("--data", home / "elsewhere")
    assert "its master lists it as node lab-3, until 'manyeyes nodes remove lab-3'" in said
    assert "until" not in said.partition("elsewhere")[0], "the master of this machine goes too"
    put(home / "manyeyes.pid")
    code, _, heard = run("--data", home, "--yes")
    assert code == 2 and "by hand" in heard


def test_a_service_is_stopped_and_removed_first(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / ".config/systemd/user/manyeyes-node.service"
    data = home / "of service"
    data.mkdir()
    load_or_make_nkey(data / "node.nk")
    file.parent.mkdir(parents=True)
    file.write_text(f'[Service]\nExecStart=":/p" "-m" "manyeyes.cli.app" "node" "--data" "{data}"\n')
    (home / "bin").mkdir()
    (home / "bin/systemctl").write_text(f'#!/bin/sh\necho "$*" >>"{home}/told"\n')
    (home / "bin/systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}/bin:/usr/bin:/bin")
    _, said, _ = run()
    assert "service    manyeyes-node.service (user)" in said and str(data) in said
    code, _, heard = run("--yes")
    assert code == 0, heard
    assert "--user disable --now --quiet manyeyes-node.service" in (home / "told").read_text()
    assert not file.exists() and not data.exists()


def test_it_goes_on_where_it_was_killed(home: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    real, calls = command.shutil.rmtree, []

    def dies(path: Path) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(path)

    monkeypatch.setattr(command.shutil, "rmtree", dies)
    assert run("--yes")[0] == 130
    monkeypatch.setattr(command.shutil, "rmtree", real)
    assert run("--yes")[0] == 0 and not files(home)


ELSEWHERE = Path("/srv/lab")


@pytest.mark.parametrize("words", [["--keep-data"], []])
def test_a_master_of_another_folder_keeps_what_it_shares(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    before = files(home)
    one = Running(4711, "up", ELSEWHERE, shares_settings=True, shares_programs=True)
    monkeypatch.setattr(running, "processes", lambda: [one])
    code, said, heard = run("--yes", *words)
    assert code == 2 and len(heard.splitlines()) == 1
    assert "process 4711 (manyeyes up) runs from the data folder /srv/lab" in heard
    assert "manyeyes down --data /srv/lab" in heard and "Nothing was removed" in heard
    assert "not listed: process 4711 (manyeyes up) runs from the data folder /srv/lab; name it with" in said
    assert files(home) == before


def test_a_master_of_another_home_is_no_hindrance(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Running(4711, "up", ELSEWHERE, shares_settings=False, shares_programs=True)
    monkeypatch.setattr(running, "processes", lambda: [one])
    code, said, heard = run("--yes")
    assert code == 0 and "/srv/lab" not in said + heard and not files(home)


@pytest.mark.parametrize(
    ("command", "environ", "role", "data"),
    [
        ("/v/bin/python /v/bin/manyeyes up --data lab", {}, "up", "/w/lab"),
        ("/v/bin/python /v/bin/manyeyes --master https://a:1 master --data=/d", {}, "master", "/d"),
        ("python3 -m manyeyes.cli.app node", {"MANYEYES_NODE_DATA": "/n"}, "node", "/n"),
        ("/v/bin/manyeyes node", {"HOME": "/h"}, "node", "/h/.local/share/manyeyes/node"),
        ("python /v/bin/manyeyes up", {"HOME": "/h", "XDG_DATA_HOME": "/x"}, "up", "/x/manyeyes"),
    ],
)
def test_which_processes_are_masters_and_nodes(
    command: str, environ: dict[str, str], role: str, data: str
) -> None:
    one = described(1, command.split(), environ, Path("/w"))
    assert one and (one.role, one.data) == (role, Path(data))


@pytest.mark.parametrize(
    "command",
    [
        "python /v/bin/manyeyes send node",
        "python /v/bin/manyeyes service install up",
        "grep manyeyes up",
        "vim /src/manyeyes up",
        "",
    ],
)
def test_other_processes_are_none(command: str) -> None:
    assert described(1, command.split(), {}, Path("/w")) is None


class FakeProcess:
    def __init__(self, pid: int, command: str, *, user: int, readable: bool = True) -> None:
        self.pid, self._command, self._user, self._readable = pid, command, user, readable

    def uids(self) -> SimpleNamespace:
        return SimpleNamespace(real=self._user)

    def cmdline(self) -> list[str]:
        return self._command.split()

    def cwd(self) -> str:
        return "/w"

    def environ(self) -> dict[str, str]:
        if not self._readable:
            raise psutil.AccessDenied(self.pid)
        return {"HOME": "/another"}


def test_processes_of_this_user_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    me = os.getuid()
    processes = [
        FakeProcess(1, "python /v/bin/manyeyes up --data lab", user=me),
        FakeProcess(2, "python -m manyeyes.cli.app node --data /w/lab/node", user=me),
        FakeProcess(3, "python /v/bin/manyeyes node --data /n", user=me, readable=False),
        FakeProcess(4, "python /v/bin/manyeyes up --data /other", user=me + 1),
        FakeProcess(5, "sleep 9", user=me),
    ]
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(processes))
    found = [(one.process, str(one.data), one.shares_settings) for one in running.processes()]
    assert found == [(1, "/w/lab", False), (3, "/n", True)], "the node of 'up' is part of it"


def test_who_shares_the_settings(home: Path) -> None:
    def shares(environ: dict[str, str] | None) -> bool:
        one = described(1, ["manyeyes", "up"], environ, Path("/w"))
        return one is not None and one.shares_settings

    assert shares({"HOME": str(home)}) and shares(None)
    assert not shares({"HOME": "/another"}) and not shares({"HOME": str(home), "XDG_CONFIG_HOME": "/c"})


def test_a_context_of_this_machine_with_an_unknown_folder_is_named(home: Path, run: Run) -> None:
    stored = home / ".config/manyeyes"
    local = Context("https://127.0.0.1:8443", "own CA", "k")
    save_context(local, stored / "context.json")
    save_context(local, stored / "contexts/local.json")
    save_context(local, home / ".local/share/manyeyes/context.json")
    save_context(Context("https://127.0.0.1:9443", "CA of lab", "k"), stored / "contexts/lab.json")
    save_context(Context("https://far.example:8443", "CA of far", "k"), stored / "contexts/far.json")
    _, said, _ = run()
    (line,) = [line for line in said.splitlines() if "not listed" in line]
    assert "the data folder of context lab, https://127.0.0.1:9443" in line and "--data" in line


def test_a_folder_must_prove_that_it_is_a_data_folder(home: Path, run: Run) -> None:
    other = home / "notours"
    for name in ("packs/f", "bin/nats-server", "agent/manyeyes", "master.db", "node.nk", "manyeyes.pid"):
        put(other / name)
    (other / "membership.json").write_text('{"name": "of a club"}')
    sqlite3.connect(other / "node.db").close()
    with sqlite3.connect(other / "theirs.db") as theirs:
        theirs.execute("CREATE TABLE people (id INTEGER)")
    theirs.close()
    (other / "theirs.db").replace(other / "master.db")
    before = files(other)
    code, _, heard = run("--data", other, "--yes")
    assert code == 2 and "is no data folder of manyeyes" in heard and files(other) == before
    put(other / "identity/ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    assert footprint.is_data_folder(other), "a damaged database beside the master's CA"


def test_what_proves_a_data_folder(tmp_path: Path) -> None:
    master_database(tmp_path / "a/master.db")
    membership(tmp_path / "b/node", "n")
    (tmp_path / "c").mkdir()
    load_or_make_nkey(tmp_path / "c/node.nk")
    (tmp_path / "d").mkdir()
    with only_one(tmp_path / "d"):
        pass
    put(tmp_path / "e/agent/manyeyes").write_text('#!/bin/sh\nexec p -m manyeyes.cli.app "$@"\n')
    for name in "abcde":
        assert footprint.is_data_folder(tmp_path / name), name


def test_links_are_shown_with_their_target_which_stays(home: Path, run: Run) -> None:
    disk, packs = home / "disk", home / "our packs"
    put(packs / "kept")
    master_database(disk / "master.db")
    (disk / "packs").symlink_to(packs)
    (home / "link").symlink_to(disk)
    _, said, _ = run("--data", home / "link")
    assert f"data       {home / 'link'} -> {disk}, " in said
    assert f"symbolic link to {packs}, which stays" in said
    code, _, heard = run("--data", home / "link", "--yes")
    assert code == 0, heard
    assert (packs / "kept").exists() and (home / "link").is_symlink() and not files(disk)


def test_programs_beside_the_engine_are_not_listed(tmp_path: Path) -> None:
    for name in ("nats-server", "python", "pip"):
        put(tmp_path / name)
    found = footprint.others(tmp_path / "no", [tmp_path / "no/weights"], tmp_path / "nats-server")
    lines = command._lines([], found, [], keep_data=False)
    assert [line.strip() for line in lines[1:] if "not listed" not in line] == [
        "nats-server            1 kB", "other files there stay",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "installer", "origin", "said"),
    [
        ("/home/a/.local/share/pipx/venvs/manyeyes", "pip", {}, "pipx uninstall manyeyes"),
        ("/home/a/.local/share/uv/tools/manyeyes", "uv", {}, "uv tool uninstall manyeyes"),
        ("/opt/env", "uv", {}, "uv pip uninstall --python /opt/env manyeyes"),
        ("/opt/env", "pip", {}, "/opt/env/bin/python -m pip uninstall manyeyes, or delete"),
        ("/usr", "pip", {}, "/usr/bin/python3 -m pip uninstall manyeyes"),
        (
            "/opt/env",
            "pip",
            {"dir_info": {"editable": True}, "url": "file:///src/me"},
            "delete the folder /src/me",
        ),
    ],
)
def test_how_the_package_itself_is_removed(
    prefix: str, installer: str, origin: dict[str, object], said: str
) -> None:
    assert how_to_remove_package(Path(prefix), Path("/usr"), installer, origin).startswith(said)


def test_sizes() -> None:
    assert [footprint.size_words(size) for size in (3, 41_000, 2_500_000, 3_210_000_000)] == [
        "1 kB", "41 kB", "2.5 MB", "3.2 GB",
    ]  # fmt: skip


def test_downloads_are_found_where_they_are_kept_now_and_where_they_were_before(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "caches"))
    put(home / "caches/manyeyes/weights/b.npz")
    _, said, _ = run("--keep-data")
    assert f"downloads  {home}/caches/manyeyes," in said and f"downloads  {home}/.cache/manyeyes," in said
    run("--keep-data", "--yes")
    assert not list(home.rglob("*.npz"))
