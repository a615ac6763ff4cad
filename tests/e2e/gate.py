"""The test's side of the gated pack: makes workers wait in the middle of a picture."""

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
    """Tells the workers what to do, and reads which pictures they began, through files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def env(self, node: str) -> dict[str, str]:
        """The environment variables for the node."""
        return {"GATED_FOLDER": str(self._folder), "GATED_NODE": node}

    def tell(self, node: str, what: Literal["", "hold", "eat"]) -> None:
        """Make the node's workers go on, wait in the middle of a picture (`hold`), or fill the memory there (`eat`)."""
        staged = self._folder / f".{node}.told"
        staged.write_text(what)
        staged.replace(self._folder / f"{node}.told")

    def told(self, node: str) -> str:
        """The last word that `tell` sent to the node's workers."""
        path = self._folder / f"{node}.told"
        return path.read_text() if path.exists() else ""

    def open(self, node: str) -> None:
        """Make a node go on if it is held."""
        if self.told(node) == "hold":
            self.tell(node, "")

    def begun(self) -> list[Begun]:
        """All pictures that any worker has ever begun."""
        found = []
        for path in self._folder.glob("*.begun"):
            for line in path.read_text().splitlines():
                at_s, name = line.split()
                found.append(Begun(name, path.name.split(".")[0], float(at_s)))
        return found


def write_numbered(folder: Path, names: list[str]) -> None:
    """Write small pictures `NAME.png`; each ends with its name, which the gated pack reads."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        assert len(name) == NAME_BYTES, name
        path = folder / f"{name}.png"
        Image.new("RGB", (8, 8)).save(path)
        path.write_bytes(path.read_bytes() + name.encode())
