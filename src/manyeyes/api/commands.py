"""Commands on nodes, and steps with files of their exchange folders.

The answer to a file's step is `FileReply` of the contract, as the node sent it; a client that reads a chunk finds it
in the header `Me-Answer`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from manyeyes.api.model import Answer, Body
from manyeyes.contract import Ended

ANSWER_HEADER = "Me-Answer"
MAX_TIMEOUT_S = 86_400.0
_MAX_ARGUMENT_CHARACTERS = 131_072


class ExecRequest(Body):
    """A command for a node."""

    args: list[Annotated[str, Field(max_length=_MAX_ARGUMENT_CHARACTERS)]] = Field(
        min_length=1, max_length=1000
    )
    """The program and its arguments."""
    shell: bool = False
    """Whether the arguments are one line for /bin/sh."""
    timeout_s: float = Field(60, gt=0, le=MAX_TIMEOUT_S)
    """The command is stopped after this time."""


class ExecError(Answer):
    """Why a command that had begun has no end."""

    code: str
    """Stable, for programs."""
    detail: str
    """What failed, in words."""


class ExecLine(Answer):
    """One line of the answer to a command: output, a sign of life, how it ended, or what went wrong."""

    stream: Literal["", "stdout", "stderr"] = ""
    """Where the output was written; empty on other lines."""
    data: str = ""
    """Output, in base64."""
    alive: bool = False
    """The command still runs."""
    ended: Ended | None = None
    """The last line: how the command ended."""
    error: ExecError | None = None
    """The last line where the end is not known."""


class FileRequest(Body):
    """One step with a file of a node's exchange folder."""

    kind: Literal["list", "digest", "read", "put"] = Field(
        description="`list`: the files at or below `name`, from the `offset`-th on. `digest`: size and SHA-256. "
        "`read`: the chunk at `offset`. `put`: the body belongs at `offset` of the file; without a body it asks "
        "from where on bytes are wanted."
    )
    name: str = Field(max_length=1000, description="Relative to the exchange folder, with slashes.")
    offset: int = Field(0, ge=0, description="In bytes; of `list` in files.")
    size_bytes: int = Field(
        0, ge=0, description="Of the whole file for `put`; the most that is read for `read`."
    )
    sha256: str = Field("", pattern="^(?:[0-9a-f]{64})?$", description="Of the whole file.")
    zipped: bool = Field(False, description="Whether the body is deflated.")
    executable: bool = Field(False, description="Whether the file is a program.")
