"""The portraits that demo and tests use, out of a pinned source distribution; cached, never committed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
CACHE = REPO / ".cache" / "portraits"
REQUIREMENT = Path(__file__).with_name("portraits.txt")
ARCHIVE = "face_recognition-1.3.0.tar.gz"
ARCHIVE_SHA256 = "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
NAMES = (
    "obama.jpg",
    "obama2.jpg",
    "obama3.jpg",
    "biden.jpg",
    "obama_partial_face.jpg",
    "obama_partial_face2.jpg",
)


class NoPortraits(RuntimeError):
    """They could not be fetched, or are not the ones expected."""


def portraits(cache: Path = CACHE) -> dict[str, Path]:
    """File name -> path of each portrait, fetched with pip the first time.

    Raises:
        NoPortraits: the download failed, or its SHA-256 is another one.
    """
    wanted = {name: cache / name for name in NAMES}
    if not all(path.is_file() for path in wanted.values()):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            _unpack(_download(Path(folder)), wanted)
    return wanted


def _download(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    options = ["--no-deps", "--no-binary", "face_recognition", "--require-hashes"]
    asked = subprocess.run(
        [*pip, *options, "-d", str(folder), "-r", str(REQUIREMENT)], capture_output=True, text=True
    )
    archive = folder / ARCHIVE
    if asked.returncode or not archive.is_file():
        raise NoPortraits(f"pip could not download {ARCHIVE}:\n{asked.stderr.strip()[-2000:]}")
    seen = hashlib.sha256(archive.read_bytes()).hexdigest()
    if seen != ARCHIVE_SHA256:
        raise NoPortraits(f"{ARCHIVE} has SHA-256 {seen}, expected {ARCHIVE_SHA256}")
    return archive


def _unpack(archive: Path, wanted: dict[str, Path]) -> None:
    with tarfile.open(archive) as tar:
        for name, path in wanted.items():
            member = tar.extractfile(f"face_recognition-1.3.0/tests/test_images/{name}")
            if member is None:
                raise NoPortraits(f"{ARCHIVE} has no {name}")
            part = path.with_suffix(".part")
            part.write_bytes(member.read())
            part.replace(path)
