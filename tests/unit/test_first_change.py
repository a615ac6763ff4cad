"""The guide for a first change is right: applied to a copy of the code, it gives what it promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "first-change.md").read_text()
BLOCK = re.compile(r"((?:^[^\n]+\n)*)\n?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A fenced block, its language, and the paragraph before it."""
EDIT = re.compile(r"In `([^`]+)`, (after|before|instead of) `([^`]+)`:\n?$")
NEW_FILE = re.compile(r"New file `([^`]+)`:\n?$")
AT_THE_END = re.compile(r"In `([^`]+)`, at the end:\n?$")

IN_THE_API = '''\
"""Beside the guide's own test: the new fact in the API. The guide's commands run this too."""

from types import SimpleNamespace

from manyeyes.api.nodes import Node
from manyeyes.fleet.node_state import Fleet
from manyeyes.fleet.node_views import NodeViews
from manyeyes.node.membership.host import host_facts
from manyeyes.store.repositories import Store


def test_the_api_shows_it(store: Store) -> None:
    fleet, facts = Fleet(suspect_s=4, lost_s=7), host_facts()
    store.nodes.add("a", "U", "token", facts)
    fleet.register("a")
    nobody = SimpleNamespace(statistics=SimpleNamespace(by_node={}), of=lambda name: None, last_seen={})
    (shown,) = NodeViews(store.nodes, fleet, nobody, nobody, nobody, nobody).all()
    assert shown["host"]["booted_at_s"] == facts.booted_at_s > 0
    assert Node.model_validate(shown).model_dump(mode="json")["host"]["booted_at_s"] == facts.booted_at_s
'''


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def edit(copy: Path, place: re.Match[str], block: str) -> None:
    path, where, line = copy / place[1], place[2], place[3]
    lines = path.read_text().splitlines(keepends=True)
    assert lines.count(f"{line}\n") == 1, f"{place[1]} does not have this line exactly once: {line!r}"
    at = lines.index(f"{line}\n")
    lines[at + (where == "after") : at + (where != "before")] = [block]
    path.write_text("".join(lines))


def run(copy: Path, command: str) -> None:
    here = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": f"{here}:{os.environ['PATH']}",
        "PYTHONPATH": f"{copy / 'src'}:{copy}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", command], cwd=copy, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
def test_the_guide_followed_to_the_letter_shows_the_new_fact(copy: Path) -> None:
    (copy / "tests/unit/node/membership/test_booted_in_the_api.py").write_text(IN_THE_API)
    commands = edits = 0
    for before, language, block in BLOCK.findall(GUIDE):
        if place := EDIT.search(before):
            edit(copy, place, block)
            edits += 1
        elif place := NEW_FILE.search(before):
            (copy / place[1]).write_text(block)
            edits += 1
        elif place := AT_THE_END.search(before):
            with (copy / place[1]).open("a") as file:
                file.write(block)
            edits += 1
        elif language == "sh":
            run(copy, block)
            commands += 1
        else:
            assert language == "console", f"nobody knows where this goes:\n{block}"
    assert (edits, commands) == (11, 2)


def test_every_file_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"`((?:src|tests)/[^`]+\.\w+)`", GUIDE)) - {
        "tests/unit/node/membership/test_booted.py"
    }
    assert len(named) > 8
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
