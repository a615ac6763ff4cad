"""The asynchronous client: every call of the HTTP interface, sent again while that can help."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from manyeyes.api.access import (
    ApiKey,
    ApiKeys,
    CaCertificate,
    JoinToken,
    KeyRequest,
    KeyRole,
    NewApiKey,
    NewSession,
    Session,
    SignInPath,
    TokenRequest,
)
from manyeyes.api.audit import AuditEntries, AuditEntry, AuditVerdict
from manyeyes.api.nodes import Node, NodePage, NodeSort
from manyeyes.api.overview import Status
from manyeyes.api.people import (
    Feedback,
    FeedbackList,
    FeedbackRequest,
    Findings,
    MergeRequest,
    People,
    Person,
    Rename,
    Threshold,
    ThresholdRequest,
)
from manyeyes.errors import BadRequest, FileTrouble, ManyeyesError
from manyeyes.results import Caution, Result
from manyeyes.sdk.answers import Prediction, SignInLink
from manyeyes.sdk.commands import Commands
from manyeyes.sdk.faces import Faces
from manyeyes.sdk.logs import Logs
from manyeyes.sdk.multipart import parse_parts
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.portraits import Portraits
from manyeyes.sdk.recent import RecentPictures
from manyeyes.sdk.urls import node_url, person_url
from manyeyes.sdk.watching import Watching
from manyeyes.traces import new_trace, trace_id_for

Picture = str | Path | bytes
"""A path to read, or the encoded picture itself."""
NodeWord = Literal["approve", "pause", "drain", "resume", "shutdown"]


class AsyncClient(Watching):
    """Talks to one master; use it as `async with AsyncClient() as client`.

    Connection errors, time-outs, 429, 503 and every error that calls itself retryable are tried
    again within `patience`; a picture keeps its idempotency key through all attempts, so that it is
    never computed twice for one call. Proxies of the environment are not used: through one, the
    master's certificate could not be verified.

    Args:
        context: where the master is; found by `find_context` when None.
        patience: how long each call may keep trying.
        transport: replaces the network, for tests.

    Raises:
        Unavailable: no master is known, or, from every call, patience ended; the message says how
            many attempts and seconds, and the last cause.
        FileTrouble: the context's CA is no certificate; from calls with paths, a file cannot be read.
        NotSignedIn, NotAllowed: the key is unknown or its role does not allow the call.
    """

    async def recognize(
        self, picture_in: Picture, *, picture: bool = True, idempotency_key: str | None = None
    ) -> Prediction:
        """Find and name the faces of one picture.

        Args:
            picture_in: a path or the encoded picture: JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, or HEIC where the
                nodes can read it. Its content says what it is.
            picture: fetch the predicted picture too.
            idempotency_key: names this sending; a fresh one when None.

        Raises:
            PictureError: the picture itself is at fault.
        """
        content = await _content(picture_in)
        key = idempotency_key or str(uuid.uuid4())
        trace_id = trace_id_for(key)
        try:
            response = await self._call(
                "POST",
                "/v1/recognize",
                content=content,
                headers={
                    "Content-Type": "application/octet-stream",
                    "Accept": "multipart/mixed" if picture else "application/json",
                    "Idempotency-Key": key,
                    "traceparent": new_trace(trace_id).traceparent,
                },
            )
        except ManyeyesError as error:
            error.trace_id = error.trace_id or trace_id
            raise
        if not picture:
            return Prediction(parsed(Result, response.content))
        parts = parse_parts(response.headers.get("Content-Type", ""), response.content)
        if len(parts) != 2:
            raise ManyeyesError(f"the master's answer has {len(parts)} parts, expected 2")
        return Prediction(parsed(Result, parts[0].content), parts[1].content, parts[1].media_type)

    async def add_person(self, name: str, photos: Picture | Sequence[Picture]) -> Person:
        """Enrol photos for a new or a known person: all of them or none.

        Raises:
            EnrolmentError: a photo shows no face or several; the message names it.
        """
        if isinstance(photos, str | Path | bytes):
            photos = [photos]
        if not photos:
            raise BadRequest(f"no photo given for {name!r}; one or more are needed")
        files = []
        for number, photo in enumerate(photos, start=1):
            label = f"photo-{number}" if isinstance(photo, bytes) else Path(photo).name
            files.append(("photos", (label, await _content(photo), "application/octet-stream")))
        response = await self._call(
            "POST",
            "/v1/people",
            data={"name": name},
            files=files,
            headers={"Idempotency-Key": str(uuid.uuid4())},
            repeatable=False,
        )
        return parsed(Person, response.content)

    async def people(self) -> list[Person]:
        """Everybody enrolled."""
        response = await self._call("GET", "/v1/people")
        return list(parsed(People, response.content).people)

    async def person(self, name: str) -> Person:
        """One person.

        Raises:
            PersonNotFound: nobody of that name is enrolled.
        """
        return parsed(Person, (await self._call("GET", person_url(name))).content)

    async def rename_person(self, name: str, new: str) -> Person:
        """Give a person another name.

        Raises:
            PersonNotFound: nobody of that name is enrolled.
            PersonExists: the new name is taken.
        """
        body = Rename.model_construct(name=new).model_dump()
        response = await self._call("PATCH", person_url(name), json=body, repeatable=False)
        return parsed(Person, response.content) if response.content else await self.person(new)

    async def merge_person(self, name: str, into: str) -> Person:
        """Give all photos and feedback of a person to another one, and forget the first name.

        Raises:
            PersonNotFound: nobody of one of the names is enrolled.
            BadRequest: both names are the same.
        """
        url = f"{person_url(name)}/merge"
        body = MergeRequest.model_construct(into=into).model_dump()
        return parsed(Person, (await self._call("POST", url, json=body, repeatable=False)).content)

    async def remove_person(self, name: str) -> None:
        """Forget a person and all their photos.

        Raises:
            PersonNotFound: nobody of that name is enrolled.
        """
        await self._call("DELETE", person_url(name), repeatable=False)

    async def remove_photo(self, name: str, photo_id: int) -> Person:
        """Forget one photo of a person; the answer lists the others.

        Raises:
            PersonNotFound, EntryNotFound: there is no such person, or no such photo of theirs.
            BadRequest: it is the last one.
        """
        response = await self._call(
            "DELETE", f"/v1/people-photos/{photo_id}", params={"name": name}, repeatable=False
        )
        return parsed(Person, response.content)

    async def threshold(self) -> Threshold:
        """Up to which distance a name is given; needs the role `operator`."""
        return parsed(Threshold, (await self._call("GET", "/v1/people-threshold")).content)

    async def set_threshold(self, *, fmr: float | None = None, distance: float | None = None) -> Threshold:
        """Set the threshold, from the next picture on; with neither argument, back to the default.

        Args:
            fmr: the chance that a stranger gets any name; the threshold then follows every change of people.
            distance: the threshold itself.

        Raises:
            ThresholdRefused: out of bounds, or the pack has no calibration to follow a rate.
        """
        body = ThresholdRequest.model_construct(fmr=fmr, distance=distance).model_dump()
        return parsed(Threshold, (await self._call("PUT", "/v1/people-threshold", json=body)).content)

    async def preview_threshold(
        self, *, fmr: float | None = None, distance: float | None = None
    ) -> Threshold:
        """What `set_threshold` would give for the gallery as it is; sets nothing, and raises what that does."""
        body = ThresholdRequest.model_construct(fmr=fmr, distance=distance).model_dump(exclude_none=True)
        response = await self._call("GET", "/v1/people-threshold/preview", params=body)
        return parsed(Threshold, response.content)

    async def check_people(self) -> list[Caution]:
        """What is worth a look among everybody enrolled: doubles, people too close, odd photos."""
        return list(parsed(Findings, (await self._call("GET", "/v1/people-check")).content).findings)

    async def give_feedback(
        self, reference: str, *, is_: str | None = None, is_not: str | None = None, file_name: str = ""
    ) -> Feedback:
        """Say who a face is, or is not, for all later answers.

        Args:
            reference: `Face.reference` of a result of this master.
            is_: the person that the face shows, new or known.
            is_not: the person whose name the face must not get.
            file_name: the picture's, for the list of feedback.

        Raises:
            ReferenceRefused: altered, or of another master or pack.
            PersonNotFound: nobody is called `is_not`.
        """
        name = is_not if is_ is None else is_
        if name is None or (is_ is not None and is_not is not None):
            raise BadRequest("say who the face is, or who it is not: one of both")
        body = FeedbackRequest.model_construct(
            reference=reference, verdict="not" if is_ is None else "is", name=name, file_name=file_name
        )
        response = await self._call("POST", "/v1/people-feedback", json=body.model_dump(), repeatable=False)
        return parsed(Feedback, response.content)

    async def feedback(self) -> list[Feedback]:
        """All feedback that counts, oldest first."""
        return list(parsed(FeedbackList, (await self._call("GET", "/v1/people-feedback")).content).feedback)

    async def undo_feedback(self, feedback_id: str) -> Feedback:
        """Undo feedback.

        Raises:
            EntryNotFound: there is none of that id.
        """
        url = f"/v1/people-feedback/{quote(feedback_id, safe='')}"
        return parsed(Feedback, (await self._call("DELETE", url, repeatable=False)).content)

    async def nodes(self) -> list[Node]:
        """The machines of the fleet."""
        return list(parsed(NodePage, (await self._call("GET", "/v1/nodes")).content).nodes)

    async def find_nodes(
        self,
        search: str = "",
        *,
        state: str = "",
        sort: NodeSort = "name",
        descending: bool = False,
        offset: int = 0,
        limit: int = 50,
    ) -> NodePage:
        """A page of the nodes.

        Args:
            search: words that are all in a node's name, host, pack, state or reason, whatever their case.
            state: only nodes in that state; all when empty.
            sort: `state` has those first that a person may have to see to.
            limit: at most 1000.
        """
        body = {"search": search, "state": state, "sort": sort, "descending": descending}
        response = await self._call("GET", "/v1/nodes", params={**body, "offset": offset, "limit": limit})
        return parsed(NodePage, response.content)

    async def node(self, name: str) -> Node:
        """One machine of the fleet.

        Raises:
            NodeNotFound: none of that name.
        """
        return parsed(Node, (await self._call("GET", node_url(name))).content)

    async def remove_node(self, name: str) -> None:
        """Cut a node off at once; its key never works again, its pictures go to others.

        Raises:
            NodeNotFound: none of that name.
        """
        await self._call("DELETE", node_url(name), repeatable=False)

    async def tell_node(self, name: str, word: NodeWord) -> Node:
        """Approve a waiting node, or have one pause, drain, resume or shut down.

        An order to pause or drain is kept over the node's restarts until it resumes by another order.

        Raises:
            NodeNotFound: none of that name.
            NodeAway: it is not connected, so it cannot be shut down.
        """
        return parsed(Node, (await self._call("POST", f"{node_url(name)}/{word}")).content)

    async def status(self) -> Status:
        """The service at one glance."""
        return parsed(Status, (await self._call("GET", "/v1/status")).content)

    async def create_token(self, expires_s: int = 3600, *, approve: bool = False) -> JoinToken:
        """Make a token with which nodes may join for `expires_s` seconds; needs the role `admin`.

        Args:
            approve: nodes that join with it wait until `tell_node(name, "approve")`.
        """
        body = TokenRequest.model_construct(expires_s=expires_s, approve=approve).model_dump()
        response = await self._call("POST", "/v1/tokens", json=body)
        return parsed(JoinToken, response.content)

    async def keys(self) -> list[ApiKey]:
        """All API keys that work; needs the role `admin`, as making and revoking them does."""
        return list(parsed(ApiKeys, (await self._call("GET", "/v1/keys")).content).keys)

    async def create_key(self, name: str, role: KeyRole = "user") -> NewApiKey:
        """Make an API key; the answer is the only place where it ever stands.

        Raises:
            KeyExists: a key has that name.
        """
        body = KeyRequest.model_construct(name=name, role=role).model_dump()
        response = await self._call("POST", "/v1/keys", json=body, repeatable=False)
        return parsed(NewApiKey, response.content)

    async def revoke_key(self, name: str) -> None:
        """Have a key work no more, from its next request on.

        Raises:
            KeyNotFound: none of that name.
            LastAdminKey: no admin's key would be left.
        """
        await self._call("DELETE", f"/v1/keys/{quote(name, safe='')}", repeatable=False)

    async def ca_pem(self) -> str:
        """The certificate of the master's CA, as a context file holds it."""
        return parsed(CaCertificate, (await self._call("GET", "/v1/ca")).content).ca_pem

    async def session(self) -> Session:
        """The holder of the context's key or session."""
        return parsed(Session, (await self._call("GET", "/v1/session")).content)

    async def sign_in(self) -> NewSession:
        """Make a session of the context's API key: a credential that runs out by itself."""
        return parsed(NewSession, (await self._call("POST", "/v1/session", repeatable=False)).content)

    async def console_link(self) -> SignInLink:
        """A link to the console that signs in, once and soon, as the holder of the context's API key."""
        made = parsed(SignInPath, (await self._call("POST", "/v1/session/link", repeatable=False)).content)
        return SignInLink(url=self.context.url + made.path, expires_s=made.expires_s)

    async def sign_out(self) -> None:
        """End the session that is the context's key."""
        await self._call("DELETE", "/v1/session")

    async def audit(self, after: int = 0) -> list[AuditEntry]:
        """Entries of the audit log above number `after`, oldest first, at most 1000; needs the role `admin`."""
        response = await self._call("GET", "/v1/audit", params={"after": after})
        return list(parsed(AuditEntries, response.content).entries)

    async def verify_audit(self) -> AuditVerdict:
        """Have the master verify the chain of its audit log; needs the role `admin`."""
        return parsed(AuditVerdict, (await self._call("GET", "/v1/audit/verify")).content)

    @property
    def commands(self) -> Commands:
        """Commands on nodes, and files of their exchange folders."""
        return Commands(self._call, self._stream)

    @property
    def faces(self) -> Faces:
        """Faces without a name."""
        return Faces(self._call)

    @property
    def portraits(self) -> Portraits:
        """The faces of people, as enrolment keeps them."""
        return Portraits(self._call)

    @property
    def recent(self) -> RecentPictures:
        """The last answered pictures."""
        return RecentPictures(self._call)

    @property
    def logs(self) -> Logs:
        """The logs of all machines, and one picture's way through them."""
        return Logs(self._call, self._stream_get)

    async def wait_ready(self) -> None:
        """Return when the master takes pictures; asks within the client's patience."""
        await self._call("GET", "/readyz")


async def _content(picture: Picture) -> bytes:
    if isinstance(picture, bytes):
        return picture
    path = Path(picture)
    try:
        return await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise FileTrouble(f"{path} cannot be read: {error.strerror or error}") from error
