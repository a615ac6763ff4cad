"""The least that a path of manyeyes' shape can cost: HTTPS, a dispatching gateway, NATS over TLS, an agent, workers.

`python bench/least_path.py PACK PORT WORKERS FOLDER` starts all of it and prints a line `ready:`; SIGTERM ends it. The same
recogniser, the same hops and the same encryption as manyeyes', and nothing else: no credentials, limits, credits, loss,
logs, counts, idempotency or faces' references. What manyeyes adds to this row is what its guarantees cost; no change to
its own code can bring it below.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from threading import Event
from typing import Any

import uvloop

from manyeyes.broker.engine import find_engine, processors
from manyeyes.identity import make_certificates
from peer_recogniser import MEDIA_TYPE, PeerRecogniser
from service import free_port

_ID = struct.Struct(">Q")
_FRAME = struct.Struct(">QI")
_BUFFER_BYTES = 1 << 21
_HOST = "127.0.0.1"


class Nats(asyncio.Protocol):
    """As little of a NATS client as sends and hears messages without headers."""

    def __init__(self, hear: Any) -> None:
        self._hear = hear
        self._buffer = bytearray()
        self._size: int | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while True:
            if self._size is None:
                if (end := buffer.find(b"\r\n")) < 0:
                    return
                line = bytes(buffer[:end])
                del buffer[: end + 2]
                if line.startswith(b"MSG"):
                    self._size = int(line.rpartition(b" ")[2])
                elif line.startswith(b"PING"):
                    self._transport.write(b"PONG\r\n")
                continue
            if len(buffer) < self._size + 2:
                return
            content = bytes(memoryview(buffer)[: self._size])
            del buffer[: self._size + 2]
            self._size = None
            self._hear(content)

    def send(self, subject: str, *parts: bytes | memoryview) -> None:
        head = f"PUB {subject} {sum(map(len, parts))}\r\n".encode()
        self._transport.writelines((head, *parts, b"\r\n"))


async def connected(port: int, ca: Path, subject: str, hear: Any) -> Nats:
    """A connection to the engine, over TLS, that hears one subject."""
    opened = socket.create_connection((_HOST, port))
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.recv(4096)  # the engine's greeting, which is not encrypted
    opened.setblocking(False)
    trust = ssl.create_default_context(cafile=str(ca))
    transport, link = await asyncio.get_running_loop().create_connection(
        lambda: Nats(hear), sock=opened, ssl=trust, server_hostname=_HOST
    )
    transport.write(b'CONNECT {"verbose":false,"pedantic":false}\r\n' + f"SUB {subject} 1\r\n".encode())
    return link


class Request(asyncio.Protocol):
    """One HTTP connection: each request's body goes to the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._pieces: list[bytes] = []
        self._have = 0
        self._size: int | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._have += len(data)
        if self._size is None:
            head, found, body = b"".join(self._pieces).partition(b"\r\n\r\n")
            if not found:
                return
            self._size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            self._pieces, self._have = [body], len(body)
        if self._have >= self._size:
            body, self._pieces, self._have, self._size = b"".join(self._pieces), [], 0, None
            self._gateway.dispatch(self, body)

    def answer(self, body: memoryview) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.writelines((head.encode(), body))


class Gateway:
    """Numbers pictures, sends each on, and gives its answer to the connection that it came by."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._waiting: dict[int, Request] = {}
        self.link: Nats

    def dispatch(self, request: Request, picture: bytes) -> None:
        number = next(self._numbers)
        self._waiting[number] = request
        self.link.send("node", _ID.pack(number), picture)

    def hear(self, content: bytes) -> None:
        self._waiting.pop(_ID.unpack_from(content)[0]).answer(memoryview(content)[_ID.size :])


class Worker(asyncio.Protocol):
    """The agent's side of one worker: a picture at a time."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._pieces: list[bytes] = []
        self._have = 0
        self._frame: tuple[int, int] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._have += len(data)
        if self._frame is None:
            if self._have < _FRAME.size:
                return
            whole = b"".join(self._pieces)
            self._frame = _FRAME.unpack_from(whole)
            self._pieces, self._have = [whole[_FRAME.size :]], self._have - _FRAME.size
        if self._have >= self._frame[1]:
            (number, _), pieces = self._frame, self._pieces
            self._pieces, self._have, self._frame = [], 0, None
            self._agent.done(self, number, pieces)


class Agent:
    """Gives pictures to idle workers."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self.idle: list[Worker] = []
        self.link: Nats

    def hear(self, content: bytes) -> None:
        self._waiting.append(content)
        self._give()

    def done(self, worker: Worker, number: int, pieces: list[bytes]) -> None:
        self.idle.append(worker)
        self._give()
        self.link.send("gateway", _ID.pack(number), *pieces)

    def _give(self) -> None:
        while self._waiting and self.idle:
            content = self._waiting.popleft()
            size = struct.pack(">I", len(content) - _ID.size)
            self.idle.pop().transport.writelines((content[: _ID.size], size, memoryview(content)[_ID.size :]))


def work(stream: socket.socket, pack: str) -> None:
    """A worker process."""
    recogniser, orders = PeerRecogniser(pack), stream.makefile("rb", buffering=1 << 16)
    stream.sendall(b"r")
    while head := orders.read(_FRAME.size):
        number, size = _FRAME.unpack(head)
        answer = recogniser.answer(orders.read(size))
        stream.sendall(_FRAME.pack(number, len(answer)))
        stream.sendall(answer)


async def run_agent(engine_port: int, ca: Path, pack: str, workers: int) -> None:
    agent, loop = Agent(), asyncio.get_running_loop()
    for _ in range(workers):
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        fd = theirs.fileno()
        await asyncio.create_subprocess_exec(sys.executable, __file__, "worker", str(fd), pack, pass_fds=[fd])
        theirs.close()
        await loop.run_in_executor(None, ours.recv, 1)
        ours.setblocking(False)
        _, worker = await loop.create_connection(lambda: Worker(agent), sock=ours)
        agent.idle.append(worker)
    agent.link = await connected(engine_port, ca, "node", agent.hear)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def run_gateway(engine_port: int, folder: Path, port: int) -> None:
    gateway, certificates = Gateway(), make_certificates(folder, (_HOST,))
    gateway.link = await connected(engine_port, certificates.ca, "gateway", gateway.hear)
    serve = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serve.load_cert_chain(certificates.certificate, certificates.key)
    await asyncio.get_running_loop().create_server(lambda: Request(gateway), _HOST, port, ssl=serve)
    print("ready", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """All parts as children of this process; or one of them, where the first word names it."""
    if sys.argv[1] == "worker":
        return work(socket.socket(fileno=int(sys.argv[2])), sys.argv[3])
    if sys.argv[1] == "agent":
        return uvloop.run(run_agent(int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])))
    if sys.argv[1] == "gateway":
        return uvloop.run(run_gateway(int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
    pack, port, workers, folder = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])
    folder.mkdir()
    certificates, engine_port = make_certificates(folder, (_HOST,)), free_port()
    config = folder / "nats.conf"
    config.write_text(
        f"host: {_HOST}\nport: {engine_port}\nmax_payload: 1MB\n"
        f'tls {{ cert_file: "{certificates.certificate}", key_file: "{certificates.key}" }}\n'
    )
    cores = str(processors(len(os.sched_getaffinity(0))))
    engine = [str(find_engine()), "-c", str(config), "-l", str(folder / "nats.log")]
    parts = [subprocess.Popen(engine, env={**os.environ, "GOMAXPROCS": cores})]
    while not _listens(engine_port):
        time.sleep(0.05)
    own = [sys.executable, __file__]
    for words in (
        ["agent", str(engine_port), str(certificates.ca), pack, workers],
        ["gateway", str(engine_port), str(folder), port],
    ):
        parts.append(subprocess.Popen([*own, *words], stdout=subprocess.PIPE))
        assert parts[-1].stdout
        parts[-1].stdout.readline()
    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    print("ready: the least path", flush=True)
    ended.wait()
    for part in reversed(parts):
        part.terminate()
        part.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((_HOST, port)) == 0


if __name__ == "__main__":
    main()
