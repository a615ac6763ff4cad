"""The packs in a master's data folder: `packs/NAME/VERSION`; `packs/in-use` names the pack to serve."""

from __future__ import annotations

from pathlib import Path

from manyeyes.errors import PackDamaged, PackError
from manyeyes.packs import build
from manyeyes.packs.apart import build_apart
from manyeyes.packs.manifest import MANIFEST_NAME, Manifest, read
from manyeyes.packs.staging import write
from manyeyes.packs.verify import verify
from manyeyes.packs.weights import Progress

IN_USE = "in-use"


def folder_of(data: Path, name: str, version: str) -> Path:
    """The folder of a pack, whether it exists or not."""
    return data / "packs" / name / version


def ensure_default(data: Path, progress: Progress | None = None) -> Path:
    """The default pack's folder, verified; builds the pack if it is missing or damaged.

    Raises:
        WeightsRefused, PackError: the pack cannot be built.
    """
    folder = folder_of(data, build.NAME, build.VERSION)
    if (folder / MANIFEST_NAME).is_file():
        try:
            verify(folder)
        except PackDamaged:
            pass
        else:
            return folder
    build_apart(folder, progress)
    return folder


def installed(data: Path) -> list[Manifest]:
    """The manifests of all packs in the store, sorted by name and version; unreadable ones are left out."""
    found = []
    for path in sorted((data / "packs").glob(f"[!.]*/[!.]*/{MANIFEST_NAME}")):
        try:
            found.append(read(path.parent))
        except PackDamaged:
            continue
    return found


def find(data: Path, wanted: str) -> Path:
    """The folder of the pack NAME@VERSION, or of the newest version of NAME.

    Raises:
        PackError: there is no such pack; the message lists the packs that exist.
    """
    name, _, version = wanted.partition("@")
    kept = installed(data)
    fitting = [pack for pack in kept if pack.name == name and version in ("", pack.version)]
    if not fitting and ("/" in wanted or Path(wanted).exists()):
        is_there = "has no" if Path(wanted).is_dir() else "is no folder with a"
        raise PackError(
            f"{wanted} {is_there} {MANIFEST_NAME}, so it is no pack; name a pack's folder, or one of 'manyeyes packs list'"
        )
    if not fitting:
        there = ", ".join(pack.label for pack in kept) or "none"
        raise PackError(
            f"there is no pack {wanted} in {data / 'packs'} (there: {there}); "
            "'manyeyes packs build' makes one, '--pack FOLDER' takes one from elsewhere"
        )
    newest = max(fitting, key=lambda pack: _order(pack.version))
    return folder_of(data, newest.name, newest.version)


def use(data: Path, wanted: str) -> Manifest:
    """Choose the pack that the master serves from its next start on; `wanted` as for `find`.

    Raises:
        PackError, PackDamaged: there is no such pack, or a file of it is damaged; nothing changes.
    """
    manifest = verify(find(data, wanted))
    try:
        write(data / "packs" / IN_USE, f"{manifest.label}\n".encode())
    except OSError as error:
        raise PackError(f"cannot write {data / 'packs' / IN_USE}: {error}") from error
    return manifest


def in_use(data: Path) -> str:
    """NAME@VERSION of the pack that a start without `--pack` serves."""
    try:
        return (data / "packs" / IN_USE).read_text("utf-8").strip()
    except FileNotFoundError:
        return f"{build.NAME}@{build.VERSION}"
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(
            f"cannot read {data / 'packs' / IN_USE}: {error}; choose again with 'manyeyes packs use'"
        ) from error


def choose(data: Path, wanted: str | None, progress: Progress | None = None) -> Path:
    """The folder to serve: `wanted` is a pack's folder or NAME[@VERSION]; None is the pack in use.

    Raises:
        WeightsRefused, PackError: the pack does not exist, or the default pack cannot be built.
    """
    if wanted and (Path(wanted) / MANIFEST_NAME).is_file():
        return Path(wanted).absolute()
    asked = wanted or in_use(data)
    if asked in (build.NAME, f"{build.NAME}@{build.VERSION}"):
        return ensure_default(data, progress)
    return find(data, asked)


def _order(version: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(step), "") if step.isdigit() else (-1, step) for step in version.split("."))
