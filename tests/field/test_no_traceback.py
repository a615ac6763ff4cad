"""No command ends in a traceback: any arguments, environment, encoding, output and answers of a master."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyeyes.sdk.context import Context, save_context
from tests.field.hostile import LEAVES, TEXTS, VARIABLES, arguments, ended

ENCODINGS = ("utf-8", "ascii", "latin-1", "cp1252", "utf-16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some of the files that the hostile arguments name."""
    folder = tmp_path_factory.mktemp("h\udcc3ostile")
    (folder / "album" / "Jos\udce9").mkdir(parents=True)
    for name in ("picture.jpg", "file\udcff.jpg", "album/\x1b[31m.jpg", "album/Jos\udce9/a.jpg"):
        (folder / name).write_bytes(b"\xff\xd8\xff\xe0 a picture")
    save_context(Context("https://10.0.0.4:8443", "", "mek_abcdefgh"), folder / "context.json")
    return folder


COMMANDS = st.sampled_from(sorted(LEAVES)).flatmap(arguments)
ENVIRONMENTS = st.dictionaries(st.sampled_from(VARIABLES), TEXTS, max_size=2)


def check(given: list[str], folder: Path, environment: dict[str, str], seed: int, encoding: str) -> None:
    ended(given, folder, environment=environment, seed=seed, encoding=encoding).check(exact="exec" in given)


HOSTILE = (COMMANDS, ENVIRONMENTS, st.integers(0, 2**16), st.sampled_from(ENCODINGS))
QUICKLY = settings(max_examples=90, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@settings(QUICKLY, derandomize=True)
@given(*HOSTILE)
def test_no_command_ends_in_a_traceback(
    folder: Path, command: list[str], environment: dict[str, str], seed: int, encoding: str
) -> None:
    check(command, folder, environment, seed, encoding)


@pytest.mark.chaos
@settings(QUICKLY, max_examples=5000)
@given(*HOSTILE)
def test_no_command_ends_in_a_traceback_of_many(
    folder: Path, command: list[str], environment: dict[str, str], seed: int, encoding: str
) -> None:
    check(command, folder, environment, seed, encoding)


def test_a_path_that_the_system_refuses_is_named_with_the_reason(folder: Path) -> None:
    told = ended(["packs", "list", "--data", "long" * 100], folder)
    told.check()
    assert told.code == 2 and "File name too long; name another file or folder" in told.err


@pytest.mark.parametrize(
    "command", [["contexts", "list"], ["people", "list"], ["send", "album", "--json"], ["--help"]]
)
def test_a_full_disk_is_said(folder: Path, command: list[str]) -> None:
    def full() -> Any:
        return Path("/dev/full").open("wb", buffering=0)

    for seed in range(6):
        told = ended(command, folder, seed=seed, target=full)
        told.check()
        assert told.code != 0, "an output that is lost is no success"
        if told.code == 2:
            assert "error: standard output cannot be written: No space left on device; " in told.err


def test_a_reader_that_has_gone_ends_a_command_without_a_word(folder: Path) -> None:
    def pipe() -> Any:
        reads, writes = os.pipe()
        os.close(reads)
        return open(writes, "wb", buffering=0)  # noqa: PTH123

    told = ended(["contexts", "list"], folder, target=pipe)
    assert (told.code, told.err) == (141, "")


@pytest.mark.parametrize(
    ("how", "code"),
    [("<&- >&- 2>&-", 0), ("2>/dev/full", 0), (">/dev/full", 2), ("| true; exit ${PIPESTATUS[0]}", 141)],
)
def test_a_process_with_an_output_that_is_closed_or_full(tmp_path: Path, how: str, code: int) -> None:
    """A thing that only a process shows: what Python does with its streams at its end."""
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
    }
    wait = "sleep 0.2; " if "true" in how else ""
    script = f'{{ {wait}"$0" -m manyeyes.cli.app contexts list; }} {how}'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], capture_output=True, env=environment, timeout=60
    )
    assert done.returncode == code, done
    assert b"Traceback" not in done.stderr and b"ignored" not in done.stderr, done
