"""`manyeyes people`: enrol people, and list, rename, merge and remove them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from manyeyes.api.people import MergePreview, Person, Photo
from manyeyes.cli import people_checks
from manyeyes.cli.enrolling.command import add_folder
from manyeyes.cli.output import (
    JsonOption,
    YesOption,
    ago,
    client_of,
    confirm,
    print_json,
    print_table,
    say,
    say_warnings,
    tell,
)
from manyeyes.cli.pictures import check_ending, write_picture
from manyeyes.errors import BadRequest, EntryNotFound
from manyeyes.person_names import name_key, tidy
from manyeyes.wording import several

app = typer.Typer(help="Enrolled people.", no_args_is_help=True)
people_checks.register(app)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FOLDER", help="The person's name; or a folder with a subfolder for each person."
        ),
    ],
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PHOTO...",
            readable=False,
            show_default=False,
            help="Photos showing this face alone; none with a FOLDER.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Enrol photos of a person, new or known: all of them or none.

    With a FOLDER, enrol everybody who has a subfolder in it, named like
    them: each photo that can be enrolled. A table says what was noticed.
    Run it again when there are more photos: none is enrolled twice.

    Exit codes: 0 all well; 3 a photo could not be enrolled; 2 a file or
    folder cannot be used.

    Example: manyeyes people add "Ada Lovelace" ada1.jpg ada2.jpg

    Example: manyeyes people add friends/
    """
    if not photos:
        if not Path(name).is_dir():
            raise BadRequest(
                f"no photo is given for {name!r}, and there is no folder of that name; "
                "expected is NAME PHOTO..., or a FOLDER with a subfolder for each person"
            )
        add_folder(ctx, Path(name), as_json)
        return
    if folders := [photo for photo in photos if photo.is_dir()]:
        raise BadRequest(f"{folders[0]} is a folder; name the photos in it, as {folders[0]}/*.jpg")
    with client_of(ctx) as client:
        person = client.add_person(name, list(photos))
    say_warnings(person.warnings)
    _print(person, as_json, _enrolled(person))


@app.command("list")
def list_people(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List everybody enrolled.

    Example: manyeyes people list
    """
    with client_of(ctx) as client:
        people = client.people()
    if as_json:
        print_json(people)
        return
    rows = [(person.name, person.photos, ago(person.added_at), person.id) for person in people]
    print_table(
        ("name", "photos", "added", "id"), rows, "nobody is enrolled; see 'manyeyes people add --help'"
    )
    for count, same in _of_one_name(people):
        say(f"warning: {same} are one name, compared without case; merge them, or rename {count - 1}")


@app.command()
def show(ctx: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Show one person and their photos, with the warnings of each.

    Example: manyeyes people show "Ada Lovelace"
    """
    with client_of(ctx) as client:
        person = client.person(name)
    _print(person, as_json, f"{person.name}: {several(person.photos, 'photo')}, added {ago(person.added_at)}")
    if not as_json and person.photos_detail:
        rows = [
            (
                photo.id,
                photo.file_name or "-",
                photo.source,
                ago(photo.added_at),
                "; ".join(warning.kind for warning in photo.warnings),
            )
            for photo in person.photos_detail
        ]
        print_table(
            ("id", "file", "from", "added", "noticed"), rows, "", text=("noticed",), drop=("from", "added")
        )


@app.command()
def rename(
    ctx: typer.Context,
    name: NameArgument,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    as_json: JsonOption = False,
) -> None:
    """Give a person another name.

    Example: manyeyes people rename "Ada Byron" "Ada Lovelace"
    """
    with client_of(ctx) as client:
        person = client.rename_person(name, new)
    say_warnings(person.warnings)
    _print(person, as_json, f"{tidy(name)} is now {person.name}")


@app.command()
def portrait(
    ctx: typer.Context,
    name: NameArgument,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="File to write: FILE.webp, or FILE.jpg for a face that was kept."
        ),
    ],
    photo: Annotated[
        int | None,
        typer.Option("--photo", metavar="ID", help="Take this photo; 'people show' lists the IDs."),
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the best portrait of a person to a file. It asks before it replaces one.

    Example: manyeyes people portrait "Ada Lovelace" ada.webp
    """
    with client_of(ctx) as client:
        if photo is not None:
            _photo_of(client.person(name), photo)
        found = client.portraits.of_person(name) if photo is None else client.portraits.of_photo(photo)
    check_ending(file, found.media_type)
    if file.exists():
        confirm(yes, lambda: f"Replace {file}?", why=f"{file} exists, and this would replace it")
    write_picture(file, found)
    if as_json:
        print_json({"written": str(file), "media_type": found.media_type})
    else:
        tell(f"{file} has the portrait, {found.media_type}")


@app.command()
def merge(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The person whose name is given up.")
    ] = None,
    into: Annotated[
        str | None, typer.Argument(metavar="INTO", help="The person who gets the photos.")
    ] = None,
    undo: Annotated[int | None, typer.Option("--undo", metavar="ID", help="Undo a merge.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the merges that can be undone.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Move all photos and feedback of one person to another, and delete the first name.

    It asks first, and says how far apart their photos are. For 30 days it
    can be undone. Photos that were removed since are not brought back, and
    photos that were added since stay with INTO.

    Example: manyeyes people merge "Ada Byron" "Ada Lovelace"

    Example: manyeyes people merge --undo 3
    """
    if list_ or undo is not None:
        if name is not None or (list_ and undo is not None):
            raise BadRequest("--list and --undo stand alone, without a name")
        _list_or_undo(ctx, undo, as_json)
        return
    if name is None or into is None:
        raise BadRequest(
            "two names are needed: who is merged, and into whom; see 'manyeyes people merge --help'"
        )
    with client_of(ctx) as client:
        confirm(yes, lambda: _merge_question(client.merges.preview(name, into)), why="this asks first")
        person = client.merge_person(name, into)
    lines = [f"{name} is {person.name} now, with {several(person.photos, 'photo')}"]
    if made := person.merge:
        lines.append(
            f"until {made.until:%Y-%m-%d} this can be undone: manyeyes people merge --undo {made.id}"
        )
    _print(person, as_json, *lines)


@app.command()
def remove(
    ctx: typer.Context,
    name: NameArgument,
    photo: Annotated[
        int | None,
        typer.Option("--photo", metavar="ID", help="Delete only this photo; 'people show' lists the IDs."),
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a person with all photos, or one photo. It asks first.

    Example: manyeyes people remove "Ada Lovelace"
    """
    with client_of(ctx) as client:
        if photo is not None:
            confirm(yes, lambda: _photo_question(client.person(name), photo))
            person = client.remove_photo(name, photo)
            _print(
                person,
                as_json,
                f"photo {photo} is removed; {person.name} has {several(person.photos, 'photo')}",
            )
            return
        found = client.person(name)
        confirm(yes, lambda: f"Delete {found.name} with {several(found.photos, 'photo')}?")
        client.remove_person(name)
    if as_json:
        print_json({"removed": found.name})
    else:
        tell(f"{found.name} is removed")


def _enrolled(person: Person) -> str:
    """What came of `people add`."""
    had = sum(not one.is_new for one in person.added)
    if had and had == len(person.added):
        which = "this photo was" if had == 1 else f"these {had} photos were"
        return (
            f"{which} enrolled before, nothing is added; {person.name} has {several(person.photos, 'photo')}"
        )
    before = f"; {had} of the {len(person.added)} were enrolled before" if had else ""
    return f"{person.name} is enrolled, {several(person.photos, 'photo')} in all{before}"


def _list_or_undo(ctx: typer.Context, undo: int | None, as_json: bool) -> None:
    with client_of(ctx) as client:
        if undo is not None:
            person = client.merges.undo(undo)
            said = f"{person.name} is back, with {several(person.photos, 'photo')}"
            _print(person, as_json, f"{said}; {person.merge.into} keeps the others" if person.merge else said)
            return
        found = client.merges.all()
    if as_json:
        print_json(found)
        return
    rows = [(one.id, one.name, one.into, ago(one.merged_at), f"{one.until:%Y-%m-%d}") for one in found]
    print_table(("id", "name", "is now", "merged", "can be undone until"), rows, "no merge can be undone")


def _photo_of(person: Person, photo_id: int) -> Photo:
    for photo in person.photos_detail:
        if photo.id == photo_id:
            return photo
    raise EntryNotFound(f"{person.name!r} has no photo {photo_id}; 'manyeyes people show' lists them")


def _photo_question(person: Person, photo_id: int) -> str:
    found = _photo_of(person, photo_id)
    file = f" ({found.file_name})" if found.file_name else ""
    return f"Delete photo {photo_id}{file} of {person.name}, who has {several(person.photos, 'photo')}?"


def _merge_question(preview: MergePreview) -> str:
    said = preview.sentence[0].upper() + preview.sentence[1:]
    doubt = " These may be two people." if preview.is_far else ""
    return (
        f"{said}.{doubt}\nMove {several(preview.photos, 'photo')} of {preview.name} to {preview.into}, "
        f"who has {several(preview.into_photos, 'photo')}, and delete the name {preview.name}?"
    )


def _of_one_name(people: Sequence[Person]) -> list[tuple[int, str]]:
    by_key: dict[str, list[str]] = defaultdict(list)
    for person in people:
        by_key[name_key(person.name)].append(person.name)
    return [(len(names), " and ".join(names)) for names in by_key.values() if len(names) > 1]


def _print(person: Person, as_json: bool, *lines: str) -> None:
    if as_json:
        print_json(person)
    else:
        tell(*lines)
