"""The Containerfile and compose.yaml, read as far as tests need it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
HEALTH_PORT = "8443"


def instructions() -> list[tuple[str, str]]:
    """(instruction, what follows) of each line, continuation lines joined."""
    text = (ROOT / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, `FROM` included."""
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def variables() -> dict[str, str]:
    """What the image sets in the environment."""
    (rest,) = [rest for name, rest in instructions() if name == "ENV"]
    return dict(word.partition("=")[::2] for word in shlex.split(rest))


def services() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml, anchors filled in."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


def health_check(port: int) -> str:
    """The Python code that asks a master on this port how it is."""
    code = str(services()["master"]["healthcheck"]["test"][3])
    assert code.count(HEALTH_PORT) == 1
    return code.replace(HEALTH_PORT, str(port))
