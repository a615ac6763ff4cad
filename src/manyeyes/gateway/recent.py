"""Routes for the last answered pictures: operators see all, users those of their own key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Header, Response

from manyeyes.gateway.doorkeeper import key_of
from manyeyes.gateway.pictures import small_picture
from manyeyes.master.recent import Recent

RoleOf = Callable[[str], str | None]


def add_recent(app: FastAPI, recent: Recent, user: Any, role_of: RoleOf) -> None:
    """Add the routes.

    Args:
        user: a dependency that asks for that role and gives the key's name.
        role_of: the role of an API key.
    """

    def sees(who: str, authorization: str | None) -> str | None:
        """Whose pictures a caller sees; None: everybody's."""
        return who if role_of(key_of(authorization or "")) == "user" else None

    @app.get("/v1/recent")
    async def listed(
        who: str = user, authorization: Annotated[str | None, Header()] = None
    ) -> dict[str, Any]:
        """The last answered pictures, newest first."""
        pictures = []
        for picture in recent.listed(sees(who, authorization)):
            shown = {**asdict(picture), "has_image": bool(picture.thumbnail)}
            del shown["thumbnail"], shown["seen_s"]
            pictures.append(shown)
        return {"pictures": pictures, "most": recent.most}

    @app.get("/v1/recent/{picture_id}/image")
    async def image(
        picture_id: str,
        who: str = user,
        authorization: Annotated[str | None, Header()] = None,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The predicted picture, small: a JPEG."""
        return small_picture(recent.picture(picture_id, sees(who, authorization)), if_none_match)
