"""Routes for merging two names of one person, and for undoing it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from manyeyes.api.people import (
    Merge,
    MergePreview,
    MergeRequest,
    Merges,
    Names,
    NamesRequest,
    Person,
)
from manyeyes.errors import BadRequest, EntryNotFound, PersonExists, PersonNotFound
from manyeyes.gateway.dependencies import OPERATOR, USER, Operator, PersonName, TheMaster
from manyeyes.gateway.problems import failures
from manyeyes.gateway.routes.people import whole

router = APIRouter(tags=["people and photos"])


@router.get(
    "/v1/people-merges/preview", dependencies=[OPERATOR], responses=failures(BadRequest, PersonNotFound)
)
async def preview_merge(
    master: TheMaster,
    name: Annotated[str, Query(description="Who would give up the name.")],
    into: Annotated[str, Query(description="Who would get the photos.")],
) -> MergePreview:
    """How far apart the photos of two people are. Nothing is merged."""
    return await master.merging.preview(name, into)


@router.post("/v1/people-names", dependencies=[USER])
async def names(master: TheMaster, body: NamesRequest) -> Names:
    """What people of earlier results are called now: after a rename, a merge or a removal. Only who has an id gets its name."""
    return Names(people=master.recognition.result_people.now(body.ids))


@router.get("/v1/people-merges", dependencies=[OPERATOR])
async def merges(master: TheMaster) -> Merges:
    """The merges that can be undone, oldest first."""
    return Merges(merges=tuple(Merge.model_validate(merge) for merge in master.merging.all()))


@router.post(
    "/v1/people/{name:path}/merge",
    response_model_exclude_unset=True,
    responses=failures(BadRequest, PersonNotFound),
)
async def merge_person(master: TheMaster, name: PersonName, body: MergeRequest, who: Operator) -> Person:
    """Move all photos and feedback of one person to another, and delete the first name; for 30 days it can be undone."""
    person, merge = await master.merging.merge(who, name, body.into)
    return whole(master, person, merge=merge)


@router.delete(
    "/v1/people-merges/{merge_id}",
    response_model_exclude_unset=True,
    responses=failures(EntryNotFound, PersonExists, BadRequest),
)
async def undo_merge(
    master: TheMaster, merge_id: Annotated[int, Path(description="As the list has it.")], who: Operator
) -> Person:
    """Give a merged person the name, photos and feedback back; what was added since stays, what was removed stays away."""
    person, merge = await master.merging.undo(who, merge_id)
    return whole(master, person, merge=merge)
