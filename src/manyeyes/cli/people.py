"""`manyeyes people`: enrol people, and list, rename, merge and remove them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manyeyes.api.people import Person
from manyeyes.cli import people_checks
from manyeyes.cli.output import JsonOption, YesOption, ago, client_of, confirm, print_json, print_table, say
from manyeyes.cli.pictures import write_picture
from manyeyes.errors import EntryNotFound

app = typer.Typer(help="Enrolled people.", no_args_is_help=True)
people_checks.register(app)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]


@app.command()
def add(
    ctx: typer.Context,
    name: NameArgument,
    photos: Annotated[
        list[Path], typer.Argument(metavar="PHOTO...", readable=False, help="Photos showing this face alone.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Enrol photos of a person, new or known: all of them or none.

    Example: manyeyes people add "Ada Lovelace" ada1.jpg ada2.jpg
    """
    with client_of(ctx) as client:
        person = client.add_person(name, list(photos))
    for warning in person.warnings:
        say(f"warning: {warning.photo}: {warning.sentence}")
    _print(person, as_json, f"{person.name} is enrolled, {_photos(person.photos)} in all")


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
    rows = [(person.name, person.photos, ago(person.added_at)) for person in people]
    print_table(("name", "photos", "added"), rows, "nobody is enrolled; see 'manyeyes people add --help'")


@app.command()
def show(ctx: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Show one person and their photos, with the warnings of each.

    Example: manyeyes people show "Ada Lovelace"
    """
    with client_of(ctx) as client:
        person = client.person(name)
    _print(person, as_json, f"{person.name}: {_photos(person.photos)}, added {ago(person.added_at)}")
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
    _print(person, as_json, f"{name} is now {person.name}")


@app.command()
def portrait(
    ctx: typer.Context,
    name: NameArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to write: WebP, or JPEG for a face that was kept.")
    ],
    photo: Annotated[
        int | None,
        typer.Option("--photo", metavar="ID", help="Take this photo; 'people show' lists the IDs."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the best portrait of a person to a file.

    Example: manyeyes people portrait "Ada Lovelace" ada.webp
    """
    with client_of(ctx) as client:
        if photo is not None and photo not in {one.id for one in client.person(name).photos_detail}:
            raise EntryNotFound(f"{name!r} has no photo {photo}; 'manyeyes people show' lists them")
        found = client.portraits.of_person(name) if photo is None else client.portraits.of_photo(photo)
    write_picture(file, found)
    if as_json:
        print_json({"written": str(file), "media_type": found.media_type})
    else:
        print(f"{file} has the portrait, {found.media_type}")


@app.command()
def merge(
    ctx: typer.Context,
    name: NameArgument,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The person who gets the photos.")],
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Move all photos and feedback of one person to another, and delete the first name.

    Example: manyeyes people merge "Ada Byron" "Ada Lovelace"
    """
    with client_of(ctx) as client:
        confirm(yes, lambda: _merge_question(client.person(name), client.person(into)))
        person = client.merge_person(name, into)
    _print(person, as_json, f"{name} is {person.name} now, with {_photos(person.photos)}")


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
    """Delete a person with all photos, or one photo.

    Example: manyeyes people remove "Ada Lovelace"
    """
    with client_of(ctx) as client:
        if photo is not None:
            person = client.remove_photo(name, photo)
            _print(person, as_json, f"photo {photo} is removed; {person.name} has {_photos(person.photos)}")
            return
        confirm(yes, lambda: f"Delete {name} with {_photos(client.person(name).photos)}?")
        client.remove_person(name)
    if as_json:
        print_json({"removed": name})
    else:
        print(f"{name} is removed")


def _merge_question(one: Person, other: Person) -> str:
    return (
        f"Move {_photos(one.photos)} of {one.name} to {other.name}, who has {_photos(other.photos)}, "
        f"and delete the name {one.name}?"
    )


def _print(person: Person, as_json: bool, sentence: str) -> None:
    if as_json:
        print_json(person)
    else:
        print(sentence)


def _photos(number: int) -> str:
    return "1 photo" if number == 1 else f"{number} photos"
