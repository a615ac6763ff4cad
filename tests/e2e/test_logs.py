"""The trace of one picture in the terminal, from upload to result, and a search for secrets in all logs of a run."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from background import MANYEYES, Background, free_port

from tests.e2e.conftest import Seed, records
from tests.e2e.pictures import astronaut
from tests.searching import Searcher, index_lines, left_behind, stream_lines


@dataclass
class Service:
    """A master and two nodes on this machine."""

    folder: Path
    nats_port: int
    nodes: dict[str, Background] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "m"

    def run(self, *arguments: str, timeout_s: float = 120, **env: str) -> subprocess.CompletedProcess[str]:
        """Run one command of a user."""
        context = {"MANYEYES_CONTEXT": str(self.data / "context.json")}
        return subprocess.run(
            [MANYEYES, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env={**os.environ, **context, **env},
        )

    def told(self, *arguments: str) -> Any:
        """The output of a command with --json."""
        asked = self.run(*arguments, "--json")
        assert asked.returncode == 0, asked.stderr
        return json.loads(asked.stdout)

    def wait_state(self, name: str, state: str) -> None:
        """Wait until a node is in a state."""
        end = time.monotonic() + 40
        while (seen := {node["name"]: node["state"] for node in self.told("nodes", "list")}[name]) != state:
            assert time.monotonic() < end, seen
            time.sleep(0.3)

    def trace(self, trace_id: str, whole: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Wait until the spans of a trace are complete, and return them."""
        end = time.monotonic() + 30
        while True:
            asked = self.run("logs", "--trace", trace_id, "--json")
            spans: list[dict[str, Any]] = json.loads(asked.stdout)["spans"] if asked.returncode == 0 else []
            if whole(spans):
                return spans
            assert time.monotonic() < end, (spans, asked.stderr)
            time.sleep(0.3)


@pytest.fixture(scope="module")
def service(place: Path, seed: Seed) -> Iterator[Service]:
    folder = place / "logs"
    folder.mkdir()
    started = Service(folder, free_port())
    seed(started.data)
    ports = ["--https-port", str(free_port()), "--nats-port", str(started.nats_port)]
    command = [MANYEYES, "master", "--data", str(started.data), "--listen", "127.0.0.1", *ports]
    own = {"MANYEYES_CONTEXT": str(folder / "user.json")}
    with ExitStack() as stack:
        master = Background.start(command, folder / "master.log", own)
        stack.callback(master.stop)
        master.wait_ready()
        for name in ("n1", "n2"):
            token = started.told("token")["token"]
            arguments = [
                "node",
                "--data",
                str(folder / name),
                "--name",
                name,
                "--workers",
                "1",
                "--join",
                token,
            ]
            node = started.nodes[name] = Background.start([MANYEYES, *arguments], folder / f"{name}.log", own)
            stack.callback(node.stop)
        for node in started.nodes.values():
            node.wait_ready()
        yield started


def names(spans: list[dict[str, Any]]) -> list[str]:
    return [span["name"] for span in spans]


def test_one_picture_from_upload_to_result(service: Service, tmp_path: Path) -> None:
    astronaut().save(tmp_path / "face.jpg", "JPEG")
    (tmp_path / "diary.jpg").write_text("dear diary, today I sent you as a picture")
    sent = service.run("send", str(tmp_path / "face.jpg"), "-o", str(tmp_path / "out"), "--json")
    assert sent.returncode == 0, sent.stderr
    trace_id = json.loads(sent.stdout)["trace_id"]
    assert records(tmp_path / "out")[0]["trace_id"] == trace_id
    spans = service.trace(trace_id, lambda spans: {"picture", "work", "detect"} <= set(names(spans)))
    assert names(spans)[:4] == ["picture", "take in", "queue", "attempt"]
    assert {
        "fetch",
        "wait",
        "work",
        "decode",
        "detect",
        "embed",
        "match",
        "draw",
        "encode",
        "deliver",
        "answer",
    } <= set(names(spans))
    assert spans[0]["facts"]["outcome"] == "done" and spans[0]["facts"]["faces"] >= 1
    assert spans[3]["machine"] in ("n1", "n2")
    shown = service.run("logs", "--trace", trace_id)
    assert shown.stdout.splitlines()[0].split() == ["what", "machine", "ms", "when", "facts"]
    assert "█" in shown.stdout and "detect" in shown.stdout

    failed = service.run("send", str(tmp_path / "diary.jpg"), "-o", str(tmp_path / "bad"))
    assert failed.returncode == 3
    assert "logs --trace" not in failed.stdout, "the log says no more than the error"
    (refused,) = service.trace(records(tmp_path / "bad")[0]["trace_id"], lambda spans: bool(spans))
    assert refused["facts"]["outcome"] == "not-a-picture"
    assert refused["facts"]["size_bytes"] == (tmp_path / "diary.jpg").stat().st_size


def test_the_lines_of_one_machine(service: Service) -> None:
    lines = [
        json.loads(line) for line in service.run("logs", "n1", "--since", "1h", "--json").stdout.splitlines()
    ]
    assert lines and {line["machine"] for line in lines} == {"n1"}
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    grave = service.run("logs", "--level", "error", "--text", "no such words anywhere")
    assert (grave.returncode, grave.stdout) == (0, "") and "no log lines match" in grave.stderr
    follower = subprocess.Popen(
        [MANYEYES, "logs", "-f", "master", "-n", "1"],
        stdout=subprocess.PIPE,
        env={**os.environ, "MANYEYES_CONTEXT": str(service.data / "context.json")},
    )
    assert follower.stdout is not None
    try:
        assert b" master " in follower.stdout.readline()
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(20) == 130


def test_a_node_that_is_killed_half_way_and_who_took_over(service: Service, tmp_path: Path) -> None:
    astronaut().rotate(3).save(tmp_path / "face.jpg", "JPEG")
    service.run("nodes", "pause", "n2")
    family = service.nodes["n1"].family()
    (pid,) = [one.pid for one in family if "manyeyes.node.worker.main" in one.cmdline()]
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(service.run, "send", str(tmp_path / "face.jpg"), "--json")
        service.wait_state("n1", "working")
        os.kill(service.nodes["n1"].process.pid, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        service.wait_state("n1", "lost")
        service.run("nodes", "resume", "n2")
        sent = sending.result(60)
    trace_id = json.loads(sent.stdout)["trace_id"]
    spans = service.trace(trace_id, lambda spans: {"picture", "work"} <= set(names(spans)))
    attempts = [(span["machine"], span["facts"]["how"]) for span in spans if span["name"] == "attempt"]
    assert attempts == [("n1", "node lost"), ("n2", "done")]
    lost = service.run("logs", "--text", "attempt lost", "--json").stdout
    assert trace_id in lost and "goes to another node" in lost


def _visited_console(context: dict[str, Any], link: str) -> dict[str, str]:
    """Sign in by a link and by a key, open pages, and sign out. Returns the secrets that were used."""
    secrets = {"a link": link.partition("link=")[2]}
    for name, key in (("a session by link", secrets["a link"]), ("a session by key", context["api_key"])):
        trust = ssl.create_default_context(cadata=context["ca_pem"])
        with httpx.Client(
            base_url=context["url"], verify=trust, headers={"Origin": context["url"]}
        ) as browser:
            browser.post("/console/sign-in", data={"key": key})
            secrets[name] = browser.cookies["__Host-manyeyes"]
            for path in ("/console/", "/console/nodes", "/console/logs", "/v1/session"):
                assert browser.get(path).status_code == 200
            browser.post("/console/sign-out")
    return secrets


def test_nothing_that_a_log_may_not_hold_is_in_any_of_them(service: Service, tmp_path: Path) -> None:
    """Runs last: it searches the logs of the earlier tests, and those of its own pictures, people and keys."""
    searcher = Searcher()
    pictures = []
    for number in range(3):
        path = tmp_path / f"{number}.jpg"
        astronaut().rotate(number).save(path, "JPEG")
        searcher.picture(path.name, path.read_bytes())
        pictures.append(str(path))
    context = json.loads((service.data / "context.json").read_text())
    searcher.secret("the API key", context["api_key"])
    searcher.secret("another key", service.told("keys", "create", "somebody", "--role", "user")["key"])
    token = service.told("token")["token"]
    searcher.secret("a join token", token)
    for name, secret in _visited_console(context, service.told("console", "--no-open")["url"]).items():
        searcher.secret(name, secret)
    for seed in (*service.folder.glob("n*/node.nk"), service.data / "identity" / "master.nk"):
        searcher.secret(str(seed), seed.read_text().strip())
    assert service.run("people", "add", "Eileen Collins", pictures[0]).returncode == 0
    assert service.run("people", "add", "Nobody", str(tmp_path / "missing.jpg")).returncode != 0
    out = tmp_path / "out"
    assert service.run("send", *pictures, "-o", str(out)).returncode == 0
    assert service.run("send", *pictures, "-o", str(tmp_path / "here"), "--draw", "here").returncode == 0
    assert service.run("send", pictures[0], "--json").returncode == 0
    for line in records(out):
        for face in line["faces"]:
            searcher.secret("a reference", face["reference"])
        drawn = out / line["output"]
        searcher.picture(f"predicted {drawn.name}", drawn.read_bytes())
    with closing(sqlite3.connect(service.data / "master.db", timeout=30)) as db:
        for (embedding,) in db.execute("SELECT embedding FROM photos"):
            searcher.embedding("an embedding", np.frombuffer(embedding, "<f4").astype(float).tolist())
    bad = {**context, "api_key": "mek_" + "w" * 43}
    searcher.secret("a wrong key", bad["api_key"])
    (tmp_path / "bad.json").write_text(json.dumps(bad))
    assert (
        service.run("send", pictures[0], "--json", MANYEYES_CONTEXT=str(tmp_path / "bad.json")).returncode
        == 5
    )
    trace_id = records(out)[0]["trace_id"]
    service.trace(trace_id, lambda spans: {"picture", "work"} <= set(names(spans)))
    surfaces = {
        **left_behind([service.data, *service.folder.glob("n*")]),
        "stream": b"\n".join(stream_lines(service.data, service.nats_port)),
        "index": index_lines(service.data),
        **{str(path): path.read_bytes() for path in service.folder.glob("*.log")},
    }
    assert len([name for name in surfaces if name.endswith("logs/manyeyes.log")]) == 3
    assert all(surfaces.values()), "an empty log proves nothing"
    assert trace_id.encode() in surfaces["stream"] and trace_id.encode() in surfaces["index"]
    assert {name: found for name, text in surfaces.items() if (found := searcher.found(text))} == {}
    for planted in (
        Path(pictures[0]).read_bytes(),
        Path(pictures[1]).read_bytes().hex().encode(),
        token.encode(),
    ):
        assert searcher.found(surfaces["index"] + planted), "the test tells nothing"
