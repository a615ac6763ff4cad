"""A library that reports to its maker is silent, however manyeyes is come by."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.as_users_run_it import environment, files_below

import manyeyes
from manyeyes.node.packs.environment import OWN, Interpreter

OPENED = "from pathlib import Path; from manyeyes.recognition import load; load(Path({pack!r})).warm_up()"


def left_in_home(code: str, home: Path, **own: str) -> list[str]:
    """The files in an empty home after a process has run the code."""
    home.mkdir()
    env = {**environment(home), **own}
    subprocess.run([sys.executable, "-c", code], env=env, cwd=home, check=True, timeout=120)
    return files_below(home)


@pytest.mark.slow
@pytest.mark.parametrize("own", [{}, {"ORT_DISABLE_TELEMETRY": "0"}, {"ORT_DISABLE_TELEMETRY": ""}])
def test_the_library_leaves_nothing_in_the_home(
    own: dict[str, str], default_pack: Path, tmp_path: Path
) -> None:
    assert left_in_home(OPENED.format(pack=str(default_pack)), tmp_path / "home", **own) == []


def test_a_file_in_the_home_would_be_seen(tmp_path: Path) -> None:
    planted = "from pathlib import Path; p = Path.home() / '.cache' / 'id'; p.parent.mkdir(); p.touch()"
    assert left_in_home(planted, tmp_path / "home") == [".cache/id"]


def test_the_variable_is_set_with_the_first_import() -> None:
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1", f"{manyeyes.__name__} is imported"


@pytest.mark.parametrize("interpreter", [OWN, Interpreter(Path("python"), Path("code"))])
@pytest.mark.parametrize("given", [{}, {"ORT_DISABLE_TELEMETRY": "0"}])
def test_workers_have_it_in_every_environment(interpreter: Interpreter, given: dict[str, str]) -> None:
    assert interpreter.environment(given)["ORT_DISABLE_TELEMETRY"] == "1"
