"""Finds the face that the user means in a stored result. No I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from manyeyes.errors import BadRequest
from manyeyes.person_names import name_key
from manyeyes.results import TOO_SMALL, UNKNOWN
from manyeyes.wording import several


@dataclass(frozen=True)
class ChosenFace:
    """A face's reference, and the picture's file name; without one in the result, the name of the result's file."""

    reference: str
    file_name: str


def choose_face(
    text: str, *, where: str, picture: str | None, face: str | None, named: str | None
) -> ChosenFace:
    """Find one face in a result.

    Args:
        text: a result's JSON, one line of `send --json`, or a whole `results.jsonl`.
        where: the user's name for the source of `text`, for messages.
        picture: the picture's path or file name; needed if there are several pictures.
        face: the face's number, from 1 as in messages, or the name that the face got.
        named: the name that the feedback takes from the face; used to find the face if `face` is None.

    Raises:
        BadRequest: no result, no such picture or face, or more than one; the message says what there is.
    """
    result = _choose_picture(_results(text, where), where, picture)
    faces = result["faces"]
    file_name = str(result.get("file") or PurePath(where).name)
    if not faces:
        raise BadRequest(f"{file_name}: no face was found in this picture; there is nothing to say about it")
    found = _choose(faces, face, named, file_name)
    if isinstance(found, dict) and (small := found.get("too_small")):
        raise BadRequest(
            f"{file_name}: this face is {TOO_SMALL}: it is {small['size_px']} px wide, {small['least_px']} are needed; "
            "send the original picture, or one taken from nearer"
        )
    reference = found.get("reference") if isinstance(found, dict) else None
    if not isinstance(reference, str) or not reference:
        raise BadRequest(
            f"{file_name}: the result has no references to faces; it was written by an older manyeyes: "
            "send the picture again"
        )
    return ChosenFace(reference, file_name)


def _results(text: str, where: str) -> list[dict[str, Any]]:
    try:
        documents = [json.loads(text)]
    except ValueError:
        try:
            documents = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise BadRequest(
                f"{where} is no result: {error}; give what 'manyeyes send --json' prints, or OUT/results.jsonl"
            ) from error
    found = [d for d in documents if isinstance(d, dict) and isinstance(d.get("faces"), list)]
    if not found:
        raise BadRequest(
            f"{where} has no result with faces; give what 'manyeyes send --json' prints, or OUT/results.jsonl"
        )
    return found


def _choose_picture(results: list[dict[str, Any]], where: str, picture: str | None) -> dict[str, Any]:
    if picture is None:
        if len(results) == 1:
            return results[0]
        raise BadRequest(f"{where} has {len(results)} results; choose a picture with --picture FILE")
    wanted = PurePath(picture)
    exact = [result for result in results if result.get("file") == picture]
    alike = [result for result in results if PurePath(str(result.get("file"))).name == wanted.name]
    for found in (exact, alike):
        if len(found) == 1:
            return found[0]
    problem = "no picture" if not alike else f"{len(alike)} pictures"
    raise BadRequest(f'{where} holds {problem} called {picture!r}; give the name in its field "file"')


def _choose(faces: list[Any], face: str | None, named: str | None, file_name: str) -> Any:
    if face is not None and face.isdecimal():
        if 1 <= int(face) <= len(faces):
            return faces[int(face) - 1]
        raise BadRequest(f"{file_name}: there is no face {face}; {_listed(faces)}")
    if face is None and len(faces) == 1:
        return faces[0]
    name = face if face is not None else named
    alike = [
        one for one in faces if name is not None and name_key(str(one.get("name") or "")) == name_key(name)
    ]
    if len(alike) == 1:
        return alike[0]
    if name is None:
        raise BadRequest(f"{file_name}: {_listed(faces)}; choose one with --face N")
    many = several(len(alike), "face") if alike else "no face"
    raise BadRequest(
        f"{file_name}: {many} in it got the name {name!r}; {_listed(faces)}; to choose one by its number, add --face N"
    )


def _listed(faces: list[Any]) -> str:
    def one(number: int, face: Any) -> str:
        box = face.get("box") or face.get("box_xyxy_px") or "?"
        return f"{number} is {face.get('name') or UNKNOWN} at {box}"

    told = [one(number, face) for number, face in enumerate(faces, start=1) if not face.get("too_small")]
    if small := len(faces) - len(told):
        told.append(f"{small} {TOO_SMALL}")
    return f"{several(len(faces), 'face')}: " + ", ".join(told)
