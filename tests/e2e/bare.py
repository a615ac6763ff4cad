"""An environment with a node's agent and nothing else: links to the packages installed for the tests."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import manyeyes
from manyeyes.packs import pins
from tests.e2e.conftest import ROOT


def agent_needs() -> tuple[str, ...]:
    """The names in `requirements/agent.in`."""
    lines = (ROOT / "requirements" / "agent.in").read_text().splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def bare_environment(folder: Path) -> str:
    """Make the environment in `folder`; returns its `manyeyes` command. It has pip, as every new environment has."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    for pin in pins.closure((*agent_needs(), "pip")):
        found = metadata.distribution(pins.split(pin)[0])
        for name in {
            file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")
        }:
            link = packages / name
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(name))))
    own = metadata.distribution("manyeyes")
    (packages / "manyeyes").symlink_to(Path(manyeyes.__file__).parent)
    info = next(file.parts[0] for file in own.files or () if file.name == "METADATA")
    (packages / info).symlink_to(Path(str(own.locate_file(info))))
    command = folder / "bin" / "manyeyes"
    command.write_text(f"#!{folder}/bin/python\nfrom manyeyes.cli.app import main\nmain()\n")
    command.chmod(0o755)
    return str(command)
