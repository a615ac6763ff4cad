"""Routes about faces that got no name: looked at, named and dismissed by operators, kept or not by admins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from manyeyes.api.people import Person
from manyeyes.api.unknown_faces import (
    Dismissed,
    NameRequest,
    NearestPerson,
    Retention,
    RetentionRequest,
    Unknown,
    UnknownFace,
    UnknownGroup,
)
from manyeyes.errors import BadRequest, EntryNotFound
from manyeyes.faces.unknown_faces import Group
from manyeyes.faces.unknown_service import UnknownFacesService
from manyeyes.gateway.crop_answers import small_picture
from manyeyes.gateway.dependencies import OPERATOR, Admin, IfNoneMatch, Operator, TheMaster
from manyeyes.gateway.described_content import small_picture_of
from manyeyes.gateway.problems import failures
from manyeyes.gateway.routes.people import checked_name, enrolled
from manyeyes.store.unknown_faces import KeptFace

router = APIRouter(tags=["unknown faces"])
GroupId = Annotated[int, Path(description="As the list has it.")]
FACES_TOLD = 50
"""Of a group, with their facts; of all others only the ids."""


@router.get("/v1/faces/retention", dependencies=[OPERATOR])
async def show_retention(master: TheMaster) -> Retention:
    """Whether unknown faces are kept, and for how long."""
    return await _retention(master.faces)


@router.put("/v1/faces/retention", responses=failures(BadRequest))
async def set_retention(master: TheMaster, body: RetentionRequest, who: Admin) -> Retention:
    """Keep unknown faces for `for_s` seconds each; without `for_s`, keep none and delete those that are kept."""
    await master.faces.keep(who, body.for_s or 0.0)
    return await _retention(master.faces)


@router.get("/v1/faces/unknown", dependencies=[OPERATOR])
async def unknown_faces(
    master: TheMaster,
    limit: Annotated[int, Query(ge=1, le=500, description="How many groups at most.")] = 100,
) -> Unknown:
    """Unknown faces, grouped by likeness, last seen first; at most `limit` groups."""
    groups = await master.faces.groups()
    return Unknown(
        retention=await _retention(master.faces),
        groups=tuple(_group(group) for group in groups[:limit]),
        more_groups=max(0, len(groups) - limit),
    )


@router.get(
    "/v1/faces/unknown/{face_id}/image",
    dependencies=[OPERATOR],
    response_class=Response,
    responses={**small_picture_of("The face.", "image/jpeg"), **failures(EntryNotFound)},
)
async def unknown_image(
    master: TheMaster,
    face_id: Annotated[int, Path(description="As the group has it.")],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One face, a JPEG of at most 320 px."""
    return small_picture(await master.faces.picture(face_id), if_none_match)


@router.post(
    "/v1/faces/unknown/{group_id}/name",
    response_model_exclude_unset=True,
    responses=failures(BadRequest, EntryNotFound),
)
async def name_group(master: TheMaster, group_id: GroupId, body: NameRequest, who: Operator) -> Person:
    """Enrol a group's faces under a name, new or known."""
    return enrolled(await master.faces.name(who, group_id, checked_name(body.name), body.face_ids))


@router.delete("/v1/faces/unknown/{group_id}", responses=failures(EntryNotFound))
async def dismiss_group(master: TheMaster, group_id: GroupId, who: Operator) -> Dismissed:
    """Show a group, and later faces like it, no more while the retention lasts."""
    return Dismissed(dismissed=await master.faces.dismiss(who, group_id))


async def _retention(service: UnknownFacesService) -> Retention:
    return Retention.model_validate(
        {
            "on": service.wanted,
            "for_s": service.retention.for_s if service.wanted else None,
            "since": service.retention.since or None,
            "kept": await service.count(),
            "most": service.most,
        }
    )


def _group(group: Group) -> UnknownGroup:
    first_s, last_s = group.seen_s
    return UnknownGroup(
        id=group.id,
        count=len(group.faces),
        first_seen=_moment(first_s),
        last_seen=_moment(last_s),
        face_ids=tuple(face.id for face in group.faces),
        faces=tuple(_face(face) for face in group.faces[:FACES_TOLD]),
        nearest=NearestPerson.model_validate(group.nearest) if group.nearest else None,
    )


def _face(face: KeptFace) -> UnknownFace:
    return UnknownFace(
        id=face.id,
        seen_at=_moment(face.seen_at),
        width_px=face.width_px,
        sharpness=face.sharpness,
        warnings=face.warnings,
        task_id=face.task_id,
        trace_id=face.trace_id,
    )


def _moment(moment_s: float) -> datetime:
    return datetime.fromtimestamp(moment_s, UTC).replace(microsecond=0)
