"""What all messages have in common, and the headers of those that are not all JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from manyeyes.contract.version import NEWEST, OLDEST

CHUNK_BYTES = 256 * 1024
"""The most that travels in one message. The receiver asks for the next chunk only when it has the one
before, so a slow line is never given more than it carries before the engine takes it for dead."""
LARGEST_CHUNK_BYTES = 896 * 1024
"""The most of a picture, or of an outcome, in one message on a line that is known to be fast; see `chunk_bytes`."""
_CHUNK_S = 0.25


MOST_COUNTED = 2**63 - 1
"""The largest number that a message may name."""
Count = Annotated[int, Field(ge=0, le=MOST_COUNTED)]
Seconds = Annotated[float, Field(ge=0.0, le=1e12)]
Id = Annotated[str, Field(max_length=64)]
"""The id of a task, a session, a call or a gateway. Masters send it back to the node, many in one message."""


def chunk_bytes(line_bytes_per_s: float) -> int:
    """How much of a picture, or of an outcome, one message may carry on a line.

    Args:
        line_bytes_per_s: what the line was seen to carry; 0: not known.
    """
    return min(max(CHUNK_BYTES, int(line_bytes_per_s * _CHUNK_S)), LARGEST_CHUNK_BYTES)


HEADER_SIZE = "Me-Size"
HEADER_OFFSET = "Me-Offset"
HEADER_TASK = "Me-Task"
HEADER_ERROR = "Me-Error"
HEADER_DETAIL = "Me-Detail"
HEADER_WAIT = "Me-Wait"
"""With an error: seconds after which to ask again."""
HEADER_SIGNATURE = "Me-Signature"
HEADER_VERSION = "Me-Version"
HEADER_CONTENT = "Me-Content"
HEADER_ENCODING = "Me-Encoding"
HEADER_GATEWAY = "Me-Gateway"
"""With an answer that continues: the gateway that has the rest."""
HEADER_RELEASE = "Me-Release"
"""With a hello: the release of manyeyes that the node runs. A header can be read whatever version the message has."""
HEADER_REPLY = "Me-Reply"
"""On answers without another header. A node chooses where its answer goes, and may choose what another node listens
to: so what masters say of themselves (dispatches, state, commands, directives) has no headers, and what has some is
not heeded."""


_spoken = NEWEST


def speak(version: int) -> None:
    """Send messages of this version from now on: the one that the master's welcome names."""
    global _spoken
    _spoken = min(max(version, OLDEST), NEWEST)


class FromNode(BaseModel):
    """Base of messages from nodes; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    v: int = Field(default_factory=lambda: _spoken, ge=OLDEST, le=NEWEST)
    """The version that was agreed on."""

    def wire(self) -> bytes:
        """The bytes that travel."""
        return self.model_dump_json().encode()


class FromMaster(BaseModel):
    """Base of messages from masters; unknown fields are ignored, so that a newer master may send more."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = NEWEST

    def wire(self) -> bytes:
        """The bytes that travel."""
        return self.model_dump_json().encode()


class Part(BaseModel):
    """A part of a message, which has its version."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    def wire(self) -> bytes:
        """The bytes that travel."""
        return self.model_dump_json().encode()


class Empty(FromNode):
    """Nothing to say but the subject."""
