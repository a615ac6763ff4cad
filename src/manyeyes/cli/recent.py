"""`manyeyes recent`: the last answered pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
        if save is not None:
            drawn = [picture for picture in latest.pictures if picture.has_image]
            for picture in drawn:
                write_picture(save / f"{picture.id}.jpg", client.recent.image(picture.id))
            say(f"wrote {several(len(drawn), 'picture')} to {save}")
    if as_json:
        print_json(latest)
        return
    rows = [
        (
            picture.id,
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
        ("picture", "answered", "sent by", "faces", "names", "took"),
        rows,
        empty,
        text=("names",),
        drop=("took", "sent by"),
    )
