"""A worker process as its agent holds it: start, order, kill."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time

from manyeyes.broker.connection import Bytes
from manyeyes.errors import ManyeyesError, PackDamaged
from manyeyes.node.gallery.files import GalleryFiles
from manyeyes.node.packs.launch import Launch
from manyeyes.node.worker import protocol
from manyeyes.node.worker.output import listen
from manyeyes.node.worker.protocol import Order, Reply

START_DEADLINE_S = 90.0


class WorkerDied(ManyeyesError):
    """The worker ended or was killed; internal to the agent."""

    code = "worker-died"
    title = "A worker died"


class WorkerProcess:
    """One worker process. Not safe for two orders at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.trace_id = ""
        """Of the picture in hand, or of the last one."""
        assert process.stderr is not None
        self._listening = asyncio.create_task(listen(process.stderr, self._about), name=f"hear-{process.pid}")
        self.gallery: GalleryFiles | None = None
        self.busy_since: float | None = None
        self.pack = ""
        self.benchmark_s = 0.0

    def _about(self) -> dict[str, object]:
        return {"worker_pid": self.pid, **({"trace": self.trace_id} if self.trace_id else {})}

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @classmethod
    async def start(cls, launch: Launch) -> WorkerProcess:
        """Start a worker and wait until it has loaded the pack and warmed up.

        Raises:
            WorkerDied: it ended first, or took too long; carries its reason.
        """
        single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        process = await asyncio.create_subprocess_exec(
            str(launch.interpreter.python), "-P", "-m", "manyeyes.node.worker.main",
            str(launch.folder), launch.manifest_sha256,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**launch.interpreter.environment(os.environ), **single},
            limit=4 * 1024 * 1024,
        )  # fmt: skip
        worker = cls(process)
        try:
            reply, _ = await asyncio.wait_for(worker._receive(), START_DEADLINE_S)
        except TimeoutError as error:
            worker.kill()
            raise WorkerDied(f"a worker did not start in {START_DEADLINE_S:.0f} s") from error
        except BaseException:
            worker.kill()
            raise
        if reply.kind != "ready":
            worker.kill()
            raise WorkerDied(f"the pack cannot be loaded: {reply.detail}")
        worker.pack, worker.benchmark_s = reply.pack, reply.benchmark_s
        return worker

    async def set_gallery(self, files: GalleryFiles, deadline_s: float) -> None:
        """Use this gallery for the next orders.

        Raises:
            WorkerDied: the process ended, or took longer than `deadline_s`.
            PackDamaged: the files cannot be opened; the worker keeps the gallery that it has.
        """
        reply, _ = await self._answered(Order(kind="gallery", gallery=files), b"", deadline_s)
        if reply.detail:
            raise PackDamaged(reply.detail)
        self.gallery = files

    async def work(self, order: Order, data: Bytes, deadline_s: float) -> tuple[Reply, bytes]:
        """Carry out one order.

        Raises:
            WorkerDied: the process ended, by itself or because it was busy for longer than `deadline_s`.
        """
        return await self._answered(order, data, deadline_s)

    async def _answered(self, order: Order, data: Bytes, deadline_s: float) -> tuple[Reply, bytes]:
        self.busy_since = time.monotonic()
        overdue = asyncio.get_running_loop().call_later(deadline_s, self.kill)
        try:
            await self._send(order, data)
            return await self._receive()
        except WorkerDied as error:
            if time.monotonic() - self.busy_since < deadline_s:
                raise
            raise WorkerDied(
                f"a worker was busy with one picture for over {deadline_s:.0f} s and was killed"
            ) from error
        finally:
            overdue.cancel()
            self.busy_since = None

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.returncode is not None

    async def wait(self) -> None:
        """Until the process ended."""
        await self._process.wait()

    async def _send(self, order: Order, data: Bytes) -> None:
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.writelines((protocol.pack(order, len(data)), data))
            await stream.drain()
        except OSError as error:
            raise WorkerDied(await self._cause()) from error

    async def _receive(self) -> tuple[Reply, bytes]:
        stream = self._process.stdout
        assert stream is not None
        try:
            head_bytes, body_bytes = protocol.lengths(await stream.readexactly(protocol.PREFIX_BYTES))
            head, body = await stream.readexactly(head_bytes), await stream.readexactly(body_bytes)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise WorkerDied(await self._cause()) from error
        return Reply.model_validate_json(head), body

    async def _cause(self) -> str:
        try:
            status = await asyncio.wait_for(self._process.wait(), 2)
        except TimeoutError:
            self.kill()
            status = await self._process.wait()
        if status < 0:
            return f"a worker ended by signal {signal.Signals(-status).name}"
        return f"a worker ended with status {status}"

    def kill(self) -> None:
        """End the process at once, if it has not ended."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self) -> None:
        """Close its input and wait; killed after 3 s."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 3)
        except TimeoutError:
            self.kill()
            await self._process.wait()


async def try_out(launch: Launch) -> None:
    """Start a worker and stop it again.

    Raises:
        WorkerDied: it does not start.
    """
    worker = await WorkerProcess.start(launch)
    await worker.stop()
