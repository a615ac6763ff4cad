"""Small disks: file systems in memory that can be filled up."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILL = "fill"


def why_no_disk() -> str | None:
    """Why this machine cannot have small disks, or None."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "mounting a small disk needs root and `mount`"
    return None


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Mount a tmpfs of its own at `folder`, with these options, such as `size=256k`."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(disk: Path) -> None:
    """Fill the disk to its last byte."""
    with (disk / FILL).open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def unfill(disk: Path) -> None:
    """Free what `fill` took."""
    (disk / FILL).unlink(missing_ok=True)
