"""Routes for the last answered pictures: operators see all, users those of their own key."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response

from manyeyes.gateway.auth import caller_of
from manyeyes.gateway.crop_answers import small_picture
from manyeyes.monitoring.recent_pictures import Recent


def add_recent(app: FastAPI, recent: Recent, user: Any) -> None:
    """Add the routes; `user` is a dependency that asks for that role and gives the key's name."""

    def sees(who: str, request: Request) -> str | None:
        """Whose pictures a caller sees; None: everybody's."""
        return who if caller_of(request).role == "user" else None

    @app.get("/v1/recent")
    async def listed(request: Request, who: str = user) -> dict[str, Any]:
        """The last answered pictures, newest first."""
        pictures = []
        for picture in recent.listed(sees(who, request)):
            shown = {**asdict(picture), "has_image": bool(picture.thumbnail)}
            del shown["thumbnail"], shown["seen_s"]
            pictures.append(shown)
        return {"pictures": pictures, "most": recent.most}

    @app.get("/v1/recent/{picture_id}/image")
    async def image(
        request: Request,
        picture_id: str,
        who: str = user,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The predicted picture, small: a JPEG."""
        return small_picture(recent.picture(picture_id, sees(who, request)), if_none_match)
