"""Routes about people. A name may hold any character, so what is not a name has a path of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header, Query, Request, Response
from pydantic import BaseModel, Field, model_validator
from starlette.datastructures import UploadFile

from manyeyes.errors import BadRequest, EntryNotFound, ManyeyesError, TooManyBytes
from manyeyes.faces.enrolment import NewPhoto
from manyeyes.faces.people import Enrolment
from manyeyes.gateway.crop_answers import small_picture
from manyeyes.gateway.routes.logs import sender_of
from manyeyes.master.composition import Master
from manyeyes.recognition.pictures.probe import probe
from manyeyes.results import Caution
from manyeyes.store.registry import Person

MAX_ENROLMENT_PHOTOS = 50
MAX_NAME_CHARACTERS = 200
MAX_REFERENCE_CHARACTERS = 10_000


class Rename(BaseModel):
    """A person's new name."""

    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)


class MergeRequest(BaseModel):
    """Whose the photos are from now on."""

    into: str


class ThresholdRequest(BaseModel):
    """A false-match rate or a distance; neither for the default."""

    fmr: float | None = None
    distance: float | None = None

    @model_validator(mode="after")
    def _one_at_most(self) -> ThresholdRequest:
        if self.fmr is not None and self.distance is not None:
            raise ValueError("give a false-match rate or a distance, not both")
        return self

    @property
    def rule(self) -> tuple[str, float | None]:
        """The kind of rule, and its figure."""
        if self.fmr is not None:
            return "fmr", self.fmr
        return ("default", None) if self.distance is None else ("distance", self.distance)


class FeedbackRequest(BaseModel):
    """Who the face of a reference is, or is not."""

    reference: str = Field(max_length=MAX_REFERENCE_CHARACTERS)
    verdict: Literal["is", "not"]
    name: str
    file_name: str = Field("", max_length=1000)


def add_people(app: FastAPI, master: Master, operator: Sequence[Any]) -> None:
    """Add every route about people; `operator` are the dependencies that ask for that role."""
    _add_enrolment(app, master, operator)
    _add_pictures(app, master, operator)
    _add_threshold_and_check(app, master, operator)
    _add_feedback(app, master, operator)


def _add_enrolment(app: FastAPI, master: Master, operator: Sequence[Any]) -> None:
    limits = master.limits

    @app.get("/v1/people", dependencies=operator)
    async def people() -> dict[str, Any]:
        """Everybody enrolled."""
        return {"people": [vars(person) for person in master.people()]}

    @app.post("/v1/people", dependencies=operator)
    async def add(request: Request) -> dict[str, Any]:
        """Enrol the form's `photos` under its `name`: all of them or none."""
        declared = request.headers.get("content-length", "")
        limit = limits.max_held_bytes
        if not declared.isdigit() or int(declared) > limit:
            raise TooManyBytes(f"the photos have more than {limit >> 20} MiB together; send fewer at a time")
        photos: list[NewPhoto] = []
        async with request.form(max_files=MAX_ENROLMENT_PHOTOS) as form:
            name = checked_name(str(form.get("name") or ""))
            for upload in form.getlist("photos"):
                if isinstance(upload, UploadFile):
                    photos.append(
                        NewPhoto(upload.filename or f"photo {len(photos) + 1}", await upload.read())
                    )
        if not photos:
            raise BadRequest("no photo came with the name; add at least one file field 'photos'")
        for photo in photos:
            try:
                with master.monitor.recorder.refusals():
                    probe(
                        photo.data, max_bytes=limits.max_picture_bytes, max_megapixels=limits.max_megapixels
                    )
            except ManyeyesError as error:
                raise type(error)(f"{photo.file_name}: {error.detail}") from error
        enrolment = await master.enrolling.add_person(
            name, photos, sender=sender_of(request), traceparent=request.headers.get("traceparent")
        )
        return enrolled(enrolment)

    @app.get("/v1/people/{name:path}", dependencies=operator)
    async def show(name: str) -> dict[str, Any]:
        """One person, with their photos and feedback: all that forgetting them would delete."""
        return _whole(master, master.person(name))

    @app.post("/v1/people/{name:path}/merge", dependencies=operator)
    async def merge(name: str, body: MergeRequest) -> dict[str, Any]:
        """Move all photos and feedback of one person to another, and delete the first name."""
        return _whole(master, await master.people_service.merge(name, body.into))

    @app.patch("/v1/people/{name:path}", dependencies=operator)
    async def rename(name: str, body: Rename) -> dict[str, Any]:
        """Give a person another name."""
        return vars(await master.rename_person(name, body.name))

    @app.delete("/v1/people/{name:path}", dependencies=operator, status_code=204)
    async def remove(name: str) -> None:
        """Forget a person."""
        await master.remove_person(name)

    @app.delete("/v1/people-photos/{photo_id}", dependencies=operator)
    async def remove_photo(photo_id: int, name: str) -> dict[str, Any]:
        """Forget one photo of the person `name`."""
        return _whole(master, await master.people_service.remove_photo(name, photo_id))


def _add_pictures(app: FastAPI, master: Master, operator: Sequence[Any]) -> None:
    records = master.people_service.records

    @app.get("/v1/people-photos/{photo_id}/image", dependencies=operator)
    async def picture(photo_id: int, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """The portrait kept of an enrolled photo, WebP or JPEG."""
        content = records.picture(photo_id)
        if content is None:
            raise EntryNotFound(
                f"no picture is kept of photo {photo_id}; 'manyeyes people show' lists photos"
            )
        return small_picture(content, if_none_match)

    @app.get("/v1/people-portraits/{name:path}", dependencies=operator)
    async def portrait(name: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """The best portrait kept of a person, WebP or JPEG."""
        master.person(name)
        content = records.best_picture(name)
        if content is None:
            raise EntryNotFound(
                f"no picture is kept of {name!r}: they are known by feedback only, or since 0.1"
            )
        return small_picture(content, if_none_match)


def _add_threshold_and_check(app: FastAPI, master: Master, operator: Sequence[Any]) -> None:
    @app.get("/v1/people-threshold", dependencies=operator)
    async def threshold() -> dict[str, Any]:
        """Up to which distance a name is given, and what that means for the gallery as it is."""
        return asdict(master.people_service.threshold())

    @app.get("/v1/people-threshold/preview", dependencies=operator)
    async def preview(body: Annotated[ThresholdRequest, Query()]) -> dict[str, Any]:
        """What a threshold would mean for the gallery as it is; by neither, the default. Nothing is set."""
        return asdict(master.people_service.preview_threshold(*body.rule))

    @app.put("/v1/people-threshold", dependencies=operator)
    async def set_threshold(body: ThresholdRequest) -> dict[str, Any]:
        """Set it by false-match rate or by distance; by neither, back to the default."""
        found = await master.people_service.set_threshold(*body.rule)
        master.events.notify("threshold")
        return asdict(found)

    @app.get("/v1/people-check", dependencies=operator)
    async def check() -> dict[str, Any]:
        """What is worth an operator's look among everybody enrolled."""
        return {"findings": _plain(await master.people_service.check())}


def _add_feedback(app: FastAPI, master: Master, operator: Sequence[Any]) -> None:
    @app.get("/v1/people-feedback", dependencies=operator)
    async def feedback() -> dict[str, Any]:
        """All feedback that counts."""
        return {"feedback": [vars(row) for row in master.people_service.records.feedback()]}

    @app.post("/v1/people-feedback", dependencies=operator)
    async def give(body: FeedbackRequest) -> dict[str, Any]:
        """Say who the face of a reference is, or is not; counts from the next picture on."""
        name = checked_name(body.name)
        row, warnings = await master.people_service.give_feedback(
            body.reference, body.verdict, name, body.file_name
        )
        return {**vars(row), "warnings": _plain(warnings)}

    @app.delete("/v1/people-feedback/{feedback_id}", dependencies=operator)
    async def undo(feedback_id: str) -> dict[str, Any]:
        """Undo feedback."""
        return vars(await master.people_service.undo_feedback(feedback_id))


def _whole(master: Master, person: Person) -> dict[str, Any]:
    records = master.people_service.records
    photos = [{**vars(photo), "warnings": _plain(photo.warnings)} for photo in records.photos(person.name)]
    feedback = [vars(row) for row in records.feedback() if row.name == person.name]
    return {**vars(person), "photos_detail": photos, "feedback": feedback}


def enrolled(enrolment: Enrolment) -> dict[str, Any]:
    """What came of enrolling, as the API tells it."""
    added = [{**vars(photo), "warnings": _plain(photo.warnings)} for photo in enrolment.added]
    return {**vars(enrolment.person), "warnings": _plain(enrolment.warnings), "added": added}


def _plain(cautions: Sequence[Caution]) -> list[dict[str, Any]]:
    return [caution.model_dump(mode="json") for caution in cautions]


def checked_name(text: str) -> str:
    """A person's name as it may be enrolled; raises BadRequest."""
    name = text.strip()
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise BadRequest(
            f"the name must have 1 to {MAX_NAME_CHARACTERS} printable characters; {name[:40]!r} was given"
        )
    return name
