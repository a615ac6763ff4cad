"""A load generator that costs little, in a process of its own, so that its processor time can be told apart.

It sends over kept connections from one thread, HTTP/1.1 with or without TLS. Requests are put together before the clock
starts; of an answer only the status and the length are looked at.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import select
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

TIMEOUT_S = 60.0
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Target:
    """Where pictures go: `url` with its path, header lines, and the CA to trust where it is HTTPS."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    ca_pem: str = ""


@dataclass(frozen=True)
class Sent:
    """One run: how long all of it took, and each picture in the order of the answers."""

    seconds: float
    took_ms: tuple[float, ...]

    @property
    def per_s(self) -> float:
        return len(self.took_ms) / self.seconds


def of_context(path: Path) -> Target:
    """The service that a context file leads to, asked for JSON and the predicted picture."""
    from manyeyes.sdk.context import load_context

    context = load_context(path)
    headers = (("Authorization", f"Bearer {context.api_key}"), ("Accept", "multipart/mixed"))
    return Target(f"{context.url}/v1/recognize", headers, context.ca_pem)


class Load:
    """Sends pictures to one target, in turn."""

    def __init__(self, target: Target, pictures: Sequence[bytes]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(target, list(pictures), theirs), daemon=True)
        self._process.start()

    def open(self, in_flight: int) -> None:
        """Open the connections of the next run: handshakes are not part of it."""
        self._pipe.send(("open", in_flight))
        self._take()

    def send(self, count: int) -> Sent:
        """Send `count` pictures over the connections that are open."""
        self._pipe.send(("send", count))
        sent: Sent = self._take()
        return sent

    def run(self, count: int, in_flight: int) -> Sent:
        """Both."""
        self.open(in_flight)
        return self.send(count)

    def first_answer(self) -> bytes:
        """Send one picture; its whole answer, the head too."""
        self._pipe.send(("first", 1))
        answer: bytes = self._take()
        return answer

    def cpu_s(self) -> float:
        """Processor time of its process so far, user and system."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def close(self) -> None:
        self._pipe.send(("end", 0))
        self._process.join(10)

    def _take(self) -> Any:
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise SystemExit(answer)
        return answer


class _Connection:
    """One kept connection that never blocks; one request at a time.

    TLS works in memory, so that an answer's many records come through few calls of the kernel.
    """

    def __init__(self, target: Target) -> None:
        parts = urlsplit(target.url)
        host, port = parts.hostname or "", parts.port or 0
        self._socket = socket.create_connection((host, port), TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._arriving, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        if parts.scheme == "https":
            trust = ssl.create_default_context(cadata=target.ca_pem)
            self._tls = trust.wrap_bio(self._arriving, self._leaving, server_hostname=host)
            self._shake_hands(self._tls)
        self._socket.setblocking(False)
        self._records = bytearray(_CHUNK)
        self._answer = bytearray(_CHUNK)
        self._unsent = memoryview(b"")
        self._have, self._whole = 0, 0
        self.began_s = 0.0

    def _shake_hands(self, tls: ssl.SSLObject) -> None:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._socket.sendall(self._leaving.read())
                self._arriving.write(self._socket.recv(_CHUNK))
                continue
            self._socket.sendall(self._leaving.read())
            return

    def fileno(self) -> int:
        return self._socket.fileno()

    def begin(self, request: bytes) -> bool:
        """Send a request; False: not all of it yet, go on with `flush` once there is room."""
        self.began_s = time.perf_counter()
        self._have, self._whole = 0, 0
        if self._tls is not None:
            self._tls.write(request)
            request = self._leaving.read()
        self._unsent = memoryview(request)
        return self.flush()

    def flush(self) -> bool:
        """Send what is left of the request; False: there is more."""
        with contextlib.suppress(BlockingIOError):
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        return not self._unsent

    def take(self) -> bool:
        """Read what is there of the answer; True: that was all.

        Raises:
            ConnectionError: the answer is not a success, or is of no stated length.
        """
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            if self._tls is not None:
                with memoryview(self._records) as records:
                    got = self._socket.recv_into(records)
                    self._arriving.write(records[:got]) if got else self._arriving.write_eof()
            while self._read():
                pass
        return 0 < self._whole <= self._have

    def _read(self) -> bool:
        if self._have == len(self._answer):
            self._answer.extend(bytes(_CHUNK))
        with memoryview(self._answer) as answer:
            room = answer[self._have :]
            got = self._tls.read(len(room), room) if self._tls else self._socket.recv_into(room)  # type: ignore[arg-type]
        if not got:
            raise ConnectionError("the service closed the connection")
        self._have += int(got)
        if not self._whole and (end := self._answer.find(b"\r\n\r\n", 0, self._have)) >= 0:
            self._whole = end + 4 + _length(bytes(self._answer[:end]))
        return not 0 < self._whole <= self._have

    def answer(self) -> bytes:
        """The last answer."""
        return bytes(self._answer[: self._whole])

    def close(self) -> None:
        self._socket.close()


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    if lines[0].split(b" ")[1] != b"200":
        raise ConnectionError(f"the service answered {head[:300]!r}")
    for line in lines:
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise ConnectionError("the answer states no length")


def _request(target: Target, picture: bytes) -> bytes:
    parts = urlsplit(target.url)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Content-Type: image/jpeg"]
    lines += [f"{name}: {value}" for name, value in target.headers]
    lines += [f"Content-Length: {len(picture)}", "", ""]
    return "\r\n".join(lines).encode() + picture


def _serve(target: Target, pictures: list[bytes], pipe: Connection) -> None:
    requests = [_request(target, picture) for picture in pictures]
    connections: list[_Connection] = []
    numbers = itertools.count()
    while (asked := pipe.recv())[0] != "end":
        try:
            if asked[0] == "open":
                for connection in connections:
                    connection.close()
                connections = [_Connection(target) for _ in range(asked[1])]
                pipe.send(None)
            elif asked[0] == "first":
                connection = _Connection(target)
                _send([connection], requests, numbers, 1)
                pipe.send(connection.answer())
                connection.close()
            else:
                pipe.send(_send(connections, requests, numbers, asked[1]))
        except (OSError, ConnectionError) as error:
            pipe.send(f"{target.url}: {error}")


def _send(
    connections: list[_Connection], requests: list[bytes], numbers: itertools.count[int], count: int
) -> Sent:
    took_ms: list[float] = []
    left = count
    poll, by_number = select.epoll(), {connection.fileno(): connection for connection in connections}

    def begin(connection: _Connection) -> None:
        nonlocal left
        if left:
            left -= 1
            if not connection.begin(requests[next(numbers) % len(requests)]):
                poll.modify(connection.fileno(), select.EPOLLIN | select.EPOLLOUT)

    with poll:
        began = time.perf_counter()
        for connection in connections:
            poll.register(connection.fileno(), select.EPOLLIN)
            begin(connection)
        while len(took_ms) < count:
            ready = poll.poll(TIMEOUT_S)
            if not ready:
                raise ConnectionError(f"no answer in {TIMEOUT_S:.0f} s")
            for number, events in ready:
                connection = by_number[number]
                if events & select.EPOLLOUT and connection.flush():
                    poll.modify(number, select.EPOLLIN)
                if events & ~select.EPOLLOUT and connection.take():
                    took_ms.append((time.perf_counter() - connection.began_s) * 1000)
                    begin(connection)
        return Sent(time.perf_counter() - began, tuple(took_ms))
