"""The bundle that is sent to a machine: a wheel of this installation, and the requirements of the agent."""

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
"""The package index has no wheel of these. They are pure Python, so wheels are made of the files installed here."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


@dataclass(frozen=True)
class Sent:
    """A file to send."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The digest of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """Everything that is sent to one kind of machine."""

    own: tuple[Sent, ...]
    """The wheels made here: the agent and `FROM_SOURCE`."""
    requirements: str
    """A requirements file for pip, with versions and digests."""
    wheels: tuple[Sent, ...] = ()
    """The wheels of the requirements, for a machine without a package index."""

    @property
    def digest(self) -> str:
        """A digest of what the bundle installs: 24 hexadecimal digits."""
        told = "\n".join([*(sent.sha256 for sent in self.own), self.requirements])
        return hashlib.sha256(told.encode()).hexdigest()[:24]


def own_wheel() -> Sent:
    """Make a wheel of this package as installed here; the same installation gives the same bytes."""
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
    """Make a wheel of an installed distribution of pure Python.

    Raises:
        InstallFailed: the distribution is not pure Python.
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
    """The requirements of an agent, in the versions installed here: those of `manyeyes` without its extras.

    Args:
        python: the Python version (X.Y) that they are for; the one that runs here if empty.

    Raises:
        metadata.PackageNotFoundError: a requirement is not installed here.
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
    """Make the bundle for a machine with Python `python` (X.Y).

    Args:
        with_wheels: include the wheels; they are downloaded from this machine's package index.

    Raises:
        InstallFailed: the digest or the wheel of a requirement cannot be found.
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
