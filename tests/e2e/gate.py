"""Workers that wait in the middle of a picture: the test's side of the gated pack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from .gated import NAME_BYTES


@dataclass(frozen=True)
class Begun:
    """A worker of `node` began the picture `name`; `at_s` in seconds of the monotonic clock."""

    name: str
    node: str
    at_s: float


class Gate:
    """What the workers are told, and what they began, in files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def env(self, node: str) -> dict[str, str]:
        """What the node is to be started with."""
        return {"GATED_FOLDER": str(self._folder), "GATED_NODE": node}

    def tell(self, node: str, what: Literal["", "hold", "eat"]) -> None:
        """Have the node's workers go on, wait in the middle of a picture, or take memory there."""
        staged = self._folder / f".{node}.told"
        staged.write_text(what)
        staged.replace(self._folder / f"{node}.told")

    def told(self, node: str) -> str:
        """What the node's workers were told last."""
        path = self._folder / f"{node}.told"
        return path.read_text() if path.exists() else ""

    def open(self, node: str) -> None:
        """Have a node go on that was held."""
        if self.told(node) == "hold":
            self.tell(node, "")

    def begun(self) -> list[Begun]:
        """All pictures that were begun, anywhere and ever."""
        found = []
        for path in self._folder.glob("*.begun"):
            for line in path.read_text().splitlines():
                at_s, name = line.split()
                found.append(Begun(name, path.name.split(".")[0], float(at_s)))
        return found


def write_numbered(folder: Path, names: list[str]) -> None:
    """Small pictures called `NAME.png`, each of which tells the gated pack its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        assert len(name) == NAME_BYTES, name
        path = folder / f"{name}.png"
        Image.new("RGB", (8, 8)).save(path)
        path.write_bytes(path.read_bytes() + name.encode())
