"""Commands on nodes, and single steps with files of their exchange folders."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from manyeyes.api.commands import ANSWER_HEADER, ExecLine, ExecRequest
from manyeyes.contract import Ended, FileOrder, FileReply
from manyeyes.error_codes import from_code
from manyeyes.errors import ManyeyesError, Unavailable
from manyeyes.sdk.calls import Call, Stream
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.urls import node_url

_SILENCE_S = 40.0
"""Read time-out; the master sends a sign of life every few seconds while the command runs."""


@dataclass(frozen=True)
class Output:
    """A piece of a command's output."""

    stream: Literal["stdout", "stderr"]
    data: bytes


class Commands:
    """Runs commands and transfers files on nodes; made by `AsyncClient.commands`."""

    def __init__(self, call: Call, stream: Stream) -> None:
        self._call = call
        self._stream = stream

    async def exec(
        self, node: str, args: Sequence[str], *, shell: bool = False, timeout_s: float = 60
    ) -> AsyncIterator[Output | Ended]:
        """Run a command. Yields its output as it arrives and, last, how it ended. Needs the role `admin`.

        Closing the iterator early ends the command. The request is sent only once: after a lost connection,
        check whether the command ran before you send it again.

        Raises:
            ExecRefused: the node was not started with --allow-exec.
            Unavailable: the node or the master is not connected, or stopped sending.
        """
        body = ExecRequest.model_construct(args=list(args), shell=shell, timeout_s=timeout_s).model_dump()
        async with self._stream(f"{node_url(node)}/exec", body, _SILENCE_S) as response:
            async for line in response.aiter_lines():
                told = parsed(ExecLine, line.encode())
                if told.error:
                    raise from_code(told.error.code, told.error.detail)
                if told.stream:
                    yield Output(told.stream, base64.b64decode(told.data))
                if told.ended:
                    yield told.ended
                    return
        raise Unavailable(f"the answer of node {node} broke off; the command may or may not have ended")

    async def step(self, node: str, order: FileOrder, data: bytes = b"") -> tuple[FileReply, bytes]:
        """Do one step with a file of the exchange folder; safe to repeat, and retried within the client's patience.

        Args:
            data: the chunk of a `put`.

        Returns:
            The node's reply, and the chunk of a `read`.

        Raises:
            FileTrouble: the node refused: the name leads out of the folder, the disk is full, or there is no such file.
        """
        params = order.model_dump()
        response = await self._call("POST", f"{node_url(node)}/files", params=params, content=data)
        try:
            if order.kind == "read":
                return FileReply.model_validate_json(response.headers[ANSWER_HEADER]), response.content
            return FileReply.model_validate_json(response.content), b""
        except (KeyError, ValueError) as error:
            raise ManyeyesError(
                "the master's answer is not in the expected form; same version on both sides?"
            ) from error
