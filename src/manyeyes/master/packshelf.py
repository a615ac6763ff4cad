"""The pack in use, as nodes are sent it: a signed manifest, and files by their SHA-256."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519

from manyeyes import identity
from manyeyes.broker.transfer import chunk_at
from manyeyes.contract import CHUNK_BYTES
from manyeyes.errors import PackError
from manyeyes.packs.manifest import MANIFEST_NAME
from manyeyes.packs.verify import verify


class PackShelf:
    """One verified pack folder and the key that vouches for it.

    Raises:
        PackDamaged: a file is not what the manifest says.
    """

    def __init__(self, folder: Path, key: ed25519.Ed25519PrivateKey) -> None:
        manifest = verify(folder)
        self.pack = manifest.label
        self.embedder = manifest.embedder_id
        """What enrolled photos are kept under; see `Manifest.embedder_id`."""
        self.threshold = manifest.matching.threshold
        self.calibration = manifest.calibration
        self.public_key = identity.public_hex(key)
        self._manifest = (folder / MANIFEST_NAME).read_bytes()
        self._signature = key.sign(self._manifest).hex()
        self._files = {file.sha256: folder / file.path for file in manifest.files}

    def read(self, sha256: str, offset: int) -> tuple[bytes, int, str]:
        """(chunk from `offset` on, size of the whole, signature).

        The whole is the manifest for an empty digest, else that file, which has no signature.

        Raises:
            PackError: no such file in the pack.
        """
        if not sha256:
            return chunk_at(self._manifest, offset), len(self._manifest), self._signature
        if sha256 not in self._files:
            raise PackError(f"the pack {self.pack} has no file {sha256}")
        with self._files[sha256].open("rb") as file:
            size = file.seek(0, 2)
            file.seek(offset)
            return file.read(CHUNK_BYTES), size, ""
