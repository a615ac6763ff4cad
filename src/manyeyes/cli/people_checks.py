"""`manyeyes people threshold`, `check` and `feedback`: how reliable answers are, and how to correct them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from manyeyes.api.people import Feedback, Threshold
from manyeyes.cli.chosen_face import choose_face
from manyeyes.cli.output import JsonOption, ago, client_of, print_json, print_table, say, say_warnings, tell
from manyeyes.errors import BadRequest, FileTrouble
from manyeyes.local_files import MOST_PICTURE_BYTES, read_whole, unreadable
from manyeyes.wording import in_percent, several


def register(app: typer.Typer) -> None:
    """Add the commands to the group `people`."""
    app.command()(threshold)
    app.command()(check)
    app.command()(feedback)


def _share(text: str | float) -> float:
    number, percent, _rest = str(text).strip().partition("%")
    try:
        return float(number) / (100 if percent else 1)
    except ValueError:
        raise BadRequest(
            f"--fmr {text!r} is no share; write 0.01 or 1% for one stranger of a hundred"
        ) from None


def threshold(
    ctx: typer.Context,
    fmr: Annotated[
        float | None,
        typer.Option(
            "--fmr",
            metavar="P",
            parser=_share,
            help="Share of strangers who may get a name: 0.01 or 1% is 1 %.",
        ),
    ] = None,
    distance: Annotated[
        float | None, typer.Option("--distance", metavar="D", help="The largest distance itself, as 0.55.")
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="Use the default distance again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the effect, and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show or set the largest distance at which a face gets a name; it counts from the next picture on.

    With --fmr you set how many strangers may get a name. The distance then follows from the pack's calibration, and
    changes whenever people are added or removed.

    Example: manyeyes people threshold --fmr 1e-3
    """
    if (fmr is not None) + (distance is not None) + default > 1:
        raise BadRequest("give one of --fmr, --distance and --default, not several")
    if dry_run and fmr is None and distance is None and not default:
        raise BadRequest("--dry-run shows the effect of --fmr, --distance or --default; give one of them")
    with client_of(ctx) as client:
        if dry_run:
            found = client.preview_threshold(fmr=fmr, distance=distance)
        elif fmr is None and distance is None and not default:
            found = client.threshold()
        else:
            found = client.set_threshold(fmr=fmr, distance=distance)
    if as_json:
        print_json(found)
        return
    tell(*threshold_sentences(found, "would be in force" if dry_run else "in force"))
    for note in found.notes:
        say(f"warning: {note}")


def check(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Look for people who are too similar, duplicates, mislabelled photos and photos that are too alike.

    Example: manyeyes people check
    """
    with client_of(ctx) as client:
        found = client.check_people()
    if as_json:
        print_json(found)
        return
    for caution in found:
        tell(f"{caution.kind}: {caution.sentence}")
    tell(f"{several(len(found), 'thing')} to look at" if found else "nothing to correct")


def feedback(
    ctx: typer.Context,
    result: Annotated[
        str | None,
        typer.Argument(
            metavar="RESULT", help="A result: what 'send --json' prints, OUT/results.jsonl, or -."
        ),
    ] = None,
    is_: Annotated[str | None, typer.Option("--is", metavar="NAME", help="Whose face it is.")] = None,
    not_: Annotated[str | None, typer.Option("--not", metavar="NAME", help="Whose face it is not.")] = None,
    picture: Annotated[
        str | None,
        typer.Option("--picture", metavar="FILE", help="The picture, if there are results of several."),
    ] = None,
    face: Annotated[
        str | None,
        typer.Option("--face", metavar="N|NAME", help="The face, by its number from 1 on or by its name."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the feedback that counts.")] = False,
    undo: Annotated[
        str | None, typer.Option("--undo", metavar="ID", help="Undo this feedback; --list shows the IDs.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say who a face of a result is, or is not: later answers use it, without any training.

    Example: manyeyes people feedback out/results.jsonl --picture party.jpg --not "Ada Lovelace"
    """
    if list_ or undo is not None:
        if result is not None or is_ is not None or not_ is not None or (list_ and undo is not None):
            raise BadRequest("--list and --undo take no result, name or other option")
        _list_or_undo(ctx, undo, as_json)
        return
    if result is None:
        raise BadRequest("no result given; name what 'manyeyes send --json' printed, or OUT/results.jsonl")
    if (is_ is None) == (not_ is None):
        raise BadRequest("give --is NAME or --not NAME: who the face is, or who it is not")
    chosen = choose_face(_read(result), where=result, picture=picture, face=face, named=not_)
    with client_of(ctx) as client:
        given = client.give_feedback(chosen.reference, is_=is_, is_not=not_, file_name=chosen.file_name)
    say_warnings(given.warnings)
    _print(given, as_json, "counts from the next picture on")


def _list_or_undo(ctx: typer.Context, undo: str | None, as_json: bool) -> None:
    with client_of(ctx) as client:
        if undo is not None:
            _print(client.undo_feedback(undo), as_json, "is taken back")
            return
        found = client.feedback()
    if as_json:
        print_json(found)
        return
    rows = [(row.id, row.verdict, row.name, row.file_name, ago(row.added_at)) for row in found]
    print_table(
        ("id", "verdict", "person", "picture", "given"),
        rows,
        "there is no feedback",
        drop=("given", "picture"),
    )


def _print(row: Feedback, as_json: bool, what: str) -> None:
    if as_json:
        print_json(row)
    else:
        verdict = "is" if row.verdict == "is" else "is not"
        tell(f"{row.id}: the face in {row.file_name or 'a picture'} {verdict} {row.name}; this {what}")


def _read(result: str) -> str:
    if result == "-":
        return sys.stdin.read()
    try:
        return read_whole(Path(result), MOST_PICTURE_BYTES).decode()
    except OSError as error:
        raise unreadable(result, error) from error
    except UnicodeDecodeError as error:
        raise FileTrouble(f"{result} cannot be read: it is not text; name a file with a result") from error


def threshold_sentences(found: Threshold, when: str) -> list[str]:
    """Which rule counts, and what it means in percent.

    Args:
        when: whether the rule is in force.
    """
    rule = {
        "default": "the default distance",
        "distance": "the distance that you set",
        "fmr": f"the rate that you set, {in_percent(found.asked_fmr or 0.0)} of strangers",
    }[found.mode]
    people = several(found.people, "person", "people")
    photos = several(found.photos, "photo")
    lines = [f"{when}: {rule}; threshold {found.threshold:.3f} for {people} with {photos}, pack {found.pack}"]
    if found.fmr is None or found.miss_rate is None:
        lines.append(f"{found.pack} has no calibration: how many strangers get a name is not known")
    else:
        estimated = " (estimated beyond what was measured)" if found.extrapolated else ""
        lines.append(f"{in_percent(found.fmr)} of strangers get a name{estimated}")
        lines.append(f"{in_percent(found.miss_rate)} of the pictures of a person with one photo get no name")
    return lines
