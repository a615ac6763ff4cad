"""Senders who stop half-way or drip: the decision alone, and over real sockets with short limits."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from manyeyes.config import Limits
from manyeyes.errors import SlowUpload
from manyeyes.gateway.app import make_app
from manyeyes.gateway.serve import make_plain_server, make_server
from manyeyes.gateway.upload_pace import LeastPace, UploadPace
from manyeyes.identity import Certificates
from tests.integration.conftest import free_port
from tests.own_certificates import make_certificate
from tests.unit.gateway.fake_master import KEY, FakeMaster, fake_master

LEAST = LeastPace(bytes_per_s=1000, over_s=20)


# the decision


def looked(
    came: int, after_s: float, least: LeastPace = LEAST, *, not_read: bool = False
) -> SlowUpload | None:
    pace = UploadPace(least, 100.0)
    pace.came(came)
    if not_read:
        pace.not_read()
    return pace.look(100.0 + after_s)


@pytest.mark.parametrize("came", [0, 1, 19_999])
def test_too_slow(came: int) -> None:
    slow = looked(came, 20)
    assert slow is not None
    assert f"{came:,} bytes in 20 s, at least 20,000 are needed" in slow.detail
    assert (slow.http_status, slow.retryable) == (408, True)


def test_fast_enough() -> None:
    assert looked(20_000, 20) is None


def test_without_a_least_rate_only_silence_counts() -> None:
    least = LeastPace(bytes_per_s=0, over_s=20)
    assert looked(1, 20, least) is None
    assert looked(0, 20, least) is not None


def test_who_is_not_read_from_is_not_slow() -> None:
    assert looked(0, 20, not_read=True) is None


def test_a_process_that_stood_still_blames_nobody() -> None:
    assert looked(0, 60) is None


def test_each_span_counts_for_itself() -> None:
    pace = UploadPace(LEAST, 0)
    pace.came(1_000_000)
    assert pace.look(20) is None
    pace.came(5)
    assert pace.look(40) is not None
    assert pace.total_bytes == 1_000_005


# over sockets

SHORT = Limits(upload_bytes_per_s=2000, upload_over_s=0.3, head_s=0.3)


@contextmanager
def serving(folder: Path, *, tls: bool = False, limits: Limits = SHORT) -> Iterator[tuple[FakeMaster, int]]:
    port, started = free_port(), threading.Event()
    made: list[tuple[FakeMaster, uvicorn.Server]] = []

    def run() -> None:
        with fake_master(folder, limits) as master:  # its store is for one thread
            app = make_app(master)  # type: ignore[arg-type]
            if tls:
                files = make_certificate(folder / "tls")
                certificates = Certificates(files.ca, files.certificate, files.key)
                server = make_server(app, "127.0.0.1", port, limits, certificates)
            else:
                server = make_plain_server(app, "127.0.0.1", port, limits)
            made.append((master, server))
            started.set()
            asyncio.run(server.serve())

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(10)
    master, server = made[0]
    try:
        while not server.started:
            time.sleep(0.01)
        yield master, port
    finally:
        server.should_exit = True
        thread.join()


def begun(port: int, head: str, first: bytes = b"half") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(f"{head}\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode() + first)
    return connection


def rest(connection: socket.socket) -> tuple[bytes, float]:
    """All that comes until the other side closes the connection, and after how many seconds it does."""
    began_s, all_of_it = time.monotonic(), b""
    try:
        while part := connection.recv(65536):
            all_of_it += part
    except ConnectionResetError:
        pass
    return all_of_it, time.monotonic() - began_s


@pytest.mark.parametrize(
    "head",
    [
        "POST /v1/recognize HTTP/1.1\r\nContent-Length: 1000",
        "POST /v1/recognize HTTP/1.1\r\nTransfer-Encoding: chunked",
        "POST /v1/tokens HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000",
        "POST /v1/recognize HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000",
        "PUT /v1/nodes/n/files HTTP/1.1\r\nContent-Length: 1000",
    ],
)
def test_an_upload_that_stops_half_way(tmp_path: Path, head: str) -> None:
    with serving(tmp_path) as (master, port):
        chunked = "chunked" in head
        answer, took_s = rest(begun(port, head, b"4\r\nhalf\r\n" if chunked else b"half"))
        assert took_s < 2, "it is closed, and not kept open"
        if head.startswith("PUT"):  # no such method: it is answered at once, and its body only dropped
            assert answer.startswith(b"HTTP/1.1 405")
            return
        top, _, body = answer.partition(b"\r\n\r\n")
        assert top.startswith(b"HTTP/1.1 408 Request Timeout") and b"connection: close" in top
        assert json.loads(body)["code"] == "slow-upload"
        assert not master.asked


def test_a_drip_is_given_up_and_a_slow_steady_upload_is_not(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, port):

        def upload(pieces: int, size: int) -> bytes:
            connection = begun(
                port,
                f"POST /v1/recognize HTTP/1.1\r\nConnection: close\r\nContent-Length: {pieces * size}",
                b"",
            )
            for _ in range(pieces):
                try:
                    connection.sendall(bytes(size))
                except OSError:
                    break
                time.sleep(0.05)
            return rest(connection)[0][:12]

        assert upload(40, 10) == b"HTTP/1.1 408"
        assert upload(20, 400) == b"HTTP/1.1 415", "8 kB a second, for a second"


def test_a_head_that_does_not_end_and_one_that_does_not_begin(tmp_path: Path) -> None:
    def drip(connection: socket.socket, piece: bytes) -> float:
        began_s = time.monotonic()
        try:
            while time.monotonic() - began_s < 5:
                connection.sendall(piece)
                time.sleep(0.05)
        except OSError:
            pass
        return time.monotonic() - began_s

    with serving(tmp_path) as (_, port):
        scenes: list[Callable[[socket.socket], float]] = [
            lambda connection: rest(connection)[1],
            lambda connection: drip(connection, b"\r\n"),
            lambda connection: (connection.sendall(b"GET / HTTP/1.1\r\n"), drip(connection, b"X-A: b\r\n"))[
                1
            ],
        ]
        for scene in scenes:
            assert scene(socket.create_connection(("127.0.0.1", port), timeout=5)) < 3
        kept = begun(port, "GET /v1/session HTTP/1.1", b"")
        kept.recv(65536)
        assert drip(kept, b"\r\n") < 3, "empty lines keep no connection open"


def test_a_handshake_that_does_not_end(tmp_path: Path) -> None:
    with serving(tmp_path, tls=True) as (_, port):
        assert rest(socket.create_connection(("127.0.0.1", port), timeout=5))[1] < 3
        look = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        look.check_hostname, look.verify_mode = False, ssl.CERT_NONE
        with look.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
            connection.sendall(
                f"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 9\r\n\r\nhalf".encode()
            )
            assert rest(connection)[0].startswith(b"HTTP/1.1 408")


def test_100_continue_is_said_only_to_who_may_send(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(max_picture_bytes=1000)) as (_, port):

        def first(head: str, key: str = KEY) -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(
                    f"{head}\r\nHost: a\r\nAuthorization: Bearer {key}\r\nExpect: 100-continue\r\n\r\n".encode()
                )
                return connection.recv(65536)[:12]

        assert first("POST /v1/recognize HTTP/1.1\r\nContent-Length: 100") == b"HTTP/1.1 100"
        assert first("POST /v1/recognize HTTP/1.1\r\nContent-Length: 5000") == b"HTTP/1.1 413"
        assert first("POST /v1/recognize HTTP/1.1\r\nContent-Length: 100", "other") == b"HTTP/1.1 401"
