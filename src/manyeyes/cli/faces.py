"""`manyeyes faces`: faces without a name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manyeyes.api.unknown_faces import Retention, UnknownGroup
from manyeyes.cli.output import JsonOption, ago, client_of, print_json, print_table, say, say_warnings, tell
from manyeyes.cli.pictures import write_picture
from manyeyes.cli.status import parse_duration_s
from manyeyes.errors import BadRequest, EntryNotFound
from manyeyes.wording import duration, several

app = typer.Typer(help="Faces without a name.", no_args_is_help=True)

GroupArgument = Annotated[int, typer.Argument(metavar="GROUP", help="A group as in 'faces list'.")]


@app.callback()
def faces() -> None:
    """Faces without a name; they are kept only if an admin turned that on."""


@app.command("list")
def list_faces(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the faces without a name, grouped by similarity, last seen first.

    Example: manyeyes faces list
    """
    with client_of(ctx) as client:
        found = client.faces.unknown(500)
    if as_json:
        print_json(found)
        return
    if not found.retention.on:
        tell(_said(found.retention))
        return
    rows = [
        (group.id, group.count, ago(group.last_seen), _nearest(group), " ".join(map(str, group.face_ids[:8])))
        for group in found.groups
    ]
    columns = ("group", "faces", "last seen", "nearest", "best faces")
    print_table(columns, rows, "no unknown faces are kept now", text=("nearest", "best faces"))
    if found.more_groups:
        say(f"not shown: {several(found.more_groups, 'more group')}")
    say(_said(found.retention))


@app.command()
def save(
    ctx: typer.Context,
    group: GroupArgument,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder for the pictures; created if missing.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Write the faces of a group into a folder, to look at: face-ID.jpg.

    Example: manyeyes faces save 4 look
    """
    with client_of(ctx) as client:
        found = next((one for one in client.faces.unknown(500).groups if one.id == group), None)
        if found is None:
            raise EntryNotFound(f"there is no group {group}; 'manyeyes faces list' lists them")
        paths = [
            write_picture(folder / f"face-{face}.jpg", client.faces.image(face)) for face in found.face_ids
        ]
    if as_json:
        print_json({"written": [str(path) for path in paths]})
    else:
        tell(f"wrote {several(len(paths), 'face')} to {folder}")


@app.command()
def name(
    ctx: typer.Context,
    group: GroupArgument,
    person: Annotated[
        str, typer.Argument(metavar="NAME", help="The person that the faces show, new or known.")
    ],
    face: Annotated[
        list[int] | None,
        typer.Option("--face", metavar="ID", help="Enrol only this face of the group; repeatable."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Enrol a group of faces under a name; of a large group the ten best faces are enrolled.

    Example: manyeyes faces name 4 "Ada Lovelace"
    """
    with client_of(ctx) as client:
        named = client.faces.name(group, person, face or ())
    say_warnings(named.warnings)
    if as_json:
        print_json(named)
    else:
        tell(
            f"group {group} is {named.name}; {len(named.added)} enrolled, {several(named.photos, 'photo')} in all"
        )


@app.command()
def dismiss(ctx: typer.Context, group: GroupArgument, as_json: JsonOption = False) -> None:
    """Hide a group, and later faces like it, for the retention time.

    Example: manyeyes faces dismiss 4
    """
    with client_of(ctx) as client:
        count = client.faces.dismiss(group)
    if as_json:
        print_json({"dismissed": count})
    else:
        tell(f"group {group} is dismissed, {several(count, 'face')}")


@app.command()
def keep(
    ctx: typer.Context,
    for_: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="TIME", help="How long each face is kept, as 30m, 12h or 7d; 90d at most."
        ),
    ] = None,
    off: Annotated[
        bool, typer.Option("--off", help="Stop keeping faces, and delete those that are kept.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Keep faces without a name for some time, or stop that; without an option, show the setting.

    Example: manyeyes faces keep --for 7d
    """
    if for_ is not None and off:
        raise BadRequest("--for and --off were given; choose one of them")
    with client_of(ctx) as client:
        if for_ is None and not off:
            retention = client.faces.retention()
        else:
            retention = client.faces.keep(None if for_ is None else parse_duration_s(for_))
    if as_json:
        print_json(retention)
    else:
        tell(_said(retention))


def _nearest(group: UnknownGroup) -> str:
    if group.nearest is None:
        return "-"
    if not group.nearest.near:
        return "nobody near"
    known = ", known now" if group.nearest.known else ""
    return f"{group.nearest.name} ({group.nearest.distance:.2f}{known})"


def _said(retention: Retention) -> str:
    if not retention.on or retention.for_s is None:
        return "unknown faces are not kept; 'manyeyes faces keep --for 7d' turns it on"
    return f"unknown faces are kept for {duration(retention.for_s)} each; {retention.kept} now, {retention.most} at most"
