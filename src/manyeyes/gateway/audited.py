"""Which entries of the audit log each call of the API writes that changes something; a test holds it against the routes."""

from __future__ import annotations

from starlette.requests import Request

from manyeyes.access.actions import Action

AUDITED: dict[str, tuple[Action, ...]] = {
    "DELETE /v1/nodes/{name}": ("remove",),
    "POST /v1/nodes/{name}/approve": ("approve",),
    "POST /v1/nodes/{name}/shutdown": ("shutdown",),
    "POST /v1/nodes/{name}/pause": ("pause",),
    "POST /v1/nodes/{name}/drain": ("drain",),
    "POST /v1/nodes/{name}/resume": ("resume",),
    "POST /v1/nodes/{node}/exec": ("exec",),
    "POST /v1/nodes/{node}/files": ("put", "get", "list", "digest"),
    "POST /v1/tokens": ("token",),
    "POST /v1/keys": ("key create",),
    "DELETE /v1/keys/{name}": ("key revoke",),
    "POST /v1/session": ("sign in",),
    "POST /v1/session/link": ("sign-in link",),
    "DELETE /v1/session": ("sign out",),
    "POST /v1/people": ("people add",),
    "PATCH /v1/people/{name}": ("people rename",),
    "DELETE /v1/people/{name}": ("people remove",),
    "POST /v1/people/{name}/merge": ("people merge",),
    "DELETE /v1/people-merges/{merge_id}": ("people merge undo",),
    "DELETE /v1/people-photos/{photo_id}": ("photo remove",),
    "PUT /v1/people-threshold": ("threshold",),
    "POST /v1/people-feedback": ("feedback",),
    "DELETE /v1/people-feedback/{feedback_id}": ("feedback undo",),
    "PUT /v1/faces/retention": ("faces keep",),
    "POST /v1/faces/unknown/{group_id}/name": ("faces name",),
    "DELETE /v1/faces/unknown/{group_id}": ("faces dismiss",),
}
NOT_AUDITED = {
    "POST /v1/recognize": "a picture changes nothing, and there are thousands of them",
    "POST /v1/people-names": "it reads; the ids are in the body, since they are many",
}
"""Calls that are no plain reading and write no entry, with the reason."""


def called(request: Request) -> str:
    """What a request is called where the audit log counts refused ones: never with a name from its path."""
    path = request.scope["route"].path_format
    call = f"{request.method} {path}"
    return "/".join(AUDITED[call]) if call in AUDITED else call
