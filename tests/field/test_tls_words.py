"""What the client says of a certificate that it does not trust, of a port without TLS, and of answers that no master gives."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from manyeyes import Client, Context
from manyeyes.credentials import MASTER_HOSTNAME
from manyeyes.errors import (
    ManyeyesError,
    NotSignedIn,
    SlowUpload,
    TooManyBytes,
    Unavailable,
    UntrustedCertificate,
    WrongAddress,
)
from manyeyes.identity import make_certificates
from manyeyes.sdk.patience import Patience
from manyeyes.sdk.refusals import problem
from manyeyes.sdk.trust import pinned_name
from tests.own_certificates import Files, make_certificate

DAY = timedelta(days=1)
OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"people": []}'
PATIENCE = Patience(total_s=1, first_wait_s=0.05, longest_wait_s=0.1)
Read = Callable[[Client], Any]


@contextmanager
def answering(files: Files | None, answer: bytes = OK) -> Iterator[int]:
    """A server that gives one answer to everybody; without files, without TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if files else None
    if context and files:
        context.load_cert_chain(files.certificate, files.key)
    with socket.create_server(("", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.settimeout(5)
                try:
                    connection = context.wrap_socket(connection, server_side=True) if context else connection
                    if connection.recv(65536):
                        connection.sendall(answer)
                except OSError:
                    pass  # the other side does not trust the certificate
                finally:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def reads() -> list[Read]:
    """A query, a stream, and a picture."""
    return [
        lambda client: client.people(),
        lambda client: next(iter(client.logs.follow())),
        lambda client: client.recognize(b"1"),
    ]


def refused(port: int, ca_pem: str, host: str = "localhost") -> str:
    """What each path of the client says, which is the same."""
    said = set()
    with Client(Context(f"https://{host}:{port}", ca_pem, "k"), patience=PATIENCE) as client:
        for read in reads():
            with pytest.raises(UntrustedCertificate) as caught:
                read(client)
            assert not caught.value.retryable and caught.value.exit_code == 6
            said.add(caught.value.detail.partition(", and here it is")[0])
    (detail,) = said
    return detail


def test_another_name(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, names=("faces.example.org", "www.example.org"))
    with answering(files) as port:
        detail = refused(port, files.ca.read_text())
    assert (
        "it is for faces.example.org, www.example.org, not for localhost; use a name of the certificate"
        in detail
    )


def test_expired(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, names=("localhost",), begins=-9 * DAY, ends=-2 * DAY)
    with answering(files) as port:
        assert "is not trusted: it expired at 20" in refused(port, files.ca.read_text())


def test_not_yet_valid(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, names=("localhost",), begins=2 * DAY)
    with answering(files) as port:
        assert "is not trusted: it is not valid before 20" in refused(port, files.ca.read_text())


def test_another_ca(tmp_path: Path) -> None:
    shown, other = (make_certificate(tmp_path / one, names=("localhost",)) for one in ("a", "b"))
    with answering(shown) as port:
        detail = refused(port, other.ca.read_text())
        assert 'by another CA of the name "an office\'s CA", which is not the CA that was given' in detail
        assert "which this system's trust store does not know" in refused(port, "")


def test_a_master_s_own_ca_is_for_its_own_name_at_any_address(tmp_path: Path) -> None:
    """And another CA is for the host name: the same certificate by two addresses."""
    own = make_certificates(tmp_path / "own", ())
    office = make_certificate(tmp_path / "office", names=("localhost", MASTER_HOSTNAME))
    own_files = Files(own.ca, own.certificate, own.key)
    assert pinned_name(own.ca.read_text()) == MASTER_HOSTNAME
    assert pinned_name(office.ca.read_text()) is None
    assert pinned_name(own.ca.read_text() + office.ca.read_text()) is None, "one of them may be a proxy's"
    with answering(own_files) as port:
        for host in ("localhost", "127.0.0.1", "127.0.0.3"):
            with Client(Context(f"https://{host}:{port}", own.ca.read_text(), "k")) as client:
                assert client.people() == []
    with answering(office) as port:
        with Client(Context(f"https://localhost:{port}", office.ca.read_text(), "k")) as client:
            assert client.people() == []
        detail = refused(port, office.ca.read_text(), "127.0.0.1")
        assert "it is for localhost, manyeyes-master, not for 127.0.0.1" in detail
        assert "which is not this context's CA; is it the right master?" in refused(port, own.ca.read_text())
    another = make_certificates(tmp_path / "another", ())
    with answering(Files(another.ca, another.certificate, another.key)) as port:
        assert "another master answers there" in refused(port, own.ca.read_text())


def test_the_commands_say_it_in_one_line(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, names=("faces.example.org",))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with answering(files) as port:
        environment = {
            "MANYEYES_MASTER": f"https://localhost:{port}",
            "MANYEYES_KEY": "mek_x",
            "MANYEYES_CA": str(files.ca),
            "XDG_CONFIG_HOME": str(tmp_path),
            "PATH": "/usr/bin",
        }
        for command in (["logs", "-f"], ["send", "a.png", "-o", "out"]):
            done = subprocess.run(
                [sys.executable, "-m", "manyeyes.cli.app", *command],
                env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            assert done.returncode == 6
            assert done.stderr.count("it is for faces.example.org, not for localhost") == 1, done.stderr
            assert "does not answer" not in done.stderr, "it answers"


def test_a_port_without_tls() -> None:
    with (
        answering(None, b"HTTP/1.1 400 Bad Request\r\n\r\n") as port,
        Client(Context(f"https://localhost:{port}", "", "k"), patience=PATIENCE) as client,
    ):
        for read in reads():
            with pytest.raises(WrongAddress, match="does not speak TLS; is the port right"):
                read(client)


# answers of others


def answer(status: int, body: Any = "<html>", **headers: str) -> ManyeyesError:
    request = httpx.Request("POST", "https://faces.example.org/sub/v1/recognize", content=bytes(2_000_000))
    kind = "application/json" if isinstance(body, dict) else "text/html"
    content = json.dumps(body) if isinstance(body, dict) else body
    headers = {"Content-Type": kind, "Server": "nginx/1.22.1", **headers}
    return problem(
        httpx.Response(status, text=content, headers=headers, request=request),
        "https://faces.example.org/sub",
    )


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (413, TooManyBytes, "for a body of 2.0 MB; raise its limit, in nginx client_max_body_size"),
        (502, Unavailable, "(nginx/1.22.1): it does not reach the master"),
        (503, Unavailable, "it does not reach the master"),
        (504, Unavailable, "raise its time limit, in nginx proxy_read_timeout"),
        (522, Unavailable, "answered 522"),
        (401, NotSignedIn, "answered 401 Unauthorized to /sub/v1/recognize"),
        (404, WrongAddress, "is the address right, and does the proxy pass this path on?"),
        (408, SlowUpload, "answered 408"),
    ],
)
def test_a_proxy_s_own_answer(status: int, kind: type[ManyeyesError], said: str) -> None:
    error = answer(status)
    assert type(error) is kind and said in error.detail
    assert error.retryable == (status in (408, 502, 503, 504, 522))
    assert error.code != "internal"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://new.example.org/sub/v1/recognize", "https://new.example.org"),
        ("https://new.example.org/faces/v1/recognize", "https://new.example.org/faces"),
        ("/login", "https://faces.example.org/login"),
    ],
)
def test_a_redirect_names_the_address_to_use(location: str, target: str) -> None:
    for status in (301, 302, 307, 308):
        error = answer(status, Location=location)
        assert isinstance(error, WrongAddress)
        assert f"it sends callers on to {target}; use that address (MANYEYES_MASTER)" in error.detail


def test_what_a_master_answers_keeps_its_code_and_words() -> None:
    told = answer(413, {"code": "too-many-bytes", "detail": "picture has 60.0 MB"})
    assert (type(told), told.detail) == (TooManyBytes, "picture has 60.0 MB")
    missing = answer(404, {"code": "http", "detail": "Not Found; the API is under /v1"})
    assert (missing.code, missing.exit_code) == ("wrong-address", 6) and "--root-path /sub" in missing.detail
    assert answer(503, {"status": "not ready", "detail": "no node is ready"}).retryable


def test_text_of_others_moves_no_cursor() -> None:
    assert "\x1b" not in answer(404, Server="\x1b[2Jnginx").detail


@pytest.mark.parametrize("read", reads())
def test_a_page_for_people_is_no_answer_of_a_master(read: Read) -> None:
    page = httpx.Response(
        200, text="<title>Welcome</title>", headers={"Content-Type": "text/html; charset=utf-8"}
    )
    context = Context("https://faces.example.org", "", "k")
    with (
        Client(context, transport=httpx.MockTransport(lambda _: page)) as client,
        pytest.raises(WrongAddress, match=r"with a page for people; is it the address of a master\?"),
    ):
        read(client)


def test_an_address_with_a_path() -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"people": []})

    for url in ("https://faces.example.org/sub", "https://faces.example.org:8443/a/b"):
        with Client(Context(url, "", "k"), transport=httpx.MockTransport(handle)) as client:
            client.people()
        assert asked.pop() == f"{url}/v1/people"


@pytest.mark.parametrize("url", ["https://a/b?c=d", "https://a#b", "https://user:pw@a", "http://a"])
def test_an_address_that_cannot_be_used(url: str) -> None:
    with pytest.raises(
        ManyeyesError,
        match=r"(has more than host, port and path|begins with http://).*; write https://HOST:PORT",
    ):
        Context(url, "", "k")
