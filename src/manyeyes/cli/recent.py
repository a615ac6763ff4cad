"""`manyeyes recent`: the last answered pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manyeyes.api.recent import Latest, RecentPicture
from manyeyes.cli.output import JsonOption, ago, client_of, print_json, print_table, say
from manyeyes.cli.pictures import write_picture
from manyeyes.wording import several


def recent(
    ctx: typer.Context,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write small copies of the predicted pictures to this folder."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest pictures. With the role user, only those of your own key.

    Example: manyeyes recent --save look
    """
    with client_of(ctx) as client:
        latest = client.recent.latest()
        drawn = [picture for picture in latest.pictures if save is not None and picture.has_image]
        for picture in drawn:
            write_picture(Path(save or "", _file(picture)), client.recent.image(picture.id))
    if as_json:
        print_json(latest)
    else:
        _print(latest, saved=save is not None)
    if save is not None:
        without = len(latest.pictures) - len(drawn)
        has = "1 has none: it was" if without == 1 else f"{without} have none: they were"
        why = f"; {has} sent with --draw here or none" if without else ""
        say(f"wrote {several(len(drawn), 'picture')} to {save}{why}")


def _file(picture: RecentPicture) -> str:
    return f"{picture.id}.jpg"


def _print(latest: Latest, *, saved: bool) -> None:
    rows = [
        (
            (_file(picture) if picture.has_image else "-") if saved else picture.id,
            ago(picture.at),
            picture.who,
            picture.faces,
            ", ".join(picture.names),
            f"{picture.ms:.0f} ms",
        )
        for picture in latest.pictures
    ]
    empty = "no picture was answered recently" if latest.most else "this master keeps no recent pictures"
    print_table(
        ("file" if saved else "picture", "answered", "sent by", "faces", "names", "took"),
        rows,
        empty,
        text=("names",),
        drop=("took", "sent by"),
    )
