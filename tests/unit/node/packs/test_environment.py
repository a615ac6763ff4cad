"""Environments of packs, by an installer that only says where it would keep things."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.as_users_run_it import files_below

from manyeyes.node.packs import environment
from manyeyes.node.packs.environment import COMPLETE, Environments
from manyeyes.packs.manifest import Manifest, PackFile, SelfTest

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
    manifest = Manifest(
        name="p",
        version="1",
        kind="test",
        entry_point="m:f",
        requirements=("no-such-thing==1.2",),
        hashes={"no-such-thing": ("a" * 64,)},
        memory_mb=1,
        files=(PackFile(path="m.py", sha256="c" * 64, size_bytes=1),),
        self_test=SelfTest(tolerance=0.0, expected={}),
    )

    async def no_wheels() -> Path:
        raise AssertionError("the pack has none")

    made = asyncio.run(Environments(tmp_path / "envs").ensure(manifest, no_wheels, lambda step: None))
    assert files_below(home) == []
    assert files_below(made.python.parents[1]) == ["bin/python", COMPLETE, "requirements.txt"]
