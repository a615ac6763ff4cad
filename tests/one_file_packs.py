"""Packs for tests: the recogniser is one Python file without requirements."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from manyeyes.packs.manifest import MANIFEST_NAME, PackFile
from tests.made_manifests import made_manifest


def write_pack(folder: Path, code: Path) -> Path:
    """Write the pack `<module>@1.0.0` of the module in the file `code` to `folder`; returns `folder`."""
    name, content = code.stem, code.read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(code, folder / code.name)
    manifest = made_manifest(
        name=name,
        version="1.0.0",
        entry_point=f"{name}:load",
        memory_mb=50,
        files=(
            PackFile(path=code.name, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content)),
        ),
    )
    (folder / MANIFEST_NAME).write_text(manifest.to_toml())
    return folder
