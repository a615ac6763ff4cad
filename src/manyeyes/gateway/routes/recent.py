"""Routes for the last answered pictures: operators see all, users those of their own key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from manyeyes.api.recent import Latest, RecentPicture
from manyeyes.api.videos import LatestVideos
from manyeyes.errors import EntryNotFound
from manyeyes.gateway.crop_answers import small_picture
from manyeyes.gateway.dependencies import IfNoneMatch, TheMaster, User, sees_all
from manyeyes.gateway.described_content import small_picture_of
from manyeyes.gateway.problems import failures
from manyeyes.results import Result

router = APIRouter(tags=["recent pictures"])
PictureId = Annotated[str, Path(description="As the list has it.")]


@router.get("/v1/recent")
async def recent_pictures(master: TheMaster, request: Request, who: User) -> Latest:
    """The last answered pictures, newest first; under load only some."""
    pictures = tuple(
        RecentPicture.model_validate({**vars(picture), "has_image": bool(picture.thumbnail)})
        for picture in master.recent.listed(None if sees_all(request) else who)
    )
    return Latest(pictures=pictures, most=master.recent.most)


@router.get("/v1/recent-videos")
async def recent_videos(master: TheMaster, request: Request, who: User) -> LatestVideos:
    """The videos of which stills were answered lately, and who is seen in them from when to when, newest first."""
    videos = master.recent.videos
    return LatestVideos(videos=videos.listed(None if sees_all(request) else who), most=videos.most)


@router.get("/v1/recent/{picture_id}", responses=failures(EntryNotFound))
async def recent_result(master: TheMaster, request: Request, picture_id: PictureId, who: User) -> Result:
    """The result of one of them, as its sender got it: its faces, with a reference to each for feedback."""
    return master.recent.result(picture_id, None if sees_all(request) else who)


@router.get(
    "/v1/recent/{picture_id}/image",
    response_class=Response,
    responses={**small_picture_of("The picture.", "image/jpeg"), **failures(EntryNotFound)},
)
async def recent_image(
    master: TheMaster,
    request: Request,
    picture_id: PictureId,
    who: User,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The predicted picture, small: a JPEG of at most 640 px."""
    shown = master.recent.picture(picture_id, None if sees_all(request) else who)
    return small_picture(shown, if_none_match)
