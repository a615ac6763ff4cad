"""nginx and Caddy in front of a master, with the files of the guide; what they tell, and what is believed of it."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from manyeyes import Client, Context
from manyeyes.errors import BadRequest, TooManyBytes, Unavailable, UntrustedCertificate
from manyeyes.gateway.app import Gateway
from manyeyes.gateway.proxies import OWN_PATHS, Proxied, parse_proxies, parse_root_path
from manyeyes.sdk.patience import Patience
from tests.integration.conftest import Network, free_port, picture, running_network
from tests.needs import needed
from tests.own_certificates import Files, make_certificate

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "behind-a-proxy.md"
FILES = GUIDE.parent / "proxies"
NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
CADDY = shutil.which("caddy")
BROWSER = "127.0.0.2"
"""The address from which requests come to the proxy; the proxy itself asks from 127.0.0.1."""


def test_the_guide_shows_the_files_as_they_are() -> None:
    page = GUIDE.read_text()
    for path in sorted(FILES.iterdir()):
        assert f"\n{path.read_text().rstrip()}\n```" in page, path.name


# what is believed


def seen(
    *,
    root_path: str = "",
    trusted: tuple[str, ...] = (),
    peer: str = "10.0.0.9",
    path: str = "/v1/status",
    **headers: str,
) -> dict[str, Any]:
    """A request as the app gets it."""
    found: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope)

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "scheme": "https",
        "client": (peer, 4711),
        "path": path,
        "raw_path": path.encode(),
    }
    proxied = Proxied(app, parse_root_path(root_path), parse_proxies(trusted))
    asyncio.run(proxied({**scope, "root_path": "", "headers": pairs}, None, None))  # type: ignore[arg-type]
    told = found[0]
    return {**told, "headers": {name.decode(): value.decode() for name, value in told["headers"]}}


TOLD = {
    "host": "127.0.0.1:8443",
    "x_forwarded_for": "203.0.113.7",
    "x_forwarded_proto": "http",
    "x_forwarded_host": "faces.example.org",
    "x_forwarded_prefix": "/faces",
}


def test_a_stranger_is_believed_nothing() -> None:
    for trusted in ((), ("10.0.0.4", "192.168.0.0/16")):
        found = seen(trusted=trusted, **TOLD)
        assert (found["client"], found["scheme"], found["path"]) == (
            ("10.0.0.9", 4711),
            "https",
            "/v1/status",
        )
        assert found["headers"] == {"host": "127.0.0.1:8443"}, "and nothing behind it reads them"


@pytest.mark.parametrize("proxy", ["10.0.0.9", "10.0.0.0/24", "::1"])
def test_a_trusted_proxy_is_believed(proxy: str) -> None:
    found = seen(trusted=(proxy,), peer="::1" if proxy == "::1" else "10.0.0.9", **TOLD)
    assert (found["client"][0], found["scheme"]) == ("203.0.113.7", "http")
    assert (found["root_path"], found["path"]) == ("/faces", "/faces/v1/status")
    assert found["headers"]["host"] == "faces.example.org"


def test_of_several_proxies_the_first_that_is_not_trusted_is_the_sender() -> None:
    found = seen(trusted=("10.0.0.0/24",), x_forwarded_for="6.6.6.6, 203.0.113.7, 10.0.0.3")
    assert found["client"][0] == "203.0.113.7", "6.6.6.6 may be made up by the sender"


@pytest.mark.parametrize("prefix", ["//evil.example", "/a/../b", "faces", '/"><script>', "/a b"])
def test_what_is_no_path_or_host_is_not_used(prefix: str) -> None:
    found = seen(trusted=("10.0.0.9",), host="me", x_forwarded_prefix=prefix, x_forwarded_host="a b/c")
    assert (found["root_path"], found["headers"]["host"]) == ("", "me")


@pytest.mark.parametrize("path", ["/faces/v1/status", "/v1/status"])
def test_a_proxy_may_leave_the_sub_path_or_take_it_away(path: str) -> None:
    assert seen(root_path="/faces/", path=path)["path"] == "/faces/v1/status"


def test_the_sub_path_itself() -> None:
    assert seen(root_path="/faces", path="/faces")["path"] == "/faces/"
    assert seen(root_path="/faces", path="/faces2")["path"] == "/faces/faces2"


def test_a_prefix_that_is_a_path_of_the_master_is_none() -> None:
    assert seen(trusted=("10.0.0.9",), x_forwarded_prefix="/v1")["root_path"] == ""
    assert {path.split("/")[1] for path in Gateway().openapi()["paths"]} <= OWN_PATHS


def test_settings_that_cannot_be_used() -> None:
    for path in ("faces", "//a", "/a b", "/../a", "/ä"):
        with pytest.raises(BadRequest, match="--root-path"):
            parse_root_path(path)
    for path in ("/v1", "/v1/faces", "/console/", "/healthz", "/openapi.json"):
        with pytest.raises(
            BadRequest, match="a path that the master itself serves; choose another, as /faces/"
        ):
            parse_root_path(path)
    for proxy in ("nginx", "10.0.0.4/8", "10.0.0.300", ""):
        with pytest.raises(BadRequest, match=r"--trusted-proxy .* write it as 10\.0\.0\.4"):
            parse_proxies([proxy])


# nginx


@dataclass
class Front:
    """A master below /faces with a node, and nginx in front of it."""

    network: Network
    files: Files
    ports: dict[str, int]

    def url(self, server: str = "whole", path: str = "") -> str:
        return f"https://localhost:{self.ports[server]}{path}"

    def client(self, server: str = "whole", path: str = "") -> Client:
        key = self.network.client.context.api_key
        context = Context(self.url(server, path), self.files.ca.read_text(), key)
        return Client(context, patience=Patience(total_s=1, first_wait_s=0.1))

    def browser(self) -> httpx.Client:
        trust = ssl.create_default_context(cafile=str(self.files.ca))
        transport = httpx.HTTPTransport(verify=trust, local_address=BROWSER)
        return httpx.Client(transport=transport, base_url=self.url("path"))


def placed(text: str, port: int, master: int, files: Files, ca: Path) -> str:
    """A file of the guide with the ports and files of a test in it."""
    for given, here in (
        ("faces.example.org", "localhost"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("127.0.0.1:8443", f"127.0.0.1:{master}"),
        ("/etc/ssl/faces/fullchain.pem", str(files.certificate)),
        ("/etc/ssl/faces/privkey.pem", str(files.key)),
        ("/etc/ssl/faces/manyeyes-ca.pem", str(ca)),
    ):
        text = text.replace(given, here)
    return text


@contextmanager
def started(folder: Path, *command: str, port: int) -> Iterator[None]:
    """A program in the foreground, that listens."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "output").read_text()
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, faulty_pack: Path) -> Iterator[tuple[Network, Files]]:
    folder = tmp_path_factory.mktemp("proxies")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MANYEYES_MASTER_ROOT_PATH", "/faces")
        patch.setenv("MANYEYES_MASTER_TRUSTED_PROXIES", '["127.0.0.1"]')
        with running_network(folder, faulty_pack) as network, network.node("worker"):
            yield network, make_certificate(folder / "tls", names=("localhost",))


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, behind: tuple[Network, Files]) -> Iterator[Front]:
    needed(None if NGINX else "nginx is missing (Debian: apt-get install nginx-light)")
    network, files = behind
    folder = tmp_path_factory.mktemp("nginx")
    ca = network.data / "identity" / "ca.pem"
    master = httpx.URL(network.client.context.url).port or 0
    ports = {name: free_port() for name in ("whole", "path", "small", "dead", "host")}
    whole, path = (FILES / "nginx.conf").read_text(), (FILES / "nginx-path.conf").read_text()
    above, _, server = whole.partition("server {")
    first = server.index("    location / {")
    servers = {
        "whole": server,
        "path": f"{server[:first]}{path}}}\n",
        "small": server.replace("client_max_body_size 256m", "client_max_body_size 10k"),
        "host": server.replace("proxy_set_header Host $http_host;", ""),
    }
    texts = [placed("server {" + text, ports[name], master, files, ca) for name, text in servers.items()]
    texts.append(placed(f"server {{{server}", ports["dead"], free_port(), files, ca))
    temp = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = folder / "nginx.conf"
    conf.write_text(
        f"user root;\ndaemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temp}{above}{''.join(texts)}}}\n"
    )
    with started(folder, str(NGINX), "-p", str(folder), "-c", str(conf), port=ports["whole"]):
        yield Front(network, files, ports)


@pytest.mark.parametrize(("server", "path"), [("whole", ""), ("path", "/faces")])
def test_the_client_through_nginx(front: Front, server: str, path: str) -> None:
    with front.client(server, path) as client:
        assert client.recognize(picture(), picture=False).result.pack.startswith("faulty")
        assert len(client.recognize(picture()).picture or b"") > 20
        assert client.console_link().url.startswith(f"{front.url(server, path)}/console/sign-in?link=")
        began_s = time.monotonic()
        lines = client.logs.follow(limit=5)
        assert next(lines).machine
        assert time.monotonic() - began_s < 5, "nginx passes each line on when it comes"
        lines.close()


def test_a_master_s_own_context_does_not_fit_the_proxy(front: Front) -> None:
    own = front.network.client.context
    with (
        Client(Context(front.url(), own.ca_pem, own.api_key)) as client,
        pytest.raises(UntrustedCertificate, match=r"signed by .an office's CA.*set MANYEYES_CA"),
    ):
        client.status()


def test_what_nginx_says_itself(front: Front) -> None:
    with front.client("small") as client, pytest.raises(TooManyBytes, match="in nginx client_max_body_size"):
        client.recognize(picture() + bytes(20_000))
    with (
        front.client("dead") as client,
        pytest.raises(Unavailable, match=r"[2-9] attempts.*502 Bad Gateway .*does not reach the master"),
    ):
        client.recognize(picture())


def test_the_console_stays_below_its_path(front: Front) -> None:
    key = front.network.client.context.api_key
    with front.browser() as browser:
        asked = browser.get("/faces/", follow_redirects=True)
        page = asked.text
        assert str(asked.url) == front.url("path", "/faces/console/sign-in?to=/faces/console/")
        assert set(re.findall(r'(?:href|src|action)="(/[^/"]*/)', page)) == {"/faces/"}
        origin = {"Origin": front.url("path")}
        signed = browser.post(re.findall(r'action="([^"]+)"', page)[0], data={"key": key}, headers=origin)
        assert (signed.status_code, signed.headers["location"]) == (303, "/faces/console/")
        cookie = signed.headers["set-cookie"]
        assert cookie.startswith("__Secure-manyeyes=") and "Path=/faces;" in cookie
        assert {"Secure", "HttpOnly"} <= {part.strip() for part in cookie.split(";")}
        # httpx keeps no cookie by its path for a name without a dot
        session = {"Cookie": cookie.partition(";")[0]}
        shown = browser.get("/faces/console/", headers=session)
        assert shown.status_code == 200
        addresses = re.findall(r'(?:href|src)="(/[^"]*)"', shown.text)
        assert len(addresses) > 5 and all(one.startswith("/faces/") for one in addresses), addresses
        for one in addresses:
            if one.endswith((".css", ".js", ".svg", ".ico")):
                assert browser.get(one, headers=session).status_code == 200, one
        assert browser.get("/faces/v1/session", headers=session).json()["role"] == "admin"
        assert upgraded(front, session["Cookie"]).startswith(b"HTTP/1.1 101")
        gone = browser.post("/faces/console/sign-out", headers={**session, **origin})
        assert gone.headers["location"] == "/faces/console/sign-in"
    details = [one.detail for one in front.network.client.audit() if one.what == "sign in"]
    assert details[-1] == f"with a key, from {BROWSER}", "the browser's address, not the proxy's"


def upgraded(front: Front, cookie: str) -> bytes:
    """How a WebSocket of the console begins."""
    trust = ssl.create_default_context(cafile=str(front.files.ca))
    with trust.wrap_socket(
        socket.create_connection(("127.0.0.1", front.ports["path"]), timeout=5), server_hostname="localhost"
    ) as connection:
        connection.sendall(
            "GET /faces/console/_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
            f"Host: localhost:{front.ports['path']}\r\nOrigin: {front.url('path')}\r\nCookie: {cookie}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        return connection.recv(4096)


def test_signing_in_with_a_changed_host_says_what_to_set(front: Front) -> None:
    with front.browser() as browser:
        refused = browser.post(
            front.url("host", "/console/sign-in"), data={"key": "x"}, headers={"Origin": front.url("host")}
        )
    assert refused.status_code == 403
    assert (
        f"the browser is at {front.url('host')}, and this request is for https://127.0.0.1:" in refused.text
    )
    assert "proxy_set_header Host $http_host" in refused.text and "--trusted-proxy" in refused.text


# Caddy


@pytest.mark.parametrize(
    ("file", "host", "path"), [("Caddyfile", "localhost", ""), ("Caddyfile-path", "example.org", "/faces")]
)
def test_the_client_and_the_console_through_caddy(
    tmp_path: Path, behind: tuple[Network, Files], file: str, host: str, path: str
) -> None:
    needed(None if CADDY else "caddy is missing (Debian: apt-get install caddy)")
    network, files = behind
    port, master = free_port(), httpx.URL(network.client.context.url).port or 0
    text = placed((FILES / file).read_text(), 0, master, files, network.data / "identity" / "ca.pem")
    site = f"https://localhost:{port} {{\n\ttls {files.certificate} {files.key}\n"
    caddyfile = tmp_path / "Caddyfile"
    caddyfile.write_text(
        "{\n\tadmin off\n\tauto_https off\n}\n" + text.replace(f"\n{host} {{\n", f"\n{site}")
    )
    with started(
        tmp_path, str(CADDY), "run", "--config", str(caddyfile), "--adapter", "caddyfile", port=port
    ):
        front = Front(network, files, {"whole": port, "path": port})
        with front.client("path" if path else "whole", path) as client:
            assert client.recognize(picture()).picture
            lines = client.logs.follow(limit=5)
            assert next(lines).machine
            lines.close()
        with front.browser() as browser:
            key = {"key": network.client.context.api_key}
            signed = browser.post("/faces/console/sign-in", data=key, headers={"Origin": front.url()})
            assert signed.status_code == 303, signed.text
    details = [one.detail for one in network.client.audit() if one.what == "sign in"]
    assert details[-1] == f"with a key, from {BROWSER}"
