"""No command ends in a traceback: any arguments, environment, encoding, output and answers of a master."""

from __future__ import annotations

from pathlib import Path

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
QUICKLY = settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@QUICKLY
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
