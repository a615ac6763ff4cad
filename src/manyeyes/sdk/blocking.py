"""The blocking client: `AsyncClient` on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from manyeyes.api.access import ApiKey, JoinToken, KeyRole, NewApiKey, NewSession, Session
from manyeyes.api.audit import AuditEntry, AuditVerdict
from manyeyes.api.nodes import Node, NodePage, NodeSort
from manyeyes.api.overview import Status
from manyeyes.api.people import Feedback, Person, Threshold
from manyeyes.api.videos import Still
from manyeyes.results import Caution
from manyeyes.sdk.answers import Prediction, SignInLink
from manyeyes.sdk.blocking_groups import (
    BlockingFaces,
    BlockingPeopleMerges,
    BlockingPortraits,
    BlockingRecentPictures,
)
from manyeyes.sdk.blocking_logs import BlockingLogs
from manyeyes.sdk.blocking_watching import BlockingWatching
from manyeyes.sdk.client import AsyncClient, NodeWord
from manyeyes.sdk.context import Context
from manyeyes.sdk.patience import Patience
from manyeyes.sdk.pictures import Picture

_T = TypeVar("_T")


class Client(BlockingWatching):
    """`AsyncClient` for code without an event loop; safe to use from several threads.

    Arguments, answers and errors are those of `AsyncClient`.

    ```python
    with Client() as client:
        prediction = client.recognize("party.jpg")
        print([face.name for face in prediction.result.faces])
    ```
    """

    def __init__(
        self,
        context: Context | None = None,
        *,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        self._client = AsyncClient(context, patience=patience, transport=transport, waiting=waiting)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="manyeyes-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def context(self) -> Context:
        """The master in use."""
        return self._client.context

    @property
    def faces(self) -> BlockingFaces:
        """See `AsyncClient.faces`."""
        return BlockingFaces(self._client.faces, self._run)

    @property
    def portraits(self) -> BlockingPortraits:
        """See `AsyncClient.portraits`."""
        return BlockingPortraits(self._client.portraits, self._run)

    @property
    def merges(self) -> BlockingPeopleMerges:
        """See `AsyncClient.merges`."""
        return BlockingPeopleMerges(self._client.merges, self._run)

    @property
    def recent(self) -> BlockingRecentPictures:
        """See `AsyncClient.recent`."""
        return BlockingRecentPictures(self._client.recent, self._run)

    def close(self) -> None:
        """Close the connections and end the thread; a second call does nothing."""
        if self._loop.is_closed():
            return
        self._run(self._client.aclose())
        self._run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def recognize(
        self,
        picture_in: Picture,
        *,
        picture: bool = True,
        idempotency_key: str | None = None,
        still: Still | None = None,
    ) -> Prediction:
        """See `AsyncClient.recognize`."""
        return self._run(
            self._client.recognize(picture_in, picture=picture, idempotency_key=idempotency_key, still=still)
        )

    def add_person(self, name: str, photos: Picture | Sequence[Picture]) -> Person:
        """See `AsyncClient.add_person`."""
        return self._run(self._client.add_person(name, photos))

    def people(self) -> list[Person]:
        """See `AsyncClient.people`."""
        return self._run(self._client.people())

    def person(self, name: str) -> Person:
        """See `AsyncClient.person`."""
        return self._run(self._client.person(name))

    def rename_person(self, name: str, new: str) -> Person:
        """See `AsyncClient.rename_person`."""
        return self._run(self._client.rename_person(name, new))

    def merge_person(self, name: str, into: str) -> Person:
        """See `AsyncClient.merge_person`."""
        return self._run(self._client.merge_person(name, into))

    def remove_person(self, name: str) -> None:
        """See `AsyncClient.remove_person`."""
        self._run(self._client.remove_person(name))

    def remove_photo(self, name: str, photo_id: int) -> Person:
        """See `AsyncClient.remove_photo`."""
        return self._run(self._client.remove_photo(name, photo_id))

    def threshold(self) -> Threshold:
        """See `AsyncClient.threshold`."""
        return self._run(self._client.threshold())

    def set_threshold(self, *, fmr: float | None = None, distance: float | None = None) -> Threshold:
        """See `AsyncClient.set_threshold`."""
        return self._run(self._client.set_threshold(fmr=fmr, distance=distance))

    def preview_threshold(self, *, fmr: float | None = None, distance: float | None = None) -> Threshold:
        """See `AsyncClient.preview_threshold`."""
        return self._run(self._client.preview_threshold(fmr=fmr, distance=distance))

    def check_people(self) -> list[Caution]:
        """See `AsyncClient.check_people`."""
        return self._run(self._client.check_people())

    def give_feedback(
        self, reference: str, *, is_: str | None = None, is_not: str | None = None, file_name: str = ""
    ) -> Feedback:
        """See `AsyncClient.give_feedback`."""
        return self._run(self._client.give_feedback(reference, is_=is_, is_not=is_not, file_name=file_name))

    def feedback(self) -> list[Feedback]:
        """See `AsyncClient.feedback`."""
        return self._run(self._client.feedback())

    def undo_feedback(self, feedback_id: str) -> Feedback:
        """See `AsyncClient.undo_feedback`."""
        return self._run(self._client.undo_feedback(feedback_id))

    def nodes(self) -> list[Node]:
        """See `AsyncClient.nodes`."""
        return self._run(self._client.nodes())

    def find_nodes(
        self,
        search: str = "",
        *,
        state: str = "",
        sort: NodeSort = "name",
        descending: bool = False,
        offset: int = 0,
        limit: int = 50,
    ) -> NodePage:
        """See `AsyncClient.find_nodes`."""
        return self._run(
            self._client.find_nodes(
                search, state=state, sort=sort, descending=descending, offset=offset, limit=limit
            )
        )

    def node(self, name: str) -> Node:
        """See `AsyncClient.node`."""
        return self._run(self._client.node(name))

    def remove_node(self, name: str) -> None:
        """See `AsyncClient.remove_node`."""
        self._run(self._client.remove_node(name))

    def tell_node(self, name: str, word: NodeWord) -> Node:
        """See `AsyncClient.tell_node`."""
        return self._run(self._client.tell_node(name, word))

    def status(self) -> Status:
        """See `AsyncClient.status`."""
        return self._run(self._client.status())

    def create_token(
        self, expires_s: int = 3600, *, approve: bool = False, ephemeral: bool = False
    ) -> JoinToken:
        """See `AsyncClient.create_token`."""
        return self._run(self._client.create_token(expires_s, approve=approve, ephemeral=ephemeral))

    def keys(self) -> list[ApiKey]:
        """See `AsyncClient.keys`."""
        return self._run(self._client.keys())

    def create_key(self, name: str, role: KeyRole = "user") -> NewApiKey:
        """See `AsyncClient.create_key`."""
        return self._run(self._client.create_key(name, role))

    def revoke_key(self, name: str) -> None:
        """See `AsyncClient.revoke_key`."""
        self._run(self._client.revoke_key(name))

    def ca_pem(self) -> str:
        """See `AsyncClient.ca_pem`."""
        return self._run(self._client.ca_pem())

    def session(self) -> Session:
        """See `AsyncClient.session`."""
        return self._run(self._client.session())

    def sign_in(self) -> NewSession:
        """See `AsyncClient.sign_in`."""
        return self._run(self._client.sign_in())

    def console_link(self) -> SignInLink:
        """See `AsyncClient.console_link`."""
        return self._run(self._client.console_link())

    def sign_out(self) -> None:
        """See `AsyncClient.sign_out`."""
        self._run(self._client.sign_out())

    def audit(self, after: int = 0) -> list[AuditEntry]:
        """See `AsyncClient.audit`."""
        return self._run(self._client.audit(after))

    def verify_audit(self) -> AuditVerdict:
        """See `AsyncClient.verify_audit`."""
        return self._run(self._client.verify_audit())

    @property
    def logs(self) -> BlockingLogs:
        """See `AsyncClient.logs`."""
        return BlockingLogs(self._client.logs, self._run)

    def wait_ready(self) -> None:
        """See `AsyncClient.wait_ready`."""
        self._run(self._client.wait_ready())

    def _run(self, call: Coroutine[Any, Any, _T]) -> _T:
        if self._loop.is_closed():
            call.close()
            raise RuntimeError("the client is closed")
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise
