"""The requirements of a recogniser: exact versions from this machine, and the digests of their wheels.

The digests come from the lock file that manyeyes was tested with, if that has the installed version; else
from the package index, through `uv` or `pip` with this machine's settings.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from shutil import which

from packaging.requirements import Requirement

from manyeyes.telemetry import log

LOCK = Path(__file__).with_name("lock.txt")
INDEX_PATIENCE_S = 120.0
_LOCKED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")

Hashes = dict[str, tuple[str, ...]]


def plain(name: str) -> str:
    """A distribution's normalised name (PEP 503): `Foo_Bar` and `foo.bar` are both `foo-bar`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def split(pin: str) -> tuple[str, str]:
    """(plain name, version) of `name==version`."""
    name, _, version = pin.partition("==")
    return plain(name), version


def unmet(pins: Iterable[str]) -> list[str]:
    """The pins that are not installed at exactly that version in this interpreter's environment."""
    return [pin for pin in pins if _installed(pin) != split(pin)[1]]


def _installed(pin: str) -> str | None:
    try:
        return metadata.version(split(pin)[0])
    except metadata.PackageNotFoundError:
        return None


def closure(names: Iterable[str], python: str = "") -> tuple[str, ...]:
    """Pins of these distributions and of all their dependencies here, as installed, sorted by name.

    Args:
        python: the Python version (X.Y) whose dependencies count; empty: the version that runs here.

    Raises:
        metadata.PackageNotFoundError: a distribution is not installed here.
    """
    other = {"python_version": python, "python_full_version": f"{python}.0"} if python else {}
    found: dict[str, str] = {}
    waiting = [(name, "") for name in sorted(map(plain, names))]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found[name] = metadata.version(name)
        for line in metadata.requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra, **other}):
                waiting += [(plain(needed.name), wanted) for wanted in ("", *needed.extras)]
    return tuple(f"{name}=={version}" for name, version in sorted(found.items()))


def locked(text: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """The digests in a lock file, by (plain name, version)."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if head := _LOCKED.match(block):
            found[plain(head[1]), head[2]] = tuple(_HASH.findall(block))
    return found


def hashes_of(pins: Sequence[str], lock: Path = LOCK) -> Hashes:
    """The digests of each pin's wheels, by plain name; a pin without digests is logged and left out."""
    known = locked(lock.read_text("utf-8")) if lock.is_file() else {}
    missing = [pin for pin in pins if not known.get(split(pin))]
    if missing:
        known |= _from_index(missing)
    found = {split(pin)[0]: known[split(pin)] for pin in pins if known.get(split(pin))}
    without = [pin for pin in pins if split(pin)[0] not in found]
    if without:
        log().warning(
            "no digest is known for some requirements; nodes that lack them cannot install them; "
            "build the pack where a package index can be reached",
            requirements=", ".join(without),
        )
    return found


def _from_index(pins: Sequence[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    listed = "\n".join(pins)
    if uv := which("uv"):
        asking = [uv, "pip", "compile", "--quiet", "--no-cache", "--no-deps", "--generate-hashes", "-"]
        return locked(_told(asking, listed))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-cache-dir", "--dry-run", "--ignore-installed", "--no-deps"]
    command += ["--only-binary", ":all:", "--report", "-"]
    told = _told([*command, *pins], "")
    try:
        found = json.loads(told)["install"] if told else []
        return {
            (plain(one["metadata"]["name"]), one["metadata"]["version"]): (
                one["download_info"]["archive_info"]["hashes"]["sha256"],
            )
            for one in found
        }
    except (ValueError, KeyError, TypeError):
        return {}


def _told(command: list[str], given: str) -> str:
    """The standard output of a command; if it fails, logs the failure and returns an empty text."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=INDEX_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        log().warning("the package index was not asked", error=str(error))
        return ""
    if done.returncode:
        log().warning("the package index does not answer", error=done.stderr.strip()[-500:])
        return ""
    return done.stdout


def requirements_file(pins: Sequence[str], hashes: Mapping[str, Sequence[str]]) -> str:
    """The text of a requirements file with digests; an installer refuses a wheel with another digest."""
    lines = []
    for pin in pins:
        digests = [f"--hash=sha256:{digest}" for digest in hashes.get(split(pin)[0], ())]
        lines.append(" \\\n    ".join([pin, *digests]))
    return "\n".join(lines) + "\n"


def digest(pins: Sequence[str], hashes: Mapping[str, Sequence[str]], python: str) -> str:
    """The name, 24 hex digits, of the environment with these requirements and Python `python` (X.Y)."""
    text = f"python {python}\n{requirements_file(pins, hashes)}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


_NO_INDEX = (
    "dns error",
    "name resolution",
    "failed to resolve",
    "client error (connect)",
    "failed to establish a new connection",
)
"""What uv and pip print when they reach no package index, in lower case."""


def last_words(told: str) -> str:
    """The line of an installer's output that says what failed, with its last cause; at most 400 characters."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    errors = [line.partition(":")[2].strip() for line in lines if line.startswith(("ERROR:", "error:"))]
    causes = [
        line.partition(":")[2].strip() for line in lines if line.lower().startswith(("cause:", "caused by:"))
    ]
    words = (errors or lines or ["it printed nothing"])[-1]
    if causes:
        words = f"{words}: {causes[-1]}"
    return words[:400]


def no_index_reached(told: str) -> bool:
    """Whether an installer's output says that it reached no package index."""
    return any(words in told.lower() for words in _NO_INDEX)
