"""`manyeyes uninstall`: say what manyeyes has on this machine, and remove it when told to."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from manyeyes.cli.output import JsonOption, YesOption, confirm, has_person, print_json, say, tell
from manyeyes.cli.service.installed import Installed, find_installed
from manyeyes.cli.service.removing import remove_service
from manyeyes.cli.uninstalling import footprint, running
from manyeyes.cli.uninstalling.footprint import DATA, OF_PEOPLE, Found, size_words
from manyeyes.cli.uninstalling.running import Running
from manyeyes.config import MasterSettings, NodeSettings, default_data_folder
from manyeyes.datafolder import PID_FILE, down_command, holder, only_one
from manyeyes.errors import BadRequest, FileTrouble


def uninstall(
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another data folder; the default one, and those of services, are known. Repeatable.",
            show_default=False,
        ),
    ] = None,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Keep data and settings; remove services and downloads only.")
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what manyeyes has on this machine, and remove it after a question. The package itself is removed last, by you.

    Example: manyeyes uninstall --keep-data
    """
    services = find_installed(None)
    found = _found(services, data or [])
    in_use = running.processes()
    if as_json:
        print_json(_plain(services, found))
        if not yes:
            return
    else:
        for line in _lines(services, found, in_use, keep_data=keep_data):
            tell(line)
    wanted = [one for one in found if not (keep_data and one.kind in ("data", "settings"))]
    if services or wanted:
        if not yes and not has_person():
            say("nothing was removed, this was only the list; --yes removes it")
            return
        _check_nothing_runs(wanted, services, in_use)
        confirm(yes, lambda: _question(services, wanted))
        for service in services:
            remove_service(service)
        for one in wanted:
            _remove(one)
    elif not as_json:
        say("nothing to remove")
    say(f"what is left is the program: {_package()}")


def _found(services: list[Installed], named: list[Path]) -> list[Found]:
    from manyeyes.broker.engine_install import installed_places
    from manyeyes.packs.weights import cache_folder

    folders = [
        MasterSettings().data,
        NodeSettings().data,
        *(one.data for one in services if one.data),
        *named,
    ]
    absolute = list(dict.fromkeys(folder.absolute() for folder in folders))
    roots = [
        one for one in absolute if not any(one != other and one.is_relative_to(other) for other in absolute)
    ]
    for folder in roots:
        if folder in (Path.home(), Path("/")):
            raise BadRequest(f"the data folder is {folder} itself; remove what is of manyeyes there by hand")
    default = default_data_folder().absolute()
    in_data = [one for folder in roots if (one := footprint.data_folder(folder, default=folder == default))]
    for folder in named:
        if folder.absolute() not in [one.folder for one in in_data]:
            raise BadRequest(
                f"{folder} is no data folder of manyeyes: no master's database, no membership and no key of a node "
                "is in it. Nothing was removed"
            )
    beside = next(
        (place for place in installed_places() if place.is_relative_to(sys.prefix) and place.exists()), None
    )
    # an installation without XDG_CACHE_HOME or MANYEYES_CACHE has used the last one
    caches = dict.fromkeys((cache_folder(), Path.home() / ".cache" / "manyeyes" / "weights"))
    return [*in_data, *footprint.others(platformdirs.user_config_path("manyeyes"), caches, beside)]


def _check_nothing_runs(wanted: list[Found], services: list[Installed], processes: list[Running]) -> None:
    """A master or a node that runs, and not as a service that is stopped first, keeps everything."""
    of_services = {
        part for one in services if one.data for part in (one.data.resolve(), one.data.resolve() / "node")
    }
    for found in wanted:
        for folder in (found.folder, found.folder / "node"):
            if (
                found.kind == "data"
                and (process := holder(folder))
                and folder.resolve() not in of_services
                and process not in [one.process for one in processes]
            ):
                raise BadRequest(
                    f"process {process} runs from the data folder {folder}; stop it first: "
                    f"'{down_command(folder)}'. Nothing was removed"
                )
    kinds = {one.kind for one in wanted}
    folders = [one.folder.resolve() for one in wanted if one.kind == "data"]
    in_use = [
        one
        for one in processes
        if one.data.resolve() not in of_services
        and (
            any(one.data.resolve().is_relative_to(folder) for folder in folders)
            or (one.shares_settings and kinds & {"settings", "downloads"})
            or (one.shares_programs and "engine" in kinds)
        )
    ]
    if in_use:
        stops = ", ".join(f"'{down_command(one.data)}'" for one in in_use)
        raise BadRequest(
            f"{'; '.join(map(str, in_use))}, and settings, downloads and the engine are shared by all data folders; "
            f"stop it first: {stops}. Nothing was removed"
        )


def _lines(
    services: list[Installed], found: list[Found], processes: list[Running], *, keep_data: bool
) -> list[str]:
    lines = [
        f"service    {one.unit} ({one.systemd.label}): {' '.join(one.command)}, {one.file}"
        for one in services
    ]
    for one in found:
        kept = " (kept)" if keep_data and one.kind in ("data", "settings") else ""
        lines.append(f"{one.kind:<9}  {footprint.shown(one.folder)}, {size_words(one.size_bytes)}{kept}")
        lines += [_indented(_entry(one, path)) for path in sorted(one.entries) if _entry(one, path)]
        if one.kind == "data" and (wholes := footprint.wholes(one)):
            lines.append(_indented(f"everything in these folders goes: {', '.join(sorted(wholes))}"))
        if one.folder.is_symlink():
            lines.append(_indented("the link itself and the empty folder stay"))
        if one.foreign and one.kind == "engine":
            lines.append(_indented("other files there stay"))
        elif one.foreign:
            lines.append(_indented(f"not of manyeyes, stays: {', '.join(one.foreign)}"))
        lines += _memberships(one)
    return lines + _not_covered(found, processes)


def _indented(line: str) -> str:
    return " " * 13 + line


def _entry(found: Found, path: Path) -> str:
    """The line of a file or a folder; empty where it is not worth one."""
    name = str(path.relative_to(found.folder))
    own = name.removeprefix("node/")
    what = DATA.get(own, "") if found.kind == "data" else ""
    if found.kind == "data" and not what and not path.is_symlink():
        return ""
    if path.is_symlink():
        what = f"symbolic link to {path.readlink()}, which stays"
    elif own in OF_PEOPLE:
        what = f"personal data: {what}"
    return f"{name:<17} {size_words(footprint.size_of(path)):>9}  {what}".rstrip()


def _not_covered(found: list[Found], processes: list[Running]) -> list[str]:
    """Data folders that are in use or that a context leads to, and that this command does not remove."""
    folders = [one.folder for one in found if one.kind == "data"]
    real = [folder.resolve() for folder in folders]
    runs = [
        f"not listed: {one}; name it with --data"
        for one in processes
        if one.shares_settings and not any(one.data.resolve().is_relative_to(folder) for folder in real)
    ]
    known = [*folders, *(one.data for one in processes)]
    return runs + [
        f"not listed: the data folder of context {one.name}, {one.context.url}, which is on this machine; "
        "name it with --data"
        for one in running.elsewhere(running.stored_contexts(), known)
    ]


def _memberships(found: Found) -> list[str]:
    """A node stays listed at its master, which does not notice that it is gone for good."""
    lines = []
    for folder in (found.folder, found.folder / "node"):
        try:
            name = json.loads((folder / "membership.json").read_text())["name"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if found.kind == "data" and not (folder.parent / "master.db").exists():
            lines.append(
                f"             its master lists it as node {name}, until 'manyeyes nodes remove {name}' there"
            )
    return lines


def _question(services: list[Installed], wanted: list[Found]) -> str:
    people = [one.folder for one in wanted if any(path.name in OF_PEOPLE[:2] for path in one.entries)]
    size = size_words(sum(one.size_bytes for one in wanted))
    count = f"{len(services)} service(s) and " if services else ""
    lost = f", with all enrolled people in {', '.join(map(str, people))}" if people else ""
    return f"Remove {count}{size}{lost}? This cannot be undone."


def _remove(one: Found) -> None:
    """Each entry by itself: a run that was killed is finished by the next."""
    try:
        with only_one(one.folder) if one.kind == "data" else nullcontext():
            for path in one.entries:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            if one.kind == "data":
                (one.folder / PID_FILE).unlink(missing_ok=True)
        for folder in (*{path.parent for path in one.entries if path.parent != one.folder}, one.folder):
            if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        raise FileTrouble(
            f"{error.filename or one.folder} cannot be removed: {error.strerror}; run this again as its owner"
        ) from error
    say(f"removed {one.kind} in {one.folder}")


def _package() -> str:
    distribution = importlib.metadata.distribution("manyeyes")
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    installer = (distribution.read_text("INSTALLER") or "").strip()
    return footprint.how_to_remove_package(Path(sys.prefix), Path(sys.base_prefix), installer, origin)


def _plain(services: list[Installed], found: list[Found]) -> dict[str, object]:
    return {
        "services": [one.as_plain() for one in services],
        "found": [
            {
                "kind": one.kind,
                "folder": str(one.folder),
                "size_bytes": one.size_bytes,
                "entries": [str(path) for path in one.entries],
                "not_of_manyeyes": list(one.foreign),
            }
            for one in found
        ],
        "package": _package(),
    }
