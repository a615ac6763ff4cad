"""`manyeyes nodes put` and `nodes get`: copy files to and from a node's exchange folder, and resume after a break."""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
import stat
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from manyeyes.cli.chunk_pace import ChunkPace
from manyeyes.cli.output import JsonOption, context_of, print_json, say
from manyeyes.contract import FileFact, FileOrder, FileReply
from manyeyes.errors import FileTrouble, NoSuchFile
from manyeyes.local_files import unreadable
from manyeyes.node.commands.file_exchange import Room, deflate, inflate, parts_of
from manyeyes.plain_text import harmless
from manyeyes.sdk.client import AsyncClient
from manyeyes.wording import several

MAX_FILES = 100_000
_MOST_STUCK = 5
_PARTS_FOLDER = ".manyeyes-parts"

Step = Callable[[FileOrder, bytes], Awaitable[tuple[FileReply, bytes]]]


@dataclass
class Moved:
    """What was moved: the files and their bytes, and the bytes that were sent for them (after compression)."""

    files: int = 0
    size_bytes: int = 0
    travelled_bytes: int = 0
    expect: Callable[[int], None] = lambda total: None
    """Called with the total number of bytes."""
    advance: Callable[[int], None] = lambda count: None
    """Called with the number of bytes that arrived since the last call."""
    pace: ChunkPace = field(default_factory=ChunkPace)

    def as_json(self) -> dict[str, int]:
        """The fields for `--json`."""
        return {
            "files": self.files,
            "size_bytes": self.size_bytes,
            "travelled_bytes": self.travelled_bytes,
        }


def put(
    ctx: typer.Context,
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")],
    local: Annotated[
        list[Path], typer.Argument(metavar="LOCAL...", help="Files and folders on this machine.")
    ],
    to: Annotated[str, typer.Option(metavar="DIR", help="Folder to write to, in the exchange folder.")] = ".",
    as_json: JsonOption = False,
) -> None:
    """Copy files and folders into a node's exchange folder; run again, it continues where it stopped.

    Example: manyeyes nodes put cellar holiday/ --to pictures
    """
    parts_of(to)
    files = [(path, posixpath.normpath(f"{to}/{name}")) for path, name in _local_files(local)]

    async def move(client: AsyncClient, moved: Moved) -> None:
        step = _timed(client, node, moved.pace)
        moved.expect(sum(path.stat().st_size for path, _ in files))
        for path, name in files:
            await send_file(step, path, name, moved)

    moved = _move(ctx, f"to {node}", move)
    _tell(moved, as_json, f"to the exchange folder of {node}")


def get(
    ctx: typer.Context,
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")],
    remote: Annotated[
        list[str],
        typer.Argument(metavar="REMOTE...", help="Names in the exchange folder; '.' means all of it."),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Folder on this machine to write to.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Copy files and folders from a node's exchange folder; run again, it continues where it stopped.

    Example: manyeyes nodes get cellar logs/today.txt -o .
    """
    names = [name.rstrip("/") or name for name in remote]
    for name in names:
        parts_of(name)

    async def move(client: AsyncClient, moved: Moved) -> None:
        step = _timed(client, node, moved.pace)
        found = [(name, fact) for name in names for fact in await listed(step, name)]
        moved.expect(sum(fact.size_bytes for _, fact in found))
        parts = out.resolve() / _PARTS_FOLDER
        room = Room(out.resolve(), parts)
        try:
            await asyncio.to_thread(room.open)
        except OSError as error:
            raise FileTrouble(f"{out} cannot be written to: {error.strerror}") from error
        for name, fact in found:
            await fetch_file(step, room, fact.name, _place(name, fact.name), moved)
        if not any(parts.iterdir()):
            parts.rmdir()

    moved = _move(ctx, f"from {node}", move)
    _tell(moved, as_json, f"to {out}")


async def send_file(step: Step, path: Path, name: str, moved: Moved) -> None:
    """Send one file, starting at the end of the node's partial copy.

    Raises:
        FileTrouble: the file cannot be read or changed meanwhile, or the node refused it.
    """
    size, digest, executable = await asyncio.to_thread(_facts, path)
    order = FileOrder(kind="put", name=name, size_bytes=size, sha256=digest, executable=executable)
    reply, _ = await step(order, b"")
    moved.advance(reply.received)
    stuck = 0
    with _opened(path) as file:
        while not reply.done:
            offset = reply.received
            file.seek(offset)
            chunk = file.read(moved.pace.chunk_bytes)
            if not chunk:
                raise FileTrouble(f"{path} became shorter while it was sent; send it again")
            data, zipped = deflate(chunk)
            moved.travelled_bytes += len(data)
            reply, _ = await step(order.model_copy(update={"offset": offset, "zipped": zipped}), data)
            stuck += reply.received <= offset and not reply.done
            if stuck > _MOST_STUCK:
                raise FileTrouble(
                    f"the node asks for the same part of {name} again and again; the file was not sent"
                )
            moved.advance(reply.received - offset)
    moved.files += 1
    moved.size_bytes += size


async def listed(step: Step, name: str) -> list[FileFact]:
    """All files at or below a name of the exchange folder.

    Raises:
        FileTrouble: there is no such name, or the node returns names outside it.
    """
    found: list[FileFact] = []
    while True:
        reply, _ = await step(FileOrder(kind="list", name=name, offset=len(found)), b"")
        found += reply.files
        if not reply.more or not reply.files:
            break
        if len(found) > MAX_FILES:
            raise FileTrouble(f"{name!r} holds more than {MAX_FILES} files; fetch its folders one by one")
    for fact in found:
        inside = name == "." or fact.name == name or fact.name.startswith(f"{name}/")
        if not parts_of(fact.name) or not inside:
            raise FileTrouble(
                f"the node names a file {fact.name!r} that was not asked for; nothing was fetched"
            )
    return found


async def fetch_file(step: Step, room: Room, name: str, place: str, moved: Moved) -> None:
    """Fetch one file into `room`, starting where an earlier attempt stopped.

    Raises:
        FileTrouble: the file changed meanwhile, the node refused it, or it cannot be written.
    """
    about, _ = await step(FileOrder(kind="digest", name=name), b"")
    order = FileOrder(
        kind="put", name=place, size_bytes=about.size_bytes, sha256=about.sha256, executable=about.executable
    )
    here, _ = await asyncio.to_thread(room.step, order, b"")
    moved.advance(here.received)
    while not here.done:
        offset = here.received
        most = moved.pace.chunk_bytes
        wanted = FileOrder(kind="read", name=name, offset=offset, size_bytes=most, sha256=about.sha256)
        reply, data = await step(wanted, b"")
        moved.travelled_bytes += len(data)
        chunk = inflate(data, reply.zipped)
        if not chunk:
            raise FileTrouble(f"{name} became shorter while it was fetched; fetch it again")
        here, _ = await asyncio.to_thread(room.step, order.model_copy(update={"offset": offset}), chunk)
        if here.received <= offset:
            raise FileTrouble(f"{name}: the node sent more than the file has, or another fetches it too")
        moved.advance(here.received - offset)
    moved.files += 1
    moved.size_bytes += about.size_bytes


def _timed(client: AsyncClient, node: str, pace: ChunkPace) -> Step:
    async def step(order: FileOrder, data: bytes) -> tuple[FileReply, bytes]:
        began_s = time.monotonic()
        reply, answered = await client.commands.step(node, order, data)
        took_s = time.monotonic() - began_s
        if travelled := len(data) + len(answered):
            pace.step(travelled, took_s)
        else:
            pace.empty_step(took_s)
        return reply, answered

    return step


def _place(asked: str, name: str) -> str:
    """The path of a file below the output folder: `name` without the folders above the requested name."""
    above = posixpath.dirname(asked)
    return name[len(above) + 1 :] if above and asked != "." else name


def _local_files(given: list[Path]) -> Iterator[tuple[Path, str]]:
    for path in given:
        path = Path(os.path.abspath(path))  # noqa: PTH100  a link given as an argument keeps its name
        name = path.name
        if not path.exists():
            raise NoSuchFile(f"no such file: {path}")
        if path.is_file():
            yield path, name
            continue
        if not path.is_dir():
            raise FileTrouble(f"{path} is no regular file and is not sent; nothing was sent")
        for inner in sorted(path.rglob("*")):
            about = inner.lstat()
            if stat.S_ISREG(about.st_mode):
                yield inner, f"{name}/{inner.relative_to(path).as_posix()}"
            elif not stat.S_ISDIR(about.st_mode):
                kind = "a link" if stat.S_ISLNK(about.st_mode) else "no regular file"
                raise FileTrouble(f"{inner} is {kind} and is not sent; nothing was sent")


def _facts(path: Path) -> tuple[int, str, bool]:
    with _opened(path) as file:
        about = os.fstat(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return about.st_size, digest, bool(about.st_mode & 0o100)


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error


def _move(ctx: typer.Context, title: str, move: Callable[[AsyncClient, Moved], Awaitable[None]]) -> Moved:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )

    async def main() -> Moved:
        console = Console(stderr=True)
        with Progress(*columns, transient=True, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task(harmless(title), total=None)
            moved = Moved(
                expect=lambda total: bar.update(task, total=total),
                advance=lambda count: bar.update(task, advance=count),
            )
            async with AsyncClient(context_of(ctx), waiting=say) as client:
                await move(client, moved)
            return moved

    return asyncio.run(main())


def _tell(moved: Moved, as_json: bool, where: str) -> None:
    if as_json:
        print_json(moved.as_json())
    else:
        say(
            f"{several(moved.files, 'file')}, {moved.size_bytes / 1e6:.1f} MB {where}; "
            f"{moved.travelled_bytes / 1e6:.1f} MB sent over the network"
        )
