"""One picture's messages: a task goes out with its first bytes, its outcome comes back; credits say how many.

`Dispatch` and `Outcome` are the heads of framed messages: bytes follow them in the same message, and further chunks
where they do not fit (`ChunkQuery` for a picture, the headers of a result's chunks).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from manyeyes.contract.message import MOST_COUNTED, Count, FromMaster, FromNode, Id, Part

Status = Literal["done", "error", "crashed", "returned"]
"""How an attempt ended. `error`: the picture's or the pack's own; `returned`: not begun, or not for this node."""
RESULT, PICTURE = "result", "picture"
"""Names of parts of an outcome: the result's JSON, and the predicted picture."""
MOST_PARTS = 16
MOST_GATEWAYS = 64


class Task(Part):
    """One picture to work on. What `kind`, `options`, `wants` and `state` mean is between master and pack."""

    id: str
    """The id of this attempt: a picture that is sent again gets a new one. Messages call it `task_id`."""
    kind: str
    pack: str
    size_bytes: int
    options: dict[str, Any] = Field(default_factory=dict)
    wants: tuple[str, ...] = ()
    """Names of attachments that are wanted beside the result."""
    state: dict[str, int] = Field(default_factory=dict)
    """The least version of each state that the result must be made with, as `gallery`."""
    traceparent: str = ""
    """The W3C header that follows the picture: its trace, and its own span there. Empty for a probe."""


class Dispatch(FromMaster):
    """A gateway's message to one node: a task, whose first bytes follow, and tasks that are no longer needed.

    Dispatches with a task are numbered from 1 for each pair of gateway and agent session.
    """

    gateway: str
    session: str
    """The agent session that it is for; any other session ignores it."""
    number: int = 0
    sent_bytes: int = 0
    """Bytes of pictures sent along with this dispatch and with all before it."""
    task: Task | None = None
    sent_s: float = 0.0
    """The gateway's monotonic clock; the node measures its line with it."""
    settled: tuple[str, ...] = ()
    """Ids of tasks whose outcome was received or is no longer needed: the node forgets them."""


class Grant(Part):
    """What one gateway may send to one node, absolute: a later grant replaces an earlier one."""

    received: int = Field(0, ge=0, le=MOST_COUNTED)
    """The highest dispatch number that has arrived."""
    allowed: int = Field(0, ge=0, le=MOST_COUNTED)
    """The highest dispatch number that may be sent."""
    allowed_bytes: int = Field(0, ge=0, le=MOST_COUNTED)
    """How many bytes of pictures in total may be sent with dispatches; the node fetches the rest."""
    line_bytes_per_s: float = Field(0.0, ge=0.0)
    """Measured speed of the node's line; 0: not known."""


class Credit(FromNode):
    """Changed grants that no result or heartbeat is about to carry."""

    session: Id
    grants: dict[Id, Grant] = Field(max_length=MOST_GATEWAYS)


class ChunkQuery(FromNode):
    """A node asks for more bytes of a task that it holds, at most `most_bytes` from `offset` on."""

    task_id: Id
    offset: Count
    most_bytes: int = Field(gt=0, le=MOST_COUNTED)


class Outcome(FromNode):
    """The end of one attempt; its parts follow in the order in which `parts` has them."""

    session: Id
    """The agent's session; see `Hello`."""
    task_id: Id
    status: Status
    code: str = ""
    detail: str = ""
    parts: dict[str, int] = Field(default_factory=dict, max_length=MOST_PARTS)
    """Each part's name and size in bytes; `result` is JSON by the pack's schema."""
    grant: Grant | None = None


class DrainQuery(FromNode):
    """A node will take nothing more: which dispatch was the last?"""

    session: Id


class DrainAnswer(FromMaster):
    """The number of the last dispatch to that agent session; nothing follows it."""

    last: int
