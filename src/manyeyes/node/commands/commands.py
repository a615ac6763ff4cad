"""What a node does when its master calls: commands, where it allows them, and files of its exchange folder."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from manyeyes.broker.connection import Incoming
from manyeyes.broker.nodelink import NodeLink
from manyeyes.broker.transfer import frame, unframe
from manyeyes.config import NodeSettings
from manyeyes.contract import ANY, CHUNK_BYTES, Answer, Command, ExecOrder, FetchCommand, FlowControl, Order
from manyeyes.errors import ExecRefused, FileTrouble, TaskLost, Unavailable
from manyeyes.node.commands.exec import run_command
from manyeyes.node.commands.file_exchange import Room
from manyeyes.telemetry import log

ALIVE_S = 2.0
_ASK_S = 4.0
_SLOWEST_LINE_BYTES_S = 16 * 1024
"""How long to wait for a chunk is calculated from this speed."""
_TAKE_S = _ASK_S + CHUNK_BYTES / _SLOWEST_LINE_BYTES_S
_TRIES = 3
_AGAIN_S = 0.2
_AWAY_S = 1.0
"""Seconds before a master that did not answer is asked again."""


class Commands:
    """Carries out the calls of one node, several at a time."""

    def __init__(self, link: NodeLink, settings: NodeSettings, name: str) -> None:
        self._link = link
        self._settings = settings
        self._name = name
        self._folder = settings.data / "exchange"
        self._room = Room(self._folder, settings.data / "incoming")
        self._heard: asyncio.Queue[Command] = asyncio.Queue()

    def heard(self, message: Incoming) -> None:
        """A master has a call for this node, or cancels one."""
        self._heard.put_nowait(Command.model_validate_json(message.data))

    async def run(self) -> None:
        """Carry out calls until cancelled. Then every running command is killed."""
        running: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                command = await self._heard.get()
                if command.stop:
                    if task := running.get(command.call):
                        task.cancel()
                    continue
                if command.call not in running:
                    task = group.create_task(self._carry_out(command), name=f"call-{command.call[:8]}")
                    running[command.call] = task
                    task.add_done_callback(partial(_forget, running, command.call))

    async def _carry_out(self, command: Command) -> None:
        call, gateway = command.call, command.gateway or ANY
        reply = _Reply(self._link, call, gateway)
        try:
            question = FetchCommand(call=call).wire()
            answer = await self._link.ask("fetch", question, timeout_s=_TAKE_S, gateway=gateway)
            head, data = unframe(answer)
            order = Order.model_validate_json(head)
            async with asyncio.TaskGroup() as group:
                alive = group.create_task(reply.keep_alive(), name="alive")
                await self._obey(order, data, reply)
                alive.cancel()
        except* TaskLost:
            log().info("a call is wanted no more", call=call)
        except* Exception as several:  # one bad call must not end the node
            log().warning("a call failed", call=call, error=repr(several.exceptions[0]))

    async def _obey(self, order: Order, data: bytes, reply: _Reply) -> None:
        try:
            if order.command:
                await self._exec(order.command, reply)
            elif order.file:
                self._room.open()
                answer, chunk = await asyncio.to_thread(self._room.step, order.file, data)
                await reply.send(chunk, file=answer)
        except (ExecRefused, FileTrouble) as error:
            await reply.send(code=error.code, detail=error.detail)
        except OSError as error:
            await reply.send(code=FileTrouble.code, detail=f"node {self._name}: {error}")

    async def _exec(self, order: ExecOrder, reply: _Reply) -> None:
        if not self._settings.allow_exec:
            log().warning("a command was refused", program=order.args[0])
            raise ExecRefused(f"node {self._name} runs no commands; its owner can start it with --allow-exec")
        self._room.open()
        log().info("running a command", program=order.args[0], shell=order.shell)
        await reply.send()
        most = self._settings.exec_output_bytes

        async def tell(stream: str, data: bytes) -> None:
            await reply.send(data, stream=stream)

        ended = await run_command(order, self._folder, self._name, most, tell)
        if ended.cut:
            note = f"output beyond {most / 1e6:.1f} MB was thrown away"
            ended = ended.model_copy(update={"detail": note})
        log().info("command ended", program=order.args[0], how=ended.how, status=ended.status)
        await reply.send(ended=ended)


class _Reply:
    """Sends the parts of one answer, in order, each until a master has received it."""

    def __init__(self, link: NodeLink, call: str, gateway: str) -> None:
        self._link = link
        self._call = call
        self._gateway = gateway
        self._number = 0
        self._lock = asyncio.Lock()

    async def keep_alive(self) -> None:
        """Report regularly that the call is running, and learn if it was cancelled."""
        while True:
            await asyncio.sleep(ALIVE_S)
            await self.send()

    async def send(self, data: bytes = b"", **fields: Any) -> None:
        """Send the next part.

        Raises:
            TaskLost: the call was cancelled.
            Unavailable: no master has answered for a while.
        """
        async with self._lock:
            answer = Answer(call=self._call, number=self._number, **fields)
            content = frame(answer.wire(), data)
            while (then := (await self._ask(content)).then) == "again":
                await asyncio.sleep(_AGAIN_S)
            if then == "stop":
                raise TaskLost("the caller is gone")
            self._number += 1

    async def _ask(self, content: bytes) -> FlowControl:
        timeout_s = _ASK_S + len(content) / _SLOWEST_LINE_BYTES_S
        for attempt in range(_TRIES):
            try:
                answer = await self._link.ask("answer", content, timeout_s=timeout_s, gateway=self._gateway)
                return FlowControl.model_validate_json(answer)
            except Unavailable:
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(_AWAY_S)
        raise AssertionError("unreachable")


def _forget(running: dict[str, asyncio.Task[None]], call: str, _: asyncio.Task[None]) -> None:
    running.pop(call, None)
