"""Serves the pack in use to nodes: a signed manifest, and files by their SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519

from manyeyes import identity
from manyeyes.broker.transfer import DEFLATE, chunk_at, squeeze
from manyeyes.contract import CHUNK_BYTES, HEADER_ENCODING, HEADER_SIGNATURE
from manyeyes.errors import PackError
from manyeyes.packs import build, pins
from manyeyes.packs.manifest import MANIFEST_NAME
from manyeyes.packs.verify import verify

WORTH_SQUEEZING = 0.8
"""A file is sent compressed if its first chunk shrinks to less than this share. Source text and manifests do.
Weights and wheels do not (docs/guides/offline-nodes.md has the figures): compressed, they would only take
longer."""


class ServedPack:
    """One verified pack folder, and the key that signs its manifest.

    Raises:
        PackDamaged: a file is not what the manifest says.
    """

    def __init__(self, folder: Path, key: ed25519.Ed25519PrivateKey) -> None:
        manifest = verify(folder)
        self.pack = manifest.label
        self.embedder = manifest.embedder_id
        """The id under which enrolled photos are stored; see `Manifest.embedder_id`."""
        self.threshold = manifest.matching.threshold
        self.calibration = manifest.calibration
        required = {pins.split(pin)[0] for pin in manifest.requirements}
        self.draws_every_script = manifest.entry_point != build.ENTRY_POINT or required >= set(build.LABELS)
        """False of a pack that was built before labels in every script: its nodes lack the fonts."""
        self.public_key = identity.public_hex(key)
        self._manifest = (folder / MANIFEST_NAME).read_bytes()
        self.manifest_sha256 = hashlib.sha256(self._manifest).hexdigest()
        self._signature = key.sign(self._manifest).hex()
        self._files = {file.sha256: folder / file.path for file in (*manifest.files, *manifest.wheels)}
        self._shrinking = {sha256 for sha256, path in self._files.items() if _shrinks(path)}

    def read(self, sha256: str, offset: int) -> tuple[bytes, int, dict[str, str]]:
        """Read a chunk of the file with this digest; an empty digest means the manifest.

        Returns:
            The chunk from `offset` on, the size of the whole file in bytes, and headers: how the chunk is
            encoded, and for the manifest its signature.

        Raises:
            PackError: the pack has no such file.
        """
        if not sha256:
            headers = {HEADER_SIGNATURE: self._signature, HEADER_ENCODING: DEFLATE}
            return squeeze(chunk_at(self._manifest, offset)), len(self._manifest), headers
        if sha256 not in self._files:
            raise PackError(f"the pack {self.pack} has no file {sha256}")
        with self._files[sha256].open("rb") as file:
            size = file.seek(0, 2)
            file.seek(offset)
            chunk = file.read(CHUNK_BYTES)
        if sha256 in self._shrinking:
            return squeeze(chunk), size, {HEADER_ENCODING: DEFLATE}
        return chunk, size, {}


def _shrinks(path: Path) -> bool:
    with path.open("rb") as file:
        sample = file.read(CHUNK_BYTES)
    return len(squeeze(sample)) < WORTH_SQUEEZING * len(sample)
