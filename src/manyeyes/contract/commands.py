"""Commands and files for nodes: a master calls, the node fetches the order once and answers in numbered parts."""

from __future__ import annotations

from typing import Literal

from manyeyes.contract.message import Count, FromMaster, FromNode, Id, Part


class Command(FromMaster):
    """A master has an order for this node, to be taken once as `call`; with `stop` it is wanted no more."""

    call: str
    gateway: str = ""
    """Who has the order, and waits for the answers."""
    stop: bool = False


class FetchCommand(FromNode):
    """A node asks for the order of a call; it gets it once, framed with the order's bytes."""

    call: Id


class ExecOrder(Part):
    """Run a command; with `shell` the arguments are one line for /bin/sh."""

    args: tuple[str, ...]
    shell: bool = False
    timeout_s: float


class FileOrder(Part):
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


class Order(FromMaster):
    """What a master wants of a node: one of both."""

    command: ExecOrder | None = None
    file: FileOrder | None = None


class FileFact(Part):
    """A file of the exchange folder; `name` is relative to it, with slashes."""

    name: str
    """Relative to the exchange folder, with slashes."""
    size_bytes: int
    """Of the whole file."""


class FileReply(Part):
    """What came of a `FileOrder`; the bytes of a `read` travel with it."""

    files: tuple[FileFact, ...] = ()
    """Of `list`."""
    more: bool = False
    """Whether the list goes on."""
    size_bytes: int = 0
    """Of the whole file."""
    sha256: str = ""
    """Of the whole file."""
    executable: bool = False
    """Whether the file is a program."""
    zipped: bool = False
    """Whether the bytes that travel with it are deflated."""
    received: int = 0
    """From where on bytes are wanted."""
    done: bool = False
    """Whether the file is in place, whole and verified."""


class Ended(Part):
    """How a command ended; `status` is its exit status, 128 + N after signal N, 124 at the time limit."""

    how: Literal["exited", "timed-out"]
    """Whether it ended by itself."""
    status: int
    """Its exit status; 128 + N after signal N; 124 at the time limit."""
    cut: bool = False
    """Whether output above the node's limit was dropped."""
    elapsed_s: float = 0.0
    """How long it ran."""
    detail: str = ""
    """What else is worth knowing, in words."""


class Answer(FromNode):
    """A part of a node's answer to a call; output, or a file's chunk, travels with it.

    Parts are numbered from 0; one that is sent again keeps its number. A part with `ended`, `file` or `code`
    is the last one.
    """

    call: Id
    number: Count
    stream: Literal["", "stdout", "stderr"] = ""
    ended: Ended | None = None
    file: FileReply | None = None
    code: str = ""
    detail: str = ""

    @property
    def last(self) -> bool:
        """Whether the call ends with it."""
        return bool(self.ended or self.file or self.code)


class FlowControl(FromMaster):
    """A master's word on an `Answer`: go on, send it again later (the caller is slow), or stop."""

    then: Literal["go-on", "again", "stop"]
