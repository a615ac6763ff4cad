"""Adds the wheels of a pack's requirements to the pack, for nodes that reach no package index."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from manyeyes.errors import PackError
from manyeyes.packs import pins
from manyeyes.packs.manifest import MANIFEST_NAME, Manifest, PackFile, read
from manyeyes.packs.staging import staged, write

FOLDER = "wheels"
DOWNLOAD_DEADLINE_S = 1800.0


def add_wheels(folder: Path, pythons: Sequence[str]) -> Manifest:
    """Add the wheels of its requirements to the pack in `folder`, for this platform and these Pythons (X.Y).

    Returns:
        The new manifest, as written to the folder.

    Raises:
        PackError: a wheel cannot be downloaded, and the message says which; the folder is unchanged.
    """
    manifest = read(folder)
    with staged(folder) as staging:
        shutil.copytree(folder, staging, dirs_exist_ok=True, ignore=shutil.ignore_patterns(FOLDER))
        for python in pythons:
            requirements = pins.requirements_file(manifest.requirements, manifest.hashes)
            download(requirements, python, staging / FOLDER, manifest.label)
        files = tuple(_file(path, staging) for path in sorted((staging / FOLDER).glob("*.whl")))
        ordered = tuple(sorted(set(pythons), key=lambda version: int(version.split(".")[1])))
        manifest = manifest.model_copy(update={"wheels": files, "pythons": ordered})
        write(staging / MANIFEST_NAME, manifest.to_toml().encode())
    return manifest


def download(requirements: str, python: str, target: Path, label: str) -> None:
    """Download the wheels of a requirements file, for this platform and Python `python` (X.Y).

    Args:
        requirements: the text of the file, with digests.
        target: the folder that receives the wheels.
        label: the owner of the requirements, for error messages.

    Raises:
        PackError: a wheel cannot be downloaded; the message says which.
    """
    target.mkdir(exist_ok=True)
    listed = target / "requirements.txt"
    listed.write_text(requirements)
    command = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "download",
    ]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--python-version", python]
    command += ["--no-cache-dir", "--dest", str(target), "-r", str(listed)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_DEADLINE_S)
    except subprocess.TimeoutExpired as error:
        raise PackError(f"the wheels were not downloaded in {DOWNLOAD_DEADLINE_S:.0f} s") from error
    finally:
        listed.unlink()
    if done.returncode:
        raise PackError(
            f"the wheels of {label} for Python {python} cannot be fetched: {pins.last_words(done.stderr)}"
        )


def _file(path: Path, staging: Path) -> PackFile:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return PackFile(path=path.relative_to(staging).as_posix(), sha256=digest, size_bytes=len(content))
