"""THE wire contract between masters and nodes: subjects, streams, messages, versions.

No other file spells a subject. A changed message needs a new `CONTRACT_VERSION`; the golden bytes in
`tests/contract` hold every message to this.

A node's own subjects all begin with `me.node.<name>.`; the engine lets a node publish there and nowhere
else but the pull subject, so a master may trust the name that it reads out of a subject.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from manyeyes.results import Caution, Result

CONTRACT_VERSION = 4

STREAM = "TASKS"
CONSUMER = "workers"
TASKS_SUBJECT = "me.tasks"
LOGS_STREAM = "LOGS"
LOGS_SUBJECT = "me.logs.>"
"""Where masters put lines of logs, once they have looked at them; nodes reach neither this nor the stream."""
PULL_SUBJECT = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}"
NODES_SUBJECT = "me.node.>"
JOINS_SUBJECT = "me.join.>"
NEWS_SUBJECT = "me.news"
COMMANDS_SUBJECT = "me.command.>"
DIRECTIVES_SUBJECT = "me.directive.>"

CHUNK_BYTES = 256 * 1024
"""The most that travels in one message. Whoever receives asks for the next chunk only when it has the one
before, so a slow line is never given more than it carries before the engine takes it for dead."""

MOST_UNKNOWN = 16
"""Faces without a name that are cut out of one picture, the largest ones."""
MAX_CROP_BYTES = 64 * 1024
MAX_THUMBNAIL_BYTES = 128 * 1024
PORTRAIT_SIDE_PX, THUMBNAIL_SIDE_PX = 320, 640
"""The longer side of a face that is cut out, and of a small copy of a picture, at most."""
_MOST_BYTES = 2**63 - 1
_MOST_FAILURES = 1_000_000

HEADER_SIZE = "Me-Size"
HEADER_OFFSET = "Me-Offset"
HEADER_TASK = "Me-Task"
HEADER_ERROR = "Me-Error"
HEADER_DETAIL = "Me-Detail"
HEADER_WAIT = "Me-Wait"
"""Of an error: seconds after which to ask again."""
HEADER_SIGNATURE = "Me-Signature"
HEADER_VERSION = "Me-Version"
HEADER_CONTENT = "Me-Content"
HEADER_ENCODING = "Me-Encoding"
HEADER_REPLY = "Me-Reply"
"""On answers without another header. A node chooses where its answer goes, and may choose what another node listens
to: so what masters say of themselves (news, commands, directives) has no headers, and what has some is not heeded."""

NODE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
ACK_SUBJECT = re.compile(
    rf"\$JS\.ACK\.(?:\w+\.\w+\.)?{STREAM}\.{CONSUMER}\.(?P<delivered>\d+)\.(?P<seq>\d+)\.\d+\.\d+\.\d+(?:\.\w+)?",
    re.ASCII,
)

Operation = Literal["recognize", "enrol", "embed"]
"""`embed`: a portrait kept from an enrolment, for another embedder."""
NodeState = Literal["waiting for approval", "provisioning", "ready", "working", "draining", "paused"]
"""As a node tells it; the master adds joining, suspect, lost and left."""
Points = tuple[tuple[float, float], ...]
Verb = Literal["hello", "claim", "result", "beat", "gallery", "pack", "leave", "take", "answer", "log"]
Wish = Literal["", "pause", "drain"]
"""What an operator wants of a node until they say otherwise; empty: that it works."""


def node_subject(node: str, verb: Verb) -> str:
    """Where node `node` says `verb` to its masters."""
    return f"me.node.{node}.{verb}"


def parse_node_subject(subject: str) -> tuple[str, str]:
    """(node, verb) of a subject that `node_subject` made."""
    _, _, node, verb = subject.split(".", 3)
    return node, verb


def join_subject(token_id: str) -> str:
    """Where the holder of a join token asks to be let in."""
    return f"me.join.{token_id}"


def join_name(token_id: str) -> str:
    """What the holder of a join token is called until it has a name."""
    return f"join-{token_id}"


def speaker(subject: str) -> str:
    """Who says something on a subject of nodes or joins: the engine lets nobody else."""
    _, kind, name = subject.split(".", 3)[:3]
    return name if kind == "node" else join_name(name)


def command_subject(node: str) -> str:
    """Where masters tell one node what to do."""
    return f"me.command.{node}"


def directive_subject(node: str) -> str:
    """Where masters tell one node how it stands; see `Directive`."""
    return f"me.directive.{node}"


def logs_subject(role: str, machine: str) -> str:
    """Where masters put the lines of one machine."""
    return f"me.logs.{role}.{machine}"


def parse_logs_subject(subject: str) -> tuple[str, str]:
    """(role, machine) of a subject that `logs_subject` made."""
    _, _, role, machine = subject.split(".", 3)
    return role, machine


def inbox_prefix(name: str) -> str:
    """The prefix of a client's own inboxes; nobody else may listen there."""
    return f"_INBOX_{name}"


def stream_sequence(ack_subject: str) -> int | None:
    """The stream sequence in a delivery's ack subject, None where it is no such subject.

    A master publishes on this subject for a node, so anything but exactly this form is refused.
    """
    found = ACK_SUBJECT.fullmatch(ack_subject)
    return int(found["seq"]) if found else None


class Message(BaseModel):
    """A JSON message; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def wire(self) -> bytes:
        """The bytes that travel."""
        return self.model_dump_json().encode()


class Task(Message):
    """One picture to work on; its bytes stay with the home gateway until they are claimed."""

    v: Literal[4] = 4
    id: str
    operation: Operation
    gateway: str
    pack: str
    size_bytes: int
    sha256: str
    draw: bool
    gallery_version: int
    landmarks_px: Points = ()
    """Of the one face in a portrait to embed again."""
    keep_unknown: bool = False
    """Whether the faces that get no name are wanted, cut out."""
    thumbnail: bool = False
    """Whether a small copy of the predicted picture is wanted."""
    traceparent: str = ""
    """The W3C header that follows the picture: its trace, and its own span there."""


class Claim(Message):
    """A node asks for the bytes, from `offset` on, of a task that it was handed; offset 0 claims it."""

    v: Literal[4] = 4
    task_id: str
    gateway: str
    ack: str
    offset: int = 0
    held: bool = False
    """The node has the picture already and was handed it once more: somebody else should have it."""


class Enrolled(Message):
    """What an enrolment photo gave."""

    embedding: tuple[float, ...]
    embedder: str = ""
    """The `embedder_id` that made it."""
    box_xyxy_px: tuple[int, int, int, int]
    warnings: tuple[Caution, ...] = ()
    portrait_landmarks_px: Points = ()
    """In the portrait, the face cut from the photo, which follows the outcome in the same transfer."""


class UnknownFace(Message):
    """A face that got no name, cut out for the master to keep."""

    face: int = Field(ge=0)
    """Its place among the result's faces."""
    jpeg: str = Field(max_length=MAX_CROP_BYTES * 4 // 3 + 4)
    """Base64."""
    landmarks_px: Points
    """Five, in the cut."""
    width_px: int
    """Its shorter side in the picture that was sent."""
    sharpness: float
    warnings: tuple[Caution, ...] = Field((), max_length=16)
    """As an enrolment would give them."""


class Outcome(Message):
    """The end of one attempt; the predicted picture or the portrait, if any, follows in the same transfer.

    `embeddings` are those of the result's faces, in their order, float16 little-endian, base64: the master
    seals them into references and keeps none.
    """

    v: Literal[4] = 4
    task_id: str
    kind: Literal["done", "error", "crashed", "given-back"]
    result: Result | None = None
    enrolled: Enrolled | None = None
    embeddings: str = ""
    unknown: tuple[UnknownFace, ...] = Field((), max_length=MOST_UNKNOWN)
    thumbnail: str = Field("", max_length=MAX_THUMBNAIL_BYTES * 4 // 3 + 4)
    """A JPEG, base64."""
    code: str = ""
    detail: str = ""


class WorkerReport(Message):
    """One worker as its agent sees it."""

    index: int
    state: Literal["starting", "idle", "busy", "resting"]
    busy_s: float = 0.0
    restarts: int = 0
    pid: int = 0


class HostFacts(Message):
    """The machine under a node."""

    hostname: str
    system: str
    cpu: str
    cores: int
    memory_bytes: int
    python: str


class Beat(Message):
    """A node's heartbeat; `holding` names every task that it has claimed and not ended."""

    v: Literal[4] = 4
    state: NodeState
    reason: str = ""
    session: str = ""
    """Of this start of the agent; see `Hello`."""
    wish: Wish = ""
    """The one that the node follows."""
    workers: tuple[WorkerReport, ...] = ()
    holding: tuple[str, ...] = ()
    done: int = 0
    failed: int = 0
    gallery_version: int = 0
    pack: str = ""
    agent_rss_bytes: int = 0
    allow_exec: bool = False
    """Whether the node was started with `--allow-exec`."""
    benchmark_s: float = 0.0
    """What the pack's own benchmark took one worker at its start; 0: none yet, or the pack has none."""
    picture_s: float = 0.0
    """What a picture takes one worker, by the benchmark first, by the pictures of late then; 0: not known."""
    disk_free_bytes: int = Field(0, ge=0, le=_MOST_BYTES)
    disk_bytes: int = Field(0, ge=0, le=_MOST_BYTES)
    """Of the disk with the node's data folder; free bytes are told anew when they have changed much."""
    pack_failures: int = Field(0, ge=0, le=_MOST_FAILURES)
    """How many attempts in a row to bring the pack have failed."""
    host: HostFacts


class JoinRequest(Message):
    """A machine that holds a token asks to become a node."""

    v: Literal[4] = 4
    public_nkey: str
    wanted_name: str
    version: str
    host: HostFacts
    fingerprint: str = ""
    """Of the machine, see `node.host`; empty where it has none."""


class JoinReply(Message):
    """The node's name, or why it was refused."""

    v: Literal[4] = 4
    name: str = ""
    pack_public_key: str = ""
    code: str = ""
    detail: str = ""


class Hello(Message):
    """A node says who it is, after each connect and before anything else.

    `session` is random for each start of an agent: two processes with one identity differ in it.
    """

    v: Literal[4] = 4
    session: str
    fingerprint: str = ""


class Welcome(Message):
    """The answer to `Hello`."""

    v: Literal[4] = 4
    approved: bool
    """While false the node gets neither the pack nor pictures."""
    wish: Wish = ""


class Directive(Message):
    """What a master tells one node on its `directive_subject`.

    A lost one does no harm: wishes and approvals are said again while heartbeats show that they did not arrive.
    """

    v: Literal[4] = 4
    kind: Literal["wish", "approved", "shutdown", "refused", "beat", "probe", "deaf", "drop"]
    """`probe`: work on `task`, nobody waits for it. `deaf`: a probe was not answered. `drop`: the picture of
    `task_id` was answered by another node."""
    wish: Wish = ""
    session: str = ""
    """Of `refused`: the session that must end."""
    detail: str = ""
    task: Task | None = None
    task_id: str = ""


class Farewell(Message):
    """A node leaves."""

    v: Literal[4] = 4
    session: str = ""
    reason: str = ""


class News(Message):
    """What changed for all nodes."""

    v: Literal[4] = 4
    gallery_version: int
    pack: str = ""
    """SHA-256 of the manifest in use; said again every few seconds, so a node that missed it hears it later."""


class PackQuery(Message):
    """A node asks for the manifest (empty digest) or for one file of the pack in use, by its SHA-256."""

    v: Literal[4] = 4
    sha256: str = ""
    offset: int = 0


class GalleryQuery(Message):
    """A node asks for what changed in the gallery since version `have` of the history `mark`, 0 being nothing.

    `content` names the answer whose chunk at `offset` is wanted. The master may give another one, which then
    begins at offset 0: the reply's headers say which, at what offset, and the newest version.
    """

    v: Literal[4] = 4
    have: int = 0
    mark: str = ""
    content: str = ""
    offset: int = 0


class Command(Message):
    """A master has an order for this node, to be taken once as `call`; with `stop` it is wanted no more."""

    v: Literal[4] = 4
    call: str
    stop: bool = False


class Take(Message):
    """A node asks for the order of a call; it gets it once, framed with the order's bytes."""

    v: Literal[4] = 4
    call: str


class ExecOrder(Message):
    """Run a command; with `shell` the arguments are one line for /bin/sh."""

    args: tuple[str, ...]
    shell: bool = False
    timeout_s: float


class FileOrder(Message):
    """One step with a file of the exchange folder.

    `list`: the regular files at or below `name`, from the `offset`-th on. `digest`: size and SHA-256.
    `read`: the chunk at `offset`, at most `size_bytes` of it where given. `put`: the order's bytes belong at `offset` of the file with this size and
    digest; without bytes it asks from where on they are wanted.
    """

    kind: Literal["list", "digest", "read", "put"]
    name: str
    offset: int = 0
    size_bytes: int = 0
    sha256: str = ""
    zipped: bool = False
    """Whether the bytes that travel with the order are deflated."""
    executable: bool = False


class Order(Message):
    """What a master wants of a node: one of both."""

    v: Literal[4] = 4
    command: ExecOrder | None = None
    file: FileOrder | None = None


class FileFact(Message):
    """A file of the exchange folder; `name` is relative to it, with slashes."""

    name: str
    size_bytes: int


class FileReply(Message):
    """What came of a `FileOrder`; the bytes of a `read` travel with it."""

    files: tuple[FileFact, ...] = ()
    more: bool = False
    """Whether the list goes on."""
    size_bytes: int = 0
    sha256: str = ""
    executable: bool = False
    zipped: bool = False
    received: int = 0
    """From where on bytes are wanted."""
    done: bool = False
    """Whether the file is in place, whole and verified."""


class Ended(Message):
    """How a command ended; `status` is its exit status, 128 + N after signal N, 124 at the time limit."""

    how: Literal["exited", "timed-out"]
    status: int
    cut: bool = False
    """Whether output beyond the node's limit was thrown away."""
    elapsed_s: float = 0.0
    detail: str = ""


class Answer(Message):
    """A part of a node's answer to a call; output, or a file's chunk, travels with it.

    Parts are numbered from 0; one that is sent again keeps its number. A part with `ended`, `file` or `code`
    is the last one.
    """

    v: Literal[4] = 4
    call: str
    number: int
    stream: Literal["", "stdout", "stderr"] = ""
    ended: Ended | None = None
    file: FileReply | None = None
    code: str = ""
    detail: str = ""

    @property
    def last(self) -> bool:
        """Whether the call ends with it."""
        return bool(self.ended or self.file or self.code)


class Heard(Message):
    """A master's word on an `Answer`: go on, send it again later (the caller is slow), or stop."""

    v: Literal[4] = 4
    then: Literal["go-on", "again", "stop"]


class LogBatch(Message):
    """Lines of a node's log: JSON, deflated, travel with it; nobody answers. `sent_at`: Unix time there, seconds."""

    v: Literal[4] = 4
    sent_at: float


class Empty(Message):
    """Nothing to say but the subject."""

    v: Literal[4] = 4
