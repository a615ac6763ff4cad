"""Routes for feedback on results: who a face is, or is not."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from manyeyes.api.people import Feedback, FeedbackList, FeedbackRequest
from manyeyes.errors import BadRequest, EntryNotFound, PersonNotFound, ReferenceRefused
from manyeyes.gateway.dependencies import OPERATOR, Operator, TheMaster
from manyeyes.gateway.problems import failures
from manyeyes.gateway.routes.people import checked_name, plain

router = APIRouter(tags=["people and photos"], dependencies=[OPERATOR])


@router.get("/v1/people-feedback", response_model_exclude_unset=True)
async def feedback(master: TheMaster) -> FeedbackList:
    """All feedback that counts, oldest first."""
    rows = master.people_service.feedback.all()
    return FeedbackList(feedback=tuple(Feedback.model_validate(row) for row in rows))


@router.post(
    "/v1/people-feedback",
    response_model_exclude_unset=True,
    responses=failures(BadRequest, PersonNotFound, ReferenceRefused),
)
async def give_feedback(master: TheMaster, body: FeedbackRequest, who: Operator) -> Feedback:
    """Say who the face of a reference is, or is not; counts from the next picture on."""
    name = checked_name(body.name) if body.verdict == "is" else body.name
    row, warnings = await master.people_service.give_feedback(
        who, body.reference, body.verdict, name, body.file_name
    )
    return Feedback.model_validate({**vars(row), "warnings": plain(warnings)})


@router.delete(
    "/v1/people-feedback/{feedback_id}", response_model_exclude_unset=True, responses=failures(EntryNotFound)
)
async def undo_feedback(
    master: TheMaster, feedback_id: Annotated[str, Path(description="As the list has it.")], who: Operator
) -> Feedback:
    """Take feedback back."""
    return Feedback.model_validate(await master.people_service.undo_feedback(who, feedback_id))
