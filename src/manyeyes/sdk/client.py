"""The asynchronous client: every call of the HTTP API, with retries."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

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
from manyeyes.errors import BadRequest, ManyeyesError
from manyeyes.local_files import MOST_PICTURE_BYTES, read_whole, unreadable
from manyeyes.plain_text import utf8
from manyeyes.results import Caution, Result
from manyeyes.sdk.answers import Prediction, SignInLink
from manyeyes.sdk.commands import Commands
from manyeyes.sdk.faces import Faces
from manyeyes.sdk.logs import Logs
from manyeyes.sdk.merges import PeopleMerges
from manyeyes.sdk.multipart import parse_parts
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.portraits import Portraits
from manyeyes.sdk.recent import RecentPictures
from manyeyes.sdk.urls import node_url, person_url, quoted
from manyeyes.sdk.watching import Watching
from manyeyes.traces import new_trace, trace_id_for

Picture = str | Path | bytes
"""A path to read, or the encoded picture itself."""
NodeWord = Literal["approve", "pause", "drain", "resume", "shutdown"]


class AsyncClient(Watching):
    """Talks to one master; use it as `async with AsyncClient() as client`.

    It retries after connection errors, time-outs, 429, 503 and every error that is marked as retryable,
    within `patience`. A picture keeps its idempotency key through all attempts, so it is never computed
    twice for one call. Proxies from the environment are not used: the master's certificate could not be
    verified through a proxy.

    Args:
        context: the master's address, CA and API key; found by `find_context` if None.
        patience: how long each call may keep trying.
        transport: replaces the network, for tests.

    Raises:
        Unavailable: no master is known. From every call: `patience` ended; the message says how many
            attempts and seconds it took, and the last cause.
        FileTrouble: the context's CA is not a certificate. From calls with paths: a file cannot be read.
        NotSignedIn, NotAllowed: the key is unknown or its role does not allow the call.
    """

    async def recognize(
        self, picture_in: Picture, *, picture: bool = True, idempotency_key: str | None = None
    ) -> Prediction:
        """Find and name the faces of one picture.

        Args:
            picture_in: a path or the encoded picture: JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, or HEIC if the
                nodes can read it. The format is detected from the content.
            picture: fetch the predicted picture too.
            idempotency_key: identifies this request; a new one is made if None.

        Raises:
            PictureError: the picture itself is the problem.
        """
        content = await _content(picture_in)
        key = idempotency_key or str(uuid.uuid4())
        trace_id = trace_id_for(key)
        try:
            response = await self._call(
                "POST",
                "/v1/recognize",
                waits=True,
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
            EnrolmentError: a photo shows no face or several; the message names the photo.
        """
        if isinstance(photos, str | Path | bytes):
            photos = [photos]
        if not photos:
            raise BadRequest(f"no photo given for {name!r}; one or more are needed")
        files = []
        for number, photo in enumerate(photos, start=1):
            label = f"photo-{number}" if isinstance(photo, bytes) else utf8(Path(photo).name)
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
        """Move all photos and feedback of person `name` to person `into`, and delete `name`; see `merges` for undoing it.

        Raises:
            PersonNotFound: one of the names is not enrolled.
            BadRequest: both names are the same.
        """
        url = f"{person_url(name)}/merge"
        body = MergeRequest.model_construct(into=into).model_dump()
        return parsed(Person, (await self._call("POST", url, json=body, repeatable=False)).content)

    async def remove_person(self, name: str) -> None:
        """Delete a person and all their photos.

        Raises:
            PersonNotFound: nobody of that name is enrolled.
        """
        await self._call("DELETE", person_url(name), repeatable=False)

    async def remove_photo(self, name: str, photo_id: int) -> Person:
        """Delete one photo of a person; the answer lists the remaining photos.

        Raises:
            PersonNotFound, EntryNotFound: there is no such person, or no such photo of theirs.
            BadRequest: it is the person's last photo.
        """
        response = await self._call(
            "DELETE", f"/v1/people-photos/{photo_id}", params={"name": name}, repeatable=False
        )
        return parsed(Person, response.content)

    async def threshold(self) -> Threshold:
        """The largest distance at which a face gets a name; needs the role `operator`."""
        return parsed(Threshold, (await self._call("GET", "/v1/people-threshold")).content)

    async def set_threshold(self, *, fmr: float | None = None, distance: float | None = None) -> Threshold:
        """Set the threshold, from the next picture on; without arguments, restore the default.

        Args:
            fmr: the false-match rate, the chance that a stranger gets any name; the threshold is then computed
                again after every change of people.
            distance: the threshold itself, a distance between embeddings.

        Raises:
            ThresholdRefused: the value is out of bounds, or the pack has no calibration, which `fmr` needs.
        """
        body = ThresholdRequest.model_construct(fmr=fmr, distance=distance).model_dump()
        return parsed(Threshold, (await self._call("PUT", "/v1/people-threshold", json=body)).content)

    async def preview_threshold(
        self, *, fmr: float | None = None, distance: float | None = None
    ) -> Threshold:
        """What `set_threshold` would return for the current gallery; sets nothing, and raises the same errors."""
        body = ThresholdRequest.model_construct(fmr=fmr, distance=distance).model_dump(exclude_none=True)
        response = await self._call("GET", "/v1/people-threshold/preview", params=body)
        return parsed(Threshold, response.content)

    async def check_people(self) -> list[Caution]:
        """Possible problems of the enrolled people: duplicates, people who are too similar, unusual photos."""
        return list(parsed(Findings, (await self._call("GET", "/v1/people-check")).content).findings)

    async def give_feedback(
        self, reference: str, *, is_: str | None = None, is_not: str | None = None, file_name: str = ""
    ) -> Feedback:
        """Say who a face is, or is not, for all later answers.

        Args:
            reference: `Face.reference` of a result of this master.
            is_: the person that the face shows, new or known.
            is_not: the person whose name the face must not get.
            file_name: the picture's file name, shown in the list of feedback.

        Raises:
            ReferenceRefused: the reference was altered, or is of another master or pack.
            PersonNotFound: nobody named `is_not` is enrolled.
        """
        name = is_not if is_ is None else is_
        if name is None or (is_ is not None and is_not is not None):
            raise BadRequest("say who the face is, or who it is not, but not both")
        body = FeedbackRequest.model_construct(
            reference=reference, verdict="not" if is_ is None else "is", name=name, file_name=utf8(file_name)
        )
        response = await self._call("POST", "/v1/people-feedback", json=body.model_dump(), repeatable=False)
        return parsed(Feedback, response.content)

    async def feedback(self) -> list[Feedback]:
        """All feedback in force, oldest first."""
        return list(parsed(FeedbackList, (await self._call("GET", "/v1/people-feedback")).content).feedback)

    async def undo_feedback(self, feedback_id: str) -> Feedback:
        """Undo feedback.

        Raises:
            EntryNotFound: there is no feedback with that id.
        """
        url = f"/v1/people-feedback/{quoted(feedback_id)}"
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
            search: words, in any case; a node matches if its name, host, pack, state or reason contain all of them.
            state: only nodes in that state; all when empty.
            sort: the column; `state` lists the nodes first that may need a person.
            limit: at most 1000.
        """
        body = {"search": search, "state": state, "sort": sort, "descending": descending}
        response = await self._call("GET", "/v1/nodes", params={**body, "offset": offset, "limit": limit})
        return parsed(NodePage, response.content)

    async def node(self, name: str) -> Node:
        """One machine of the fleet.

        Raises:
            NodeNotFound: no node has that name.
        """
        return parsed(Node, (await self._call("GET", node_url(name))).content)

    async def remove_node(self, name: str) -> None:
        """Remove a node and disconnect it at once; its key never works again, its pictures go to other nodes.

        Raises:
            NodeNotFound: no node has that name.
        """
        await self._call("DELETE", node_url(name), repeatable=False)

    async def tell_node(self, name: str, word: NodeWord) -> Node:
        """Approve a waiting node, or make a node pause, drain, resume or shut down.

        `pause` and `drain` stay in force when the node restarts, until `resume`.

        Raises:
            NodeNotFound: no node has that name.
            NodeAway: the node is not connected, so it cannot be shut down.
        """
        return parsed(Node, (await self._call("POST", f"{node_url(name)}/{word}")).content)

    async def status(self) -> Status:
        """The state of the service in short: version, nodes, tasks, people, pack."""
        return parsed(Status, (await self._call("GET", "/v1/status")).content)

    async def create_token(
        self, expires_s: int = 3600, *, approve: bool = False, ephemeral: bool = False
    ) -> JoinToken:
        """Make a token with which nodes may join for `expires_s` seconds; needs the role `admin`.

        Args:
            approve: nodes that join with it wait until `tell_node(name, "approve")`.
            ephemeral: nodes that join with it are forgotten when they leave, or are lost for a time.
        """
        body = {"expires_s": expires_s, "approve": approve, **({"ephemeral": True} if ephemeral else {})}
        return parsed(JoinToken, (await self._call("POST", "/v1/tokens", json=body)).content)

    async def keys(self) -> list[ApiKey]:
        """All valid API keys; needs the role `admin`, as do creating and revoking keys."""
        return list(parsed(ApiKeys, (await self._call("GET", "/v1/keys")).content).keys)

    async def create_key(self, name: str, role: KeyRole = "user") -> NewApiKey:
        """Create an API key. Only this answer contains the key; it cannot be shown again.

        Raises:
            KeyExists: a key has that name.
        """
        body = KeyRequest.model_construct(name=name, role=role).model_dump()
        response = await self._call("POST", "/v1/keys", json=body, repeatable=False)
        return parsed(NewApiKey, response.content)

    async def revoke_key(self, name: str) -> None:
        """Revoke an API key: its next request is refused.

        Raises:
            KeyNotFound: no key has that name.
            LastAdminKey: it is the last key with the role `admin`.
        """
        await self._call("DELETE", f"/v1/keys/{quoted(name)}", repeatable=False)

    async def ca_pem(self) -> str:
        """The certificate of the master's CA as PEM text, as in a context file."""
        return parsed(CaCertificate, (await self._call("GET", "/v1/ca")).content).ca_pem

    async def session(self) -> Session:
        """The holder of the context's key or session."""
        return parsed(Session, (await self._call("GET", "/v1/session")).content)

    async def sign_in(self) -> NewSession:
        """Start a session from the context's API key: a credential that expires by itself."""
        return parsed(NewSession, (await self._call("POST", "/v1/session", repeatable=False)).content)

    async def console_link(self) -> SignInLink:
        """A link to the console, signed in as the holder of the context's API key; it works once and expires soon."""
        made = parsed(SignInPath, (await self._call("POST", "/v1/session/link", repeatable=False)).content)
        return SignInLink(url=self.context.url + made.path, expires_s=made.expires_s)

    async def sign_out(self) -> None:
        """End the session whose token is the context's key."""
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
        """Runs commands on nodes, and transfers files of their exchange folders."""
        return Commands(self._call, self._stream)

    @property
    def faces(self) -> Faces:
        """Faces without a name."""
        return Faces(self._call)

    @property
    def portraits(self) -> Portraits:
        """The portraits of people that are stored at enrolment."""
        return Portraits(self._call)

    @property
    def merges(self) -> PeopleMerges:
        """Merges of two people: preview, list, undo."""
        return PeopleMerges(self._call)

    @property
    def recent(self) -> RecentPictures:
        """The last answered pictures."""
        return RecentPictures(self._call)

    @property
    def logs(self) -> Logs:
        """The logs of all machines, and the trace of one picture."""
        return Logs(self._call, self._stream_get)

    async def wait_ready(self) -> None:
        """Wait until the master accepts pictures, at most as long as the client's `patience`."""
        await self._call("GET", "/readyz", waits=True)


async def _content(picture: Picture) -> bytes:
    if isinstance(picture, bytes):
        return picture
    path = Path(picture)
    try:
        return await asyncio.to_thread(read_whole, path, MOST_PICTURE_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
