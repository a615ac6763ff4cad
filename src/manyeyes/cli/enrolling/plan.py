"""Which photos a folder has of which person: one subfolder for each person, named like them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from manyeyes import person_names
from manyeyes.cli.sending.record import in_output, is_output
from manyeyes.cli.thumbnails import is_thumbnail
from manyeyes.errors import BadRequest, FileTrouble, ManyeyesError
from manyeyes.local_files import MOST_PICTURE_BYTES, read_whole
from manyeyes.recognition.pictures.first_bytes import format_of

_TWO_PEOPLE = "two-people"


@dataclass(frozen=True)
class Photo:
    """One photo of a person."""

    person: str
    label: str
    """Its name below the person's folder."""
    path: Path
    sha256: str


@dataclass(frozen=True)
class Noticed:
    """Something worth a look. `photo` is empty where it is about the person."""

    person: str
    photo: str
    kind: str
    sentence: str


@dataclass
class Plan:
    """What there is to enrol, and what was noticed before anything was sent."""

    photos: list[Photo] = field(default_factory=list)
    noticed: list[Noticed] = field(default_factory=list)
    kept_out: Counter[str] = field(default_factory=Counter)
    """By person, how many photos are not sent because they are in the folder of another person, too."""
    people: list[str] = field(default_factory=list)
    """Everybody who has a subfolder, in order."""


def read_folder(folder: Path) -> Plan:
    """Find the photos of every person. Hidden files are left out; what is no picture is noticed, and left out.

    Raises:
        BadRequest: there is no subfolder; the message says what is expected.
        FileTrouble: a folder or file cannot be read.
    """
    if in_output(folder):
        raise BadRequest(
            f"{folder} has the results of an earlier 'manyeyes send', with boxes in the pictures; name the originals"
        )
    entries = sorted(_entries(folder), key=lambda entry: entry.name)
    left_out = {entry.name: why for entry in entries if (why := _not_photos(entry))}
    subfolders = [entry for entry in entries if entry.is_dir() and entry.name not in left_out]
    if not subfolders:
        raise BadRequest(
            f"{folder} has no subfolder; expected is one for each person, named like them, with their photos, as "
            f"{folder / 'Ada Lovelace' / '1.jpg'}; for one person: manyeyes people add NAME PHOTO..."
        )
    plan = Plan()
    plan.noticed += [
        Noticed("", entry.name, "left-out", left_out[entry.name])
        if entry.name in left_out
        else Noticed(
            "", entry.name, "beside", "it lies beside the subfolders: move it into that of its person"
        )
        for entry in entries
        if entry not in subfolders
    ]
    found: dict[str, list[Photo]] = {}
    names: dict[str, str] = {}
    for subfolder in subfolders:
        name = person_names.tidy(subfolder.name)
        if why := person_names.objection(name):
            plan.noticed.append(Noticed(ascii(name)[1:-1][:40], "", "name", f"{why}; rename the folder"))
            continue
        first = names.setdefault(person_names.name_key(name), name)
        if name != first:
            said = f"one person with {first}: names are compared without case"
            plan.noticed.append(Noticed(first, subfolder.name, "same-name", said))
        name = first
        photos = found.setdefault(name, [])
        photos += _photos_in(name, Path(subfolder.path), plan.noticed)
    plan.people = list(found)
    plan.noticed += [
        Noticed(name, "", "empty", "the folder has no picture")
        for name, photos in found.items()
        if not photos
    ]
    plan.photos = list(
        _without_doubles([photo for photos in found.values() for photo in photos], plan.noticed)
    )
    plan.kept_out.update(one.person for one in plan.noticed if one.kind == _TWO_PEOPLE)
    return plan


def _not_photos(entry: os.DirEntry[str]) -> str:
    """Why what is here is left out unseen, as other programs' thumbnails; empty if it is not."""
    if is_thumbnail(entry.name):
        return "thumbnails of another program: left out"
    if entry.is_dir() and is_output(Path(entry.path)):
        return "results of an earlier 'manyeyes send': left out"
    return ""


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise FileTrouble(f"folder {folder}: {error.strerror or error}") from error


def _photos_in(person: str, folder: Path, noticed: list[Noticed], below: str = "") -> Iterator[Photo]:
    for entry in sorted(_entries(folder), key=lambda entry: entry.name):
        path, label = Path(entry.path), below + entry.name
        if why := _not_photos(entry):
            noticed.append(Noticed(person, label, "left-out", why))
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _photos_in(person, path, noticed, f"{label}/")
            continue
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                noticed.append(Noticed(person, label, "no-file", "it is no regular file: left out"))
                continue
            format_of(path)
            content = read_whole(path, MOST_PICTURE_BYTES)
            yield Photo(person, label, path, hashlib.sha256(content).hexdigest())
        except ManyeyesError as error:
            noticed.append(Noticed(person, label, error.code, error.detail))
        except OSError as error:
            noticed.append(Noticed(person, label, "unreadable", error.strerror or str(error)))


def _without_doubles(photos: list[Photo], noticed: list[Noticed]) -> Iterator[Photo]:
    """Of the same picture under one name the first; of the same picture under several names none."""
    same: defaultdict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        same[photo.sha256].append(photo)
    for photo in photos:
        first, *_ = copies = same[photo.sha256]
        others = [copy for copy in copies if copy.person != photo.person]
        if others:
            said = f"the same picture is {others[0].person}/{others[0].label}: it stays out until one of both is gone"
            noticed.append(Noticed(photo.person, photo.label, _TWO_PEOPLE, said))
        elif photo is not first:
            noticed.append(Noticed(photo.person, photo.label, "same-picture", f"the same as {first.label}"))
        else:
            yield photo
