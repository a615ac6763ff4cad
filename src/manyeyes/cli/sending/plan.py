"""Which pictures to send, and the name of each below OUT. Lazy: memory does not grow with the folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from manyeyes.cli.sending.choice import EVERY_PICTURE, EXCLUDED, NO_PICTURE, Choice, PassedOver, by_content
from manyeyes.cli.sending.record import in_output, is_output
from manyeyes.cli.sending.source import Source
from manyeyes.cli.sending.videos import count_stills, is_video_file, stills_of
from manyeyes.errors import (
    BadRequest,
    EmptyPicture,
    FileTrouble,
    ManyeyesError,
    NoSuchFile,
    NotAPicture,
    TooManyBytes,
)
from manyeyes.recognition.pictures.formats import SUFFIXES
from manyeyes.video.times import DEFAULT_TIMES, Times

MAX_PICTURE_BYTES = 50 * 1024 * 1024
DEFAULT_OUT = Path("manyeyes-out")
"""OUT where none is named: in the current folder."""


@dataclass(frozen=True)
class Argument:
    """A file or a folder that the user named."""

    path: Path
    first_part: str
    """The first part of its names below OUT: empty for a single argument, else a unique name."""


@dataclass(frozen=True)
class Arguments:
    """What is to be sent: each argument once that is not excluded, and that no other one has."""

    each: Sequence[Argument]
    out: Path | None
    """Its files are not sent."""
    choice: Choice = EVERY_PICTURE
    excluded: Sequence[Path] = ()
    """The arguments that the user excludes."""
    times: Times = DEFAULT_TIMES
    """Of videos: when stills are taken."""


def check_all_exist(inputs: Sequence[Path]) -> None:
    """Find a mistyped path before anything is sent.

    Raises:
        NoSuchFile: at least one path is not there; the message names each.
    """
    missing = list(dict.fromkeys(path for path in inputs if not _is_there(path)))
    if missing:
        names = ", ".join(f"{path} (a broken link)" if path.is_symlink() else str(path) for path in missing)
        rest = "; nothing was sent" if len(missing) < len(set(inputs)) else ""
        raise NoSuchFile(
            f"no such {'files or folders' if len(missing) > 1 else 'file or folder'}: {names}{rest}"
        )


def read_arguments(
    inputs: Sequence[Path],
    out: Path | None,
    *,
    by_path: Path | None = None,
    choice: Choice = EVERY_PICTURE,
    times: Times = DEFAULT_TIMES,
) -> Arguments:
    """What is to be sent. An argument that lies in the folder of another one, and is sent with it, is left out.

    Args:
        by_path: names below OUT are paths relative to this folder, or from the root for what is outside it. So every
            file has a name of its own, the same in each run. If None, they are relative to the argument.
    """
    excluded = [path for path in inputs if choice.excludes(path.name, path.as_posix())]
    wanted = [path for path in inputs if path not in excluded]
    each = _named(_distinct(wanted, out, choice), by_path)
    return Arguments(each, out, choice, excluded, times)


def check_out(arguments: Arguments) -> None:
    """Find an OUT that cannot be used before anything is written.

    Raises:
        FileTrouble: OUT is a file.
        BadRequest: an answer would replace its original.
    """
    if (out := arguments.out) is None:
        return
    if out.exists() and not out.is_dir():
        raise FileTrouble(f"output folder {out} is a file, not a folder; name another with -o")
    for argument in arguments.each:
        is_folder = argument.path.is_dir()
        if is_folder and _is_same(argument.path, out):
            raise BadRequest(f"output folder {out} is one of the inputs; name another with -o")
        name = argument.first_part or ("" if is_folder else argument.path.name)
        if _is_same(argument.path, out / name):
            raise BadRequest(
                f"{argument.path} would be overwritten in {out}; name another output folder with -o"
            )


def plan(arguments: Arguments, passed: PassedOver | None = None) -> Iterator[Source]:
    """Yield every picture of the arguments, and every still of a video, searching as the caller asks for more.

    A file that is named as an argument is included, whatever it is. From folders come the files that are pictures by their
    first bytes or by their name, as the user chooses, without OUT. A path that cannot be used is yielded with its `trouble`.
    Links to folders are followed unless they lead back into a folder that is being read. A folder with the results of an
    earlier run is left out.

    Args:
        passed: counts what is passed over.
    """
    skip = _identity(arguments.out) if arguments.out is not None else None
    passed = passed or PassedOver()
    for path in arguments.excluded:
        passed.leave_out(EXCLUDED, is_folder=path.is_dir())
    for argument in arguments.each:
        if argument.path.is_dir():
            for path, parts, trouble in _walk(argument.path, skip, None, arguments.choice, passed):
                relative = "/".join([argument.first_part, *parts] if argument.first_part else parts)
                if trouble:
                    yield Source(path, relative or ".", trouble=trouble)
                    continue
                for source in _each(look(path, relative), arguments.times):
                    if source.is_video and isinstance(source.trouble, NotAPicture):
                        passed.reasons[NO_PICTURE] += 1  # sound only, in a container for videos
                    else:
                        yield source
        else:
            yield from _each(look(argument.path, argument.first_part or argument.path.name), arguments.times)


def count(arguments: Arguments, stop: threading.Event) -> int:
    """How many sources `plan` will yield, without checking the pictures; fewer if `stop` is set meanwhile."""
    skip = _identity(arguments.out) if arguments.out is not None else None
    found = 0
    for argument in arguments.each:
        if not argument.path.is_dir():
            found += _count(argument.path, arguments.times)
            continue
        for path, _, _ in _walk(argument.path, skip, stop, arguments.choice, PassedOver()):
            found += _count(path, arguments.times)
    return found


def _each(source: Source, times: Times) -> Iterator[Source]:
    """The source itself, or the stills of a video."""
    if source.is_video and source.trouble is None:
        yield from stills_of(source, times)
    else:
        yield source


def _count(path: Path, times: Times) -> int:
    if path.suffix.lower() in SUFFIXES or not is_video_file(path):
        return 1
    return count_stills(path, times)


def look(path: Path, relative: str) -> Source:
    """Check before anything is sent that a path exists and is a readable file, not empty and not too big.

    What is wrong is said without the path: whoever shows it shows the path beside it.
    """
    try:
        facts = path.stat()
    except OSError as error:
        return Source(path, relative, trouble=FileTrouble(_not_there(path, error)))
    trouble: ManyeyesError | None = None
    is_video = False
    if not path.is_file():
        trouble = FileTrouble("it is neither a file nor a folder")
    elif not os.access(path, os.R_OK):
        trouble = FileTrouble("it cannot be read: permission denied")
    elif facts.st_size == 0:
        trouble = EmptyPicture("the file is empty (0 bytes)")
    elif is_video_file(path):
        is_video = True
    elif facts.st_size > MAX_PICTURE_BYTES:
        trouble = TooManyBytes(
            f"it has {facts.st_size / 1024**2:.1f} MB, the limit is {MAX_PICTURE_BYTES // 1024**2}; shrink it"
        )
    return Source(path, relative, facts.st_size, facts.st_mtime_ns, trouble, is_video)


def _not_there(path: Path, error: OSError) -> str:
    if not isinstance(error, FileNotFoundError):
        return f"it cannot be read: {error.strerror or error}"
    try:
        return f"it is a broken link: {path.readlink()} is not there"
    except OSError:
        return "it is not there any more"


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it is there, and cannot be used: a failure of its own
        return True
    return True


def _distinct(inputs: Sequence[Path], out: Path | None, choice: Choice) -> list[Path]:
    seen: set[Path] = set()
    distinct = []
    for path in inputs:
        resolved = path.resolve()
        if resolved not in seen:
            seen.add(resolved)
            distinct.append(path)
    folders = {path.resolve() for path in distinct if path.is_dir()}
    skip = _identity(out) if out is not None else None
    return [path for path in distinct if not _is_within(path, folders, skip, choice)]


def _named(paths: Sequence[Path], by_path: Path | None) -> list[Argument]:
    """Each with the first part of its names, which is unique."""
    if by_path is not None:
        return [Argument(path, _below(by_path, path)) for path in paths]
    if len(paths) == 1:
        return [Argument(paths[0], "")]
    taken: set[str] = set()
    found = []
    for path in paths:
        name = path.name if path.name not in ("", "..") else path.resolve().name or "root"
        unique, number = name, 2
        while unique in taken:
            as_path = Path(name)
            unique = f"{as_path.stem}-{number}{as_path.suffix}"
            number += 1
        taken.add(unique)
        found.append(Argument(path, unique))
    return found


def _is_within(path: Path, folders: set[Path], skip: tuple[int, int] | None, choice: Choice) -> bool:
    """Whether one of the folders has this path, and `_walk` finds it there."""
    is_folder = path.is_dir()
    whole = path.resolve() if is_folder else path.parent.resolve() / path.name
    above = [folder for folder in whole.parents if folder in folders]
    if not above or not (is_folder or by_content(path, is_file=path.is_file()) is None):
        return False
    parts = whole.relative_to(above[0]).parts
    between = [above[0].joinpath(*parts[:number]) for number in range(len(parts) + 1)]
    opened = between if is_folder else between[:-1]
    names = (above[0].name, *parts)
    return (
        all(choice.by_name(name, names[:at]) is None for at, name in enumerate(names) if at)
        and all(os.access(one, os.R_OK) and _identity(one) != skip and not is_output(one) for one in opened)
        and not in_output(above[0])
    )


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _below(folder: Path, path: Path) -> str:
    whole = Path(os.path.abspath(path))  # noqa: PTH100  a link keeps its name
    start = folder if whole.is_relative_to(folder) else whole.anchor
    name = whole.relative_to(start).as_posix()
    return "" if name == "." else name


def _walk(
    top: Path,
    skip: tuple[int, int] | None,
    stop: threading.Event | None,
    choice: Choice,
    passed: PassedOver,
) -> Iterator[tuple[Path, list[str], ManyeyesError | None]]:
    """Search depth first, with one open folder per level; yields (path, parts below top, trouble)."""
    levels: list[tuple[os._ScandirIterator[str], tuple[int, int] | None]] = []
    parts: list[str] = []
    top_name = top.name or top.resolve().name

    def open_folder(path: Path) -> ManyeyesError | None:
        identity = _identity(path)
        if identity is not None and (identity == skip or any(identity == level[1] for level in levels)):
            return None
        if is_output(path) or ((path is top or path.is_symlink()) and in_output(path)):
            passed.own_output.append(path)
            return None
        try:
            levels.append((os.scandir(path), identity))
        except OSError as error:
            return FileTrouble(f"the folder cannot be read: {error.strerror or error}")
        return None

    trouble = open_folder(top)
    if trouble:
        yield top, [], trouble
    try:
        while levels and not (stop is not None and stop.is_set()):
            try:
                entry = next(levels[-1][0], None)
            except OSError as error:
                entry = None
                folder = top.joinpath(*parts)
                yield folder, [*parts], FileTrouble(f"the folder cannot be read: {error.strerror or error}")
            if entry is None:
                levels.pop()[0].close()
                if parts:
                    parts.pop()
                continue
            reason = choice.by_name(entry.name, [top_name, *parts])
            if reason is not None:
                passed.leave_out(reason, is_folder=_is_folder(entry))
                continue
            path = Path(entry.path)
            if _is_folder(entry):
                depth = len(levels)
                trouble = open_folder(path)
                if trouble:
                    yield path, [*parts, entry.name], trouble
                elif len(levels) > depth:
                    parts.append(entry.name)
                continue
            reason = by_content(path, is_file=_is_file(entry))
            if reason is None:
                yield path, [*parts, entry.name], None
            else:
                passed.reasons[reason] += 1
    finally:
        for scan, _ in levels:
            scan.close()


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
