"""Routes about people. A name may hold any character, so what is not a name has a path of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.datastructures import UploadFile

from manyeyes import person_names
from manyeyes.api.people import (
    MAX_ENROLMENT_PHOTOS,
    Findings,
    People,
    Person,
    Rename,
    Threshold,
    ThresholdRequest,
)
from manyeyes.config import Limits
from manyeyes.errors import (
    BadRequest,
    EntryNotFound,
    FaceTooSmall,
    ManyeyesError,
    NoFaceFound,
    PersonExists,
    PersonNotFound,
    SeveralFacesFound,
    ThresholdRefused,
    TooManyBytes,
)
from manyeyes.faces.enrolment import NewPhoto
from manyeyes.faces.new_faces import Enrolment
from manyeyes.gateway.body_bytes import at_most
from manyeyes.gateway.crop_answers import small_picture
from manyeyes.gateway.dependencies import (
    OPERATOR,
    IfNoneMatch,
    Operator,
    PersonName,
    TheMaster,
    TheSender,
    Traceparent,
)
from manyeyes.gateway.described_content import BINARY, small_picture_of
from manyeyes.gateway.forms import missing_field, with_end_seen
from manyeyes.gateway.problems import failures
from manyeyes.master.composition import Master
from manyeyes.person_names import MAX_NAME_CHARACTERS
from manyeyes.recognition.pictures.probe import probe
from manyeyes.results import Caution
from manyeyes.store import people as stored

router = APIRouter(tags=["people and photos"], dependencies=[OPERATOR])
PhotoId = Annotated[int, Path(description="As the person's list of photos has it.")]
_UNKNOWN = failures(PersonNotFound)
_PORTRAIT = {
    **small_picture_of("The portrait.", "image/webp", "image/jpeg"),
    **failures(EntryNotFound),
}
_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["name", "photos"],
                "properties": {
                    "name": {"type": "string", "maxLength": MAX_NAME_CHARACTERS},
                    "photos": {
                        "type": "array",
                        "maxItems": MAX_ENROLMENT_PHOTOS,
                        "items": BINARY["schema"],
                    },
                },
            }
        }
    },
}


@router.get("/v1/people", response_model_exclude_unset=True)
async def people(master: TheMaster) -> People:
    """Everybody enrolled."""
    return People(people=tuple(Person.model_validate(person) for person in master.people_service.everybody()))


@router.post(
    "/v1/people",
    response_model_exclude_unset=True,
    openapi_extra={"requestBody": _FORM},
    responses=failures(BadRequest, TooManyBytes, NoFaceFound, SeveralFacesFound, FaceTooSmall),
)
async def add_person(
    master: TheMaster,
    request: Request,
    who: Operator,
    sender: TheSender,
    traceparent: Traceparent = None,
) -> Person:
    """Enrol the form's `photos` under its `name`, new or known: all of them or none."""
    limits = master.limits
    name, photos = await _form_of(request, limits)
    for photo in photos:
        try:
            with master.monitor.recorder.refusals():
                probe(photo.data, max_bytes=limits.max_picture_bytes, max_megapixels=limits.max_megapixels)
        except ManyeyesError as error:
            raise type(error)(f"{photo.file_name}: {error.detail}") from error
    return enrolled(
        await master.enrolling.add_person(who, name, photos, sender=sender, traceparent=traceparent)
    )


async def _form_of(request: Request, limits: Limits) -> tuple[str, list[NewPhoto]]:
    """The name and the photos of a form; raises BadRequest, TooManyBytes."""
    declared = request.headers.get("content-length", "")
    limit = limits.max_held_bytes

    def too_many(_: int) -> TooManyBytes:
        return TooManyBytes(f"the photos have more than {limit >> 20} MiB together; send fewer at a time")

    photos: list[NewPhoto] = []
    receive, is_whole = with_end_seen(at_most(request.receive, declared, limit, too_many))
    async with Request(request.scope, receive).form(max_files=MAX_ENROLMENT_PHOTOS) as form:
        name = checked_name(str(form.get("name") or ""))
        for upload in form.getlist("photos"):
            if isinstance(upload, UploadFile):
                photos.append(NewPhoto(upload.filename or f"photo {len(photos) + 1}", await upload.read()))
    if not photos:
        raise missing_field(is_whole(), "no photo came with the name; add at least one file field 'photos'")
    return name, photos


@router.get("/v1/people/{name:path}", response_model_exclude_unset=True, responses=_UNKNOWN)
async def person(master: TheMaster, name: PersonName) -> Person:
    """One person, with their photos and feedback: all that forgetting them would delete."""
    return whole(master, master.people_service.person(name))


@router.patch(
    "/v1/people/{name:path}",
    response_model_exclude_unset=True,
    responses=failures(BadRequest, PersonNotFound, PersonExists),
)
async def rename_person(master: TheMaster, name: PersonName, body: Rename, who: Operator) -> Person:
    """Give a person another name; the same in another case too."""
    renamed = await master.people_service.rename(who, name, checked_name(body.name))
    warnings = await master.people_service.about_name(renamed.name)
    return Person.model_validate({**vars(renamed), "warnings": plain(warnings)})


@router.delete("/v1/people/{name:path}", status_code=204, responses=_UNKNOWN)
async def remove_person(master: TheMaster, name: PersonName, who: Operator) -> None:
    """Forget a person."""
    await master.people_service.remove(who, name)


@router.delete(
    "/v1/people-photos/{photo_id}",
    response_model_exclude_unset=True,
    responses=failures(BadRequest, PersonNotFound, EntryNotFound),
)
async def remove_photo(
    master: TheMaster,
    photo_id: PhotoId,
    name: Annotated[str, Query(description="Whose it is.")],
    who: Operator,
) -> Person:
    """Forget one photo of the person `name`."""
    return whole(master, await master.people_service.remove_photo(who, name, photo_id))


@router.get("/v1/people-photos/{photo_id}/image", response_class=Response, responses=_PORTRAIT)
async def photo_portrait(master: TheMaster, photo_id: PhotoId, if_none_match: IfNoneMatch = None) -> Response:
    """The portrait kept of an enrolled photo, WebP or JPEG."""
    content = master.people_service.photos.picture(photo_id)
    if content is None:
        raise EntryNotFound(f"no picture of photo {photo_id}; 'manyeyes people show' lists photos")
    return small_picture(content, if_none_match)


@router.get(
    "/v1/people-portraits/{name:path}",
    response_class=Response,
    responses={**_PORTRAIT, **failures(PersonNotFound, EntryNotFound)},
)
async def portrait(master: TheMaster, name: PersonName, if_none_match: IfNoneMatch = None) -> Response:
    """The best portrait kept of a person, WebP or JPEG."""
    found = master.people_service.person(name)
    content = master.people_service.photos.best_picture(found.name)
    if content is None:
        raise EntryNotFound(
            f"no picture is kept of {found.name!r}: only feedback names them, or they were enrolled with version 0.1"
        )
    return small_picture(content, if_none_match)


@router.get("/v1/people-threshold")
async def threshold(master: TheMaster) -> Threshold:
    """Up to which distance a name is given, and what that means for the gallery as it is."""
    return master.people_service.threshold()


@router.get("/v1/people-threshold/preview", responses=failures(ThresholdRefused))
async def preview_threshold(master: TheMaster, body: Annotated[ThresholdRequest, Query()]) -> Threshold:
    """What a threshold would mean for the gallery as it is; by neither, the default. Nothing is set."""
    return master.people_service.preview_threshold(*body.rule)


@router.put("/v1/people-threshold", responses=failures(ThresholdRefused))
async def set_threshold(master: TheMaster, body: ThresholdRequest, who: Operator) -> Threshold:
    """Set it by false-match rate or by distance; by neither, back to the default."""
    found = await master.people_service.set_threshold(who, *body.rule)
    master.events.notify("threshold")
    return found


@router.get("/v1/people-check")
async def check_people(master: TheMaster) -> Findings:
    """What is worth an operator's look among everybody enrolled."""
    return Findings(findings=tuple(await master.people_service.check()))


def whole(master: Master, person: stored.Person, **more: Any) -> Person:
    """A person as the API shows a single one."""
    service = master.people_service
    photos = [
        {**vars(photo), "warnings": plain(photo.warnings)} for photo in service.photos.of_person(person.name)
    ]
    feedback = [row for row in service.feedback.all() if row.name == person.name]
    merges = master.merging.of(person)
    found = {"photos_detail": photos, "feedback": feedback, "merges": merges, **more}
    return Person.model_validate({**vars(person), **found})


def enrolled(enrolment: Enrolment) -> Person:
    """What came of enrolling, as the API tells it."""
    added = [{**vars(photo), "warnings": plain(photo.warnings)} for photo in enrolment.added]
    return Person.model_validate(
        {**vars(enrolment.person), "warnings": plain(enrolment.warnings), "added": added}
    )


def plain(cautions: Sequence[Caution]) -> list[dict[str, Any]]:
    """Warnings with every field set, so that an answer names all of them."""
    return [caution.model_dump() for caution in cautions]


def checked_name(text: str) -> str:
    """A person's name as it may be enrolled; raises BadRequest."""
    name = person_names.tidy(text)
    if why := person_names.objection(name):
        raise BadRequest(why)
    return name
