"""Manifests for tests: of a pack of one file that nobody reads, with what a test changes."""

from __future__ import annotations

from typing import Any

from manyeyes.packs.manifest import Manifest, PackFile, SelfTest


def made_manifest(**changed: Any) -> Manifest:
    """A manifest of the kind `test`; `changed` are its other fields."""
    fields: dict[str, Any] = {
        "name": "p",
        "version": "1",
        "kind": "test",
        "entry_point": "m:f",
        "requirements": (),
        "memory_mb": 1,
        "files": (PackFile(path="m.py", sha256="c" * 64, size_bytes=1),),
        "self_test": SelfTest(tolerance=0.0, expected={}),
    }
    return Manifest(**{**fields, **changed})


NEEDY = made_manifest(requirements=("no-such-thing==1.2",), hashes={"no-such-thing": ("a" * 64,)})
"""It needs a package that no index has."""
