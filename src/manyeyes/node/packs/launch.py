"""What a worker is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from manyeyes.node.packs.environment import Interpreter


@dataclass(frozen=True)
class Launch:
    """What a worker is started with: a pack's folder, the digest of its signed manifest, and what runs it."""

    folder: Path
    pack: str
    manifest_sha256: str
    interpreter: Interpreter
