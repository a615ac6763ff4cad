"""The environment that a pack's requirements are installed into: `envs/<digest of the requirements>`.

Where this agent's own environment holds every pin exactly, that one is used and nothing is installed. Else an
environment is made under another name and renamed when it is complete, so one that has its name is whole.
Only wheels with a digest that the signed manifest names are installed; no package's own build code runs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import manyeyes
from manyeyes.errors import PackError
from manyeyes.no_reports import NO_REPORTS
from manyeyes.packs import pins
from manyeyes.packs.manifest import Manifest
from manyeyes.parent_death import ending_with_this_process
from manyeyes.telemetry import log

INSTALL_DEADLINE_S = 1800.0
_WITHOUT_INDEX = (
    "this machine reaches no package index: let it reach one, or give the pack its wheels with"
    " 'manyeyes packs build --wheels' on the master"
)
COMPLETE = "complete"


@dataclass(frozen=True)
class Interpreter:
    """What runs the workers.

    `code` holds the package `manyeyes` and nothing else, for an environment in which it is not installed; None
    is the agent's own environment.
    """

    python: Path
    code: Path | None = None

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The variables for a process, from this one's: an environment of its own sees only itself.

        No library in it reports to its maker, also one that the pack brings and that is loaded before manyeyes.
        """
        if self.code is None:
            return {**given, **NO_REPORTS}
        kept = {name: value for name, value in given.items() if name not in _FOREIGN}
        return {**kept, **NO_REPORTS, "PYTHONPATH": str(self.code), "PYTHONNOUSERSITE": "1"}


_FOREIGN = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PYTHONUSERBASE")
OWN = Interpreter(Path(sys.executable))


def version_here() -> str:
    """This interpreter's version as X.Y."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def choose_python(fitting: Sequence[str], own: str, runs: Callable[[str], bool]) -> str | None:
    """The Python version (X.Y) to use of those that the wheels fit; None if none is here.

    Args:
        own: the agent's.
        runs: whether a version is found on this machine.
    """
    if not fitting or own in fitting:
        return own
    newest_first = sorted(fitting, key=lambda version: int(version.split(".")[1]), reverse=True)
    return next((version for version in newest_first if runs(version)), None)


class Environments:
    """The environments under `root`, made as packs need them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def ensure(
        self,
        manifest: Manifest,
        wheels: Callable[[], Awaitable[Path]],
        tell: Callable[[str], None],
    ) -> Interpreter:
        """What runs this pack's workers; installed first where it must be.

        Args:
            wheels: brings the wheels of a pack that has them, and returns their folder.

        Raises:
            PackError: it cannot be installed; says what failed.
            OSError: the disk.
        """
        lacking = await asyncio.to_thread(pins.unmet, manifest.requirements)
        if not lacking:
            log().info("the agent's own environment fits", requirements=len(manifest.requirements))
            return OWN
        without = [pin for pin in manifest.requirements if not manifest.hashes.get(pins.split(pin)[0])]
        if without:
            raise PackError(
                f"{', '.join(lacking)} must be installed, and {manifest.label} states no digest for "
                f"{', '.join(without)}; build it again where a package index is reached"
            )
        if os.pathsep in str(self._root):
            raise PackError(
                f"{', '.join(lacking)} must be installed, and Python makes no environment in a folder with "
                f"{os.pathsep!r} in its path, as {self._root}; start the node with another --data folder"
            )
        python = await self._python(manifest)
        name = pins.digest(manifest.requirements, manifest.hashes, python)
        interpreter = Interpreter(self._root / name / "bin" / "python", self._code())
        if not ((self._root / name / COMPLETE).exists() and os.access(interpreter.python, os.X_OK)):
            offline = await wheels() if manifest.wheels else None
            await self._make(name, manifest, python, offline, tell)
        return interpreter

    def tidy(self, stay: Sequence[Manifest]) -> None:
        """Delete the environments that none of these packs uses."""
        wanted = set()
        for manifest in stay:
            for python in {version_here(), *manifest.pythons}:
                wanted.add(pins.digest(manifest.requirements, manifest.hashes, python))
        for folder in self._root.glob("*"):
            if folder.name not in wanted and folder.name != "code":
                shutil.rmtree(folder, ignore_errors=True)

    async def _python(self, manifest: Manifest) -> str:
        here = [version for version in manifest.pythons if await _runs(version)]
        python = choose_python(manifest.pythons, version_here(), here.__contains__)
        if python is None:
            raise PackError(
                f"the wheels of {manifest.label} fit Python {' and '.join(manifest.pythons)}, this machine has "
                f"{version_here()}; install python{manifest.pythons[-1]} beside it"
            )
        return python

    def _code(self) -> Path:
        """A folder with a link to the package `manyeyes` as the agent runs it, and nothing beside it."""
        folder = self._root / "code"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        source = Path(manyeyes.__file__).parent
        link, staged = folder / "manyeyes", folder / ".manyeyes"
        if not link.is_symlink() or link.readlink() != source:
            staged.unlink(missing_ok=True)
            staged.symlink_to(source)
            staged.replace(link)
        return folder

    async def _make(
        self, name: str, manifest: Manifest, python: str, wheels: Path | None, tell: Callable[[str], None]
    ) -> None:
        for leftover in self._root.glob(".making-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(dir=self._root, prefix=".making-"))
        try:
            listed = staging / "requirements.txt"
            listed.write_text(pins.requirements_file(manifest.requirements, manifest.hashes))
            executable = sys.executable if python == version_here() else f"python{python}"
            source = "from the wheels in the pack" if wheels else "from the package index"
            tell(f"installing {len(manifest.requirements)} requirements for Python {python} {source}")
            cache = staging / "cache"
            for command in install_commands(executable, staging, listed, wheels, _installer()):
                await _run(command, cache)
            await asyncio.to_thread(shutil.rmtree, cache, ignore_errors=True)
            await asyncio.to_thread(_put_in_place, staging, self._root / name)
            log().info("environment made", environment=name, requirements=len(manifest.requirements))
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _put_in_place(staging: Path, target: Path) -> None:
    (staging / COMPLETE).touch()
    os.sync()
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)


def _installer() -> str:
    """`uv` where it is, since it is faster, else the agent's own pip."""
    beside = Path(sys.executable).with_name("uv")
    return (str(beside) if os.access(beside, os.X_OK) else shutil.which("uv")) or "pip"


def install_commands(
    python: str, target: Path, listed: Path, wheels: Path | None, installer: str
) -> list[list[str]]:
    """What makes an environment in `target`, in order.

    Args:
        python: the interpreter that the environment is for.
        listed: the requirements file, with digests.
        wheels: a folder with the wheels; None takes them from the package index.
        installer: `pip`, or the path of uv.
    """
    # -f: a folder to find wheels in; as a URL, since uv would cut its path at a comma or a number sign
    source = ["--no-index", "-f", wheels.as_uri()] if wheels else []
    inside = str(target / "bin" / "python")
    wanted = ["--require-hashes", *source, "-r", str(listed)]
    if installer == "pip":
        return [
            [python, "-m", "venv", "--without-pip", str(target)],
            [sys.executable, "-m", "pip", "--python", inside, "--quiet", "--disable-pip-version-check", "--no-input",
             "install", "--only-binary", ":all:", *wanted],
        ]  # fmt: skip
    return [
        [installer, "venv", "--quiet", "--no-config", "--allow-existing", "--python", python, str(target)],
        [installer, "pip", "install", "--quiet", "--compile-bytecode", "--no-build", "--python", inside, *wanted],
    ]  # fmt: skip


async def _runs(version: str) -> bool:
    """Whether `pythonX.Y` is found and is that version: some are found and do not run."""
    if version == version_here():
        return True
    try:
        process = await asyncio.create_subprocess_exec(
            f"python{version}", "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return False
    told, _ = await process.communicate()
    return process.returncode == 0 and told.decode().strip() == version


async def _run(command: list[str], cache: Path) -> None:
    """Run one step of an installation; it is ended with this task.

    Args:
        cache: where the installer keeps what it needs again, in place of a folder in the user's home.

    Raises:
        PackError: it failed, with its last words, or took too long.
    """
    variables = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    variables |= {"UV_PYTHON_DOWNLOADS": "never", "UV_CACHE_DIR": str(cache), "PIP_CACHE_DIR": str(cache)}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=variables,
        start_new_session=True,
        preexec_fn=ending_with_this_process(signal.SIGKILL),
    )
    try:
        _, told = await asyncio.wait_for(process.communicate(), INSTALL_DEADLINE_S)
    except TimeoutError as error:
        raise PackError(f"the requirements were not installed in {INSTALL_DEADLINE_S:.0f} s") from error
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        said = told.decode(errors="replace")
        raise PackError(
            f"the requirements cannot be installed: {pins.last_words(said)}"
            + (f"; {_WITHOUT_INDEX}" if pins.no_index_reached(said) else "")
        )
