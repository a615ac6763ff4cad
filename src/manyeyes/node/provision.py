"""Bring the master's pack to this node: signed manifest, then only the files that are missing.

Files are staged under another name and renamed, so a kill at any point leaves whole files only.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

from cryptography.exceptions import InvalidSignature

from manyeyes.broker.link import NodeLink
from manyeyes.contract import HEADER_SIGNATURE, PackQuery
from manyeyes.errors import PackDamaged
from manyeyes.identity import verify_signature, write_private
from manyeyes.packs.manifest import MANIFEST_NAME, parse
from manyeyes.packs.verify import verify
from manyeyes.telemetry import log


async def fetch_pack(link: NodeLink, packs: Path, public_key: str) -> Path:
    """The folder of the master's pack in use, whole and verified.

    Args:
        packs: the node's folder for packs; the pack goes to NAME/VERSION under it.
        public_key: the master's pack key in hex, known since joining.

    Raises:
        PackDamaged: a signature or a digest does not fit; nothing of it is used.
        Unavailable: the master does not answer.
    """
    content, headers = await link.fetch("pack", PackQuery())
    try:
        verify_signature(public_key, headers.get(HEADER_SIGNATURE, ""), content)
    except (InvalidSignature, ValueError) as error:
        raise PackDamaged("the pack's manifest is not signed by the master that this node joined") from error
    manifest = parse(content.decode())
    folder = packs / _safe(manifest.name) / _safe(manifest.version)
    for file in manifest.files:
        target = folder / _inside(file.path)
        if target.exists() and _digest(target.read_bytes()) == file.sha256:
            continue
        log().info("fetching", pack=manifest.name, file=file.path, size_bytes=file.size_bytes)
        data, _ = await link.fetch("pack", PackQuery(sha256=file.sha256))
        if _digest(data) != file.sha256:
            raise PackDamaged(
                f"{file.path}: SHA-256 {file.sha256} expected, {_digest(data)} received; asking again"
            )
        write_private(target, data)
    write_private(folder / MANIFEST_NAME, content)
    verify(folder)
    return folder


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _safe(part: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", part):
        raise PackDamaged(f"{part!r} is no name for a pack or its version")
    return part


def _inside(path: str) -> Path:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        raise PackDamaged(f"{path!r} lies outside the pack's folder")
    return Path(parts)
