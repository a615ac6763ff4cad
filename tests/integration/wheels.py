"""Wheels without a package index: made here, or packed again from what is installed for the tests."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib import metadata
from pathlib import Path

from manyeyes.packs import pins

WORKER_NEEDS = ("numpy", "pydantic", "pydantic-settings", "platformdirs")
"""What a worker imports before it loads a pack."""


def _record(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def _write(path: Path, info: str, contents: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in contents.items():
            wheel.writestr(name, content)
        record = "".join(_record(name, content) for name, content in contents.items())
        wheel.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path


def tiny(folder: Path, version: str = "1.0") -> Path:
    """The wheel of `tiny-thing`, one module that knows its version."""
    info = f"tiny_thing-{version}.dist-info"
    head = f"Metadata-Version: 2.1\nName: tiny-thing\nVersion: {version}\n"
    contents = {
        "tiny_thing.py": f"VERSION = {version!r}\n".encode(),
        f"{info}/METADATA": head.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return _write(folder / f"tiny_thing-{version}-py3-none-any.whl", info, contents)


def packed_again(folder: Path) -> list[Path]:
    """Make the wheels of all that a worker needs, from the environment of the tests."""
    made = []
    for pin in pins.closure(WORKER_NEEDS):
        name, version = pins.split(pin)
        found = metadata.distribution(name)
        contents, info = {}, ""
        for file in found.files or ():
            if file.parts[0] == ".." or "__pycache__" in file.parts:
                continue
            if file.name == "METADATA":
                info = file.parts[0]
            if file.name not in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
                contents[str(file)] = Path(str(file.locate())).read_bytes()
        tag = next(
            line.partition(": ")[2]
            for line in contents[f"{info}/WHEEL"].decode().splitlines()
            if line.startswith("Tag: ")
        )
        made.append(_write(folder / f"{name.replace('-', '_')}-{version}-{tag}.whl", info, contents))
    return made


def pin_of(wheel: Path) -> str:
    """`name==version` of a wheel's file."""
    name, version, *_ = wheel.name.split("-")
    return f"{pins.plain(name)}=={version}"


def digest_of(wheel: Path) -> str:
    return hashlib.sha256(wheel.read_bytes()).hexdigest()
