"""What is sent to a machine: the wheel of this very installation, and the list of what the agent needs."""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import manyeyes
from manyeyes.errors import InstallFailed, PackError
from manyeyes.packs import pins
from manyeyes.packs.wheels import download

FROM_SOURCE = ("nkeys",)
"""Of these a package index has no wheel; pure Python, they go as they are installed here."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


@dataclass(frozen=True)
class Sent:
    """A file to send."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Its digest, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """All that one kind of machine is sent."""

    own: tuple[Sent, ...]
    """The wheels made here: the agent, and what an index has no wheel of."""
    requirements: str
    """With versions and digests, as pip reads it."""
    wheels: tuple[Sent, ...] = ()
    """Of the requirements, for a machine without a package index."""

    @property
    def digest(self) -> str:
        """Of what it installs."""
        told = "\n".join([*(sent.sha256 for sent in self.own), self.requirements])
        return hashlib.sha256(told.encode()).hexdigest()[:24]


def own_wheel() -> Sent:
    """The package as it runs here, as a wheel; the same installation gives the same bytes."""
    found = metadata.distribution("manyeyes")
    info = f"manyeyes-{found.version}.dist-info"
    contents = dict(_code(Path(manyeyes.__file__).parent))
    for name in ("METADATA", "entry_points.txt"):
        contents[f"{info}/{name}"] = (found.read_text(name) or "").encode()
    contents[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: manyeyes\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    return _wheel("manyeyes", found.version, info, contents)


def packed_again(name: str) -> Sent:
    """An installed distribution of pure Python as a wheel.

    Raises:
        InstallFailed: it is not of pure Python.
    """
    found = metadata.distribution(name)
    if "Root-Is-Purelib: true" not in (found.read_text("WHEEL") or ""):
        raise InstallFailed(
            f"{name} as it is installed here works only on machines like this one; run this elsewhere"
        )
    contents, info = {}, ""
    for file in found.files or ():
        if file.name == "METADATA":
            info = file.parts[0]
        if file.parts[0] != ".." and "__pycache__" not in file.parts and file.name not in _LEFT_OUT:
            contents[str(file)] = Path(str(file.locate())).read_bytes()
    return _wheel(name, found.version, info, contents)


def _wheel(name: str, version: str, info: str, contents: dict[str, bytes]) -> Sent:
    record = "".join(_record(file, content) for file, content in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file, content in contents.items():
            archive.writestr(zipfile.ZipInfo(file, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return Sent(f"{name.replace('-', '_')}-{version}-py3-none-any.whl", packed.getvalue())


def agent_pins(python: str = "") -> list[str]:
    """What an agent needs, as it is installed here: what `manyeyes` alone asks for, without its extras.

    Args:
        python: for this version (X.Y) of Python in place of the one that runs here.

    Raises:
        metadata.PackageNotFoundError: one is not installed here.
    """
    return [pin for pin in pins.closure(("manyeyes",), python) if pins.split(pin)[0] != "manyeyes"]


def _code(package: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path.relative_to(package.parent).as_posix(), path.read_bytes()


def _record(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def make_bundle(python: str, *, with_wheels: bool) -> Bundle:
    """What a machine with Python `python` (X.Y) is sent.

    Args:
        with_wheels: send the wheels too; they are had from this machine's package index.

    Raises:
        InstallFailed: the digest or the wheel of a requirement cannot be had.
    """
    try:
        everything = agent_pins(python)
    except metadata.PackageNotFoundError as error:
        raise InstallFailed(
            f"this installation lacks {error.name}, which the agent needs; install manyeyes here from its lock file"
        ) from error
    wanted = [pin for pin in everything if pins.split(pin)[0] not in FROM_SOURCE]
    hashes = pins.hashes_of(wanted)
    without = [pin for pin in wanted if not hashes.get(pins.split(pin)[0])]
    if without:
        raise InstallFailed(
            f"no digest is known for {', '.join(without)}; run this where a package index can be reached"
        )
    requirements = pins.requirements_file(wanted, hashes)
    wheels: tuple[Sent, ...] = ()
    if with_wheels:
        with tempfile.TemporaryDirectory(prefix="manyeyes-wheels-") as folder:
            try:
                download(requirements, python, Path(folder), "the agent")
            except PackError as error:
                raise InstallFailed(error.detail) from error
            wheels = tuple(Sent(path.name, path.read_bytes()) for path in sorted(Path(folder).glob("*.whl")))
    return Bundle((own_wheel(), *map(packed_again, FROM_SOURCE)), requirements, wheels)
