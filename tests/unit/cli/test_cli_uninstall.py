"""`manyeyes uninstall` shows exactly what is there, removes that and nothing else, and nothing without a yes."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from manyeyes.broker import engine_install
from manyeyes.cli import footprint, uninstall
from manyeyes.cli.app import main
from manyeyes.cli.footprint import how_to_remove_package
from manyeyes.cli.service import systemd
from manyeyes.datafolder import only_one

Run = Callable[..., tuple[int, str, str]]


def put(path: Path, size: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a master, its node, a context and downloads."""
    for name in [name for name in os.environ if name.startswith(("MANYEYES_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(systemd, "SYSTEM_UNITS", tmp_path / "etc")
    monkeypatch.setattr(engine_install, "installed_places", list)
    data = tmp_path / ".local/share/manyeyes"
    for name in (
        "identity/ca.pem",
        "packs/faces/1/pack.toml",
        "node/node.nk",
        "logs/manyeyes.log",
        "bin/nats-server",
    ):
        put(data / name)
    put(data / "master.db", 2_000_000)
    put(data / "master.db-wal")
    (data / "node/membership.json").write_text('{"name": "vm"}')
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
    assert code == 2 and "add --yes" in heard
    data = home / ".local/share/manyeyes"
    assert f"data       {data}, 2.0 MB" in said
    (line,) = [line for line in said.splitlines() if line.split()[0] == "master.db"]
    assert "2.0 MB" in line and "people" in line, "where people's data is"
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
    put(home / "elsewhere/node.nk")
    (home / "elsewhere/membership.json").write_text('{"name": "lab-3"}')
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
    data = put(home / "of service/node.nk").parent
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
    real, calls = uninstall.shutil.rmtree, []

    def dies(path: Path) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(path)

    monkeypatch.setattr(uninstall.shutil, "rmtree", dies)
    assert run("--yes")[0] == 130
    monkeypatch.setattr(uninstall.shutil, "rmtree", real)
    assert run("--yes")[0] == 0 and not files(home)


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
