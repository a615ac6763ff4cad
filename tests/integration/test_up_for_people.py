"""`up` at a terminal, its own certificate, plain HTTP, and what stays when it is opened to other machines."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import ssl
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from manyeyes import Client
from manyeyes.sdk.context import load_context
from tests.integration.conftest import MANYEYES, free_port, manyeyes, picture, stop
from tests.own_certificates import make_certificate


@dataclass
class Terminal:
    """A command at a terminal of its own, as a person sees it."""

    descriptor: int
    process: subprocess.Popen[bytes]
    shown: str = ""
    ended: bool = field(default=False)

    def read(self, timeout_s: float) -> None:
        if not select.select([self.descriptor], [], [], timeout_s)[0]:
            return
        try:
            self.shown += os.read(self.descriptor, 65536).decode(errors="replace").replace("\r\n", "\n")
        except OSError:  # nobody has the terminal any more
            self.ended = True

    def wait_for(self, text: str, timeout_s: float = 60) -> None:
        end = time.monotonic() + timeout_s
        while text not in self.shown:
            assert time.monotonic() < end and not self.ended, f"{text!r} not said: {self.shown}"
            self.read(0.2)

    def press_ctrl_c(self) -> int:
        """The exit status."""
        os.write(self.descriptor, b"\x03")
        end = time.monotonic() + 40
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still runs: {self.shown}"
            self.read(0.2)
        self.read(0.2)
        return self.process.returncode


def _own_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C reaches the process."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def at_a_terminal(*arguments: str, **environment: str) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*MANYEYES, *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200", **environment},
        preexec_fn=_own_terminal,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        stop(process)
        os.close(ours)


def test_up_at_a_terminal_and_opened_without_losing_anything(tmp_path: Path, faulty_pack: Path) -> None:
    data, https, nats = tmp_path / "up", free_port(), free_port()
    own = {"MANYEYES_CONTEXT": str(tmp_path / "user.json"), "MANYEYES_MASTER_CONSOLE": "0"}
    arguments = ["up", "--data", str(data), "--pack", str(faulty_pack), "--workers", "1", "--no-announce"]
    arguments += ["--https-port", str(https), "--nats-port", str(nats)]

    with at_a_terminal(*arguments, **own) as up:
        up.wait_for("send PICTURE")
        lines = [line for line in up.shown.splitlines() if line]
        assert [line.split(":")[0] for line in lines] == ["engine", "pack", "node", "ready", "next"], up.shown
        assert re.search(r"node: +\S+, 1 worker$", up.shown, re.M)
        assert f"https://127.0.0.1:{https} (this machine only) takes pictures" in lines[3]
        token = manyeyes("token", **own)
        assert token.stdout.startswith("me1_")
        assert f"'manyeyes up --data {data} --listen 0.0.0.0'; people, nodes and keys stay" in token.stderr
        with Client(load_context(data / "context.json")) as client:
            (node,) = client.nodes()
            client.create_key("ann")
        assert up.press_ctrl_c() == 0
        assert up.shown.splitlines()[-1].endswith("stopped")
    kept = (data / "logs" / "manyeyes.log").read_text()
    assert "engine started" in kept, "the details are in the log file"

    other = free_port()
    arguments[-1] = str(other)
    with at_a_terminal(*arguments, "--listen", "0.0.0.0", "--advertise", "faces.example.org", **own) as up:
        up.wait_for("pack:")
        with Client(load_context(data / "context.json")) as client:
            alerts = client.overview().alerts or ()
            assert [one.kind for one in alerts if one.severity == "critical"] == [], (
                "it has only just started"
            )
            states = [one.state for one in client.nodes()]
            assert states != ["lost"], "it was stopped as it should be"
        up.wait_for("send PICTURE")
        assert f"(for other machines: https://faces.example.org:{https})" in up.shown
        assert manyeyes("token", **own).stderr.count("warning") == 0
        with Client(load_context(data / "context.json")) as client:
            assert [one.name for one in client.nodes()] == [node.name]
            assert "ann" in [key.name for key in client.keys()]  # noqa: SIM118
            assert client.recognize(picture()).result.pack == "faulty@1.0.0"


def test_an_own_certificate_and_plain_http(tmp_path: Path, faulty_pack: Path) -> None:
    files = make_certificate(tmp_path / "tls", names=("localhost",))
    data, https, plain = tmp_path / "m", free_port(), free_port()
    own = {"MANYEYES_CONTEXT": str(tmp_path / "user.json")}
    arguments = ["master", "--data", str(data), "--pack", str(faulty_pack), "--listen", "127.0.0.1"]
    arguments += ["--https-port", str(https), "--nats-port", str(free_port())]
    arguments += ["--tls-cert", str(files.certificate), "--tls-key", str(files.key)]
    with at_a_terminal(*arguments, "--plain-http", f"127.0.0.1:{plain}", **own) as master:
        master.wait_for("makes a token for one")
        assert (
            f"warning: plain HTTP is on at http://127.0.0.1:{plain}: API keys, pictures and names"
            in master.shown
        )
        stored = load_context(data / "context.json")
        with Client(stored) as client:
            assert client.status().version, "contexts that the master made go on working"
        key = {"Authorization": f"Bearer {stored.api_key}"}

        def version_over(ca: Path) -> int:
            trust = ssl.create_default_context(cafile=str(ca))
            with httpx.Client(verify=trust, trust_env=False) as browser:
                return browser.get(f"https://localhost:{https}/v1/status", headers=key).status_code

        assert version_over(files.ca) == 200
        env = {"MANYEYES_CA": "system", "SSL_CERT_FILE": str(files.ca), "MANYEYES_KEY": stored.api_key}
        asked = manyeyes("--master", f"https://localhost:{https}", "status", "--json", **own, **env)
        assert asked.returncode == 0 and json.loads(asked.stdout)["version"], asked.stderr

        before = files.ca.read_bytes()
        make_certificate(tmp_path / "tls", names=("localhost",))
        end = time.monotonic() + 20
        while True:
            try:
                assert version_over(files.ca) == 200
                break
            except httpx.ConnectError:
                assert time.monotonic() < end, "the renewed certificate is not used"
                time.sleep(0.2)
        old = tmp_path / "old.pem"
        old.write_bytes(before)
        with pytest.raises(httpx.ConnectError):
            version_over(old)

        with Client(stored) as client:  # by now it has looked what needs a person
            alerts = {one.kind: one.severity for one in client.overview().alerts or ()}
        assert alerts["plain-http"] == "info"
        with httpx.Client(base_url=f"http://127.0.0.1:{plain}", trust_env=False) as program:
            assert program.get("/v1/status").status_code == 401
            assert program.get("/v1/status", headers=key).status_code == 200
            assert program.get("/healthz").status_code == 200
            session = program.post("/v1/session", headers=key)
            assert session.status_code == 403 and "HTTPS" in session.json()["detail"]
            page = program.get("/console/", headers={"Accept": "text/html"})
            assert page.status_code == 403 and f"over HTTPS only, at port {https}" in page.json()["title"]
        with pytest.raises(httpx.TransportError), httpx.Client(verify=False) as program:
            program.get(f"https://127.0.0.1:{plain}/healthz")
        looked = manyeyes("doctor", "--data", str(data), **own)
        assert f"plain HTTP: on at 127.0.0.1:{plain}" in looked.stdout
        assert master.press_ctrl_c() == 0


def test_a_certificate_that_cannot_be_used_ends_the_start(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    own = {"MANYEYES_CONTEXT": str(tmp_path / "user.json")}

    def start(*words: str) -> tuple[int, str]:
        done = manyeyes("master", "--data", str(tmp_path / "m"), "--listen", "127.0.0.1", *words, **own)
        return done.returncode, done.stderr

    status, said = start("--tls-cert", str(files.certificate))
    assert status == 2 and "needs both files; --tls-key is missing" in said
    status, said = start("--tls-cert", str(files.certificate), "--tls-key", str(files.ca))
    assert status == 8 and "ca.pem holds no private key in PEM form" in said
    status, said = start("--plain-http", "8080")
    assert status == 2 and "not of the form ADDRESS:PORT" in said
