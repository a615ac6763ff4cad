"""Environments of packs, by an installer that only says where it would keep things."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.as_users_run_it import files_below
from tests.made_manifests import NEEDY

from manyeyes.node.packs import environment
from manyeyes.node.packs.environment import COMPLETE, Environments

INSTALLER = """\
#!/bin/sh
for kept in "${UV_CACHE_DIR:-$HOME/.cache/uv}" "${PIP_CACHE_DIR:-$HOME/.cache/pip}"; do
    mkdir -p "$kept" && touch "$kept/wheel"
done
for last; do :; done
[ "$1" = venv ] && mkdir -p "$last/bin" && touch "$last/bin/python"
exit 0
"""


def test_an_installer_keeps_nothing_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer, home = tmp_path / "uv", tmp_path / "home"
    installer.write_text(INSTALLER)
    installer.chmod(0o755)
    home.mkdir()
    monkeypatch.setattr(environment, "_installer", lambda: str(installer))
    monkeypatch.setenv("HOME", str(home))

    async def no_wheels() -> Path:
        raise AssertionError("the pack has none")

    made = asyncio.run(Environments(tmp_path / "envs").ensure(NEEDY, no_wheels, lambda step: None))
    assert files_below(home) == []
    assert files_below(made.python.parents[1]) == ["bin/python", COMPLETE, "requirements.txt"]
