"""Routes about faces that got no name: looked at, named and dismissed by operators, kept or not by admins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Response
from pydantic import BaseModel, Field

from manyeyes.faces.unknown_faces import Group
from manyeyes.faces.unknown_service import UnknownFacesService
from manyeyes.gateway.crop_answers import small_picture
from manyeyes.gateway.routes.people import MAX_ENROLMENT_PHOTOS, checked_name, enrolled
from manyeyes.store.unknown_faces import KeptFace

FACES_TOLD = 50
"""Of a group, with their facts; the ids are told of all."""


class RetentionRequest(BaseModel):
    """For how many seconds unknown faces are to be kept; None: not at all."""

    for_s: float | None = None


class NameRequest(BaseModel):
    """The person that a group of faces shows; without `face_ids`, all of it."""

    name: str
    face_ids: list[int] = Field([], max_length=MAX_ENROLMENT_PHOTOS)


def add_faces(app: FastAPI, service: UnknownFacesService, operator: Any, admin: Any) -> None:
    """Add the routes; `operator` and `admin` are dependencies that ask for that role and give the key's name."""

    async def retention() -> dict[str, Any]:
        return {
            "on": service.wanted,
            "for_s": service.retention.for_s if service.wanted else None,
            "since": service.retention.since or None,
            "kept": await service.count(),
            "most": service.most,
        }

    @app.get("/v1/faces/retention", dependencies=[operator])
    async def is_kept() -> dict[str, Any]:
        """Whether unknown faces are kept, and for how long."""
        return await retention()

    @app.put("/v1/faces/retention")
    async def keep(body: RetentionRequest, who: str = admin) -> dict[str, Any]:
        """Keep unknown faces for so long; without `for_s`, keep none and delete those kept."""
        await service.keep(who, body.for_s or 0.0)
        return await retention()

    @app.get("/v1/faces/unknown", dependencies=[operator])
    async def unknown(limit: Annotated[int, Query(ge=1, le=500)] = 100) -> dict[str, Any]:
        """Unknown faces, grouped by likeness, last seen first."""
        groups = await service.groups()
        return {
            "retention": await retention(),
            "groups": [_group(group) for group in groups[:limit]],
            "more_groups": max(0, len(groups) - limit),
        }

    @app.get("/v1/faces/unknown/{face_id}/image", dependencies=[operator])
    async def image(face_id: int, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """One face, a JPEG."""
        return small_picture(await service.picture(face_id), if_none_match)

    @app.post("/v1/faces/unknown/{group_id}/name")
    async def name(group_id: int, body: NameRequest, who: str = operator) -> dict[str, Any]:
        """Enrol a group's faces under a name, new or known."""
        return enrolled(await service.name(who, group_id, checked_name(body.name), body.face_ids))

    @app.delete("/v1/faces/unknown/{group_id}")
    async def dismiss(group_id: int, who: str = operator) -> dict[str, Any]:
        """Hide a group, and later faces like it, for the retention time."""
        return {"dismissed": await service.dismiss(who, group_id)}


def _group(group: Group) -> dict[str, Any]:
    first_s, last_s = group.seen_s
    return {
        "id": group.id,
        "count": len(group.faces),
        "first_seen": _iso(first_s),
        "last_seen": _iso(last_s),
        "face_ids": [face.id for face in group.faces],
        "faces": [_face(face) for face in group.faces[:FACES_TOLD]],
        "nearest": vars(group.nearest) if group.nearest else None,
    }


def _face(face: KeptFace) -> dict[str, Any]:
    return {
        "id": face.id,
        "seen_at": _iso(face.seen_at),
        "width_px": face.width_px,
        "sharpness": face.sharpness,
        "warnings": [warning.model_dump(mode="json") for warning in face.warnings],
        "task_id": face.task_id,
        "trace_id": face.trace_id,
    }


def _iso(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="seconds")
