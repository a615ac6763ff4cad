"""Logs with a real engine: limited in size, indexed again after a restart, followed; they contain no secrets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from manyeyes import (
    Client,
    NodeNotFound,
    NotAllowed,
    NotAPicture,
    Patience,
    PictureKillsWorkers,
    TraceNotFound,
    Unavailable,
)
from manyeyes.api.logs import LogLine, Trace
from manyeyes.sdk.trust import trust
from tests.integration.conftest import Network, picture, running_network
from tests.searching import Searcher, index_lines, left_behind, stream_lines


def until(met: Callable[[], bool], what: str, timeout_s: float = 20) -> None:
    end = time.monotonic() + timeout_s
    while not met():
        assert time.monotonic() < end, f"not after {timeout_s:.0f} s: {what}"
        time.sleep(0.1)


def trace_with(client: Client, trace_id: str, *names: str) -> Trace:
    """Wait until a trace has spans with these names, and return it."""
    found: list[Trace] = []

    def there() -> bool:
        try:
            found.append(client.logs.trace(trace_id))
        except TraceNotFound:
            return False
        return {span.name for span in found[-1].spans} >= set(names)

    until(there, f"spans {names} of trace {trace_id}")
    return found[-1]


def test_a_picture_is_followed_through_retries_and_by_its_own_sender_only(network: Network) -> None:
    key = network.client.create_key("alice").key
    other = network.client.create_key("bob").key
    context = network.client.context
    with (
        network.node("a"),
        network.node("b"),
        Client(replace(context, api_key=key)) as alice,
        Client(replace(context, api_key=other)) as bob,
    ):
        answer = alice.recognize(picture(b"ONCE"))
        trace = trace_with(alice, answer.result.trace_id, "picture", "attempt", "work")
        hows = [span.facts["how"] for span in trace.spans if span.name == "attempt"]
        assert hows[0] == "crashed" and hows[-1] == "done"
        assert trace.spans[0].facts["who"] == "alice" and trace.spans[0].facts["outcome"] == "done"
        assert {line.event for line in trace.lines} == {"picture", "attempt"}
        with pytest.raises(TraceNotFound):
            bob.logs.trace(trace.trace_id)
        for refused in (lambda: alice.logs.list(), lambda: next(alice.logs.follow())):
            with pytest.raises(NotAllowed):
                refused()
        assert len(network.client.logs.trace(trace.trace_id).lines) >= 3
        with pytest.raises(NotAPicture) as failed:
            alice.recognize(b"dear diary, this is none")
        until(
            lambda: bool(network.client.logs.list(level="warning", trace_id=failed.value.trace_id).lines),
            "a failure",
        )
        for asked in (network.client.logs.list, lambda **who: next(network.client.logs.follow(**who))):
            with pytest.raises(NodeNotFound, match="no machine is called 'lab-99'"):
                asked(machine="lab-99")
        spans = trace_with(alice, failed.value.trace_id, "picture").spans
        assert [(span.name, span.facts["outcome"]) for span in spans] == [("picture", "not-a-picture")]
    everything = str(network.client.logs.list(limit=1000))
    assert "diary" not in everything and key not in everything


def test_traceparent_is_taken_passed_on_and_given_back(network: Network) -> None:
    trace_id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    context = network.client.context
    with (
        network.node("a"),
        httpx.Client(
            base_url=context.url,
            verify=trust(context),
            headers={"Authorization": f"Bearer {context.api_key}"},
        ) as http,
    ):

        def send(traceparent: str, data: bytes, key: str = "") -> httpx.Response:
            headers = {"traceparent": traceparent, **({"Idempotency-Key": key} if key else {})}
            extensions = {"sni_hostname": "manyeyes-master"}
            return http.post("/v1/recognize", content=data, headers=headers, extensions=extensions)

        def outcomes() -> list[str]:
            spans = trace_with(network.client, trace_id).spans
            return [span.facts["outcome"] for span in spans if span.depth == 0]

        taken = send(f"00-{trace_id}-{parent}-01", picture(shade=1), "k")
        assert taken.json()["trace_id"] == trace_id
        assert taken.headers["traceparent"].startswith(f"00-{trace_id}-")
        again = send("", picture(shade=1), "k")
        assert again.json()["trace_id"] == trace_id, "the trace in which it was worked on"
        fresh = send("00-malformed-01", picture(shade=2))
        assert len(fresh.json()["trace_id"]) == 32 and fresh.json()["trace_id"] != trace_id
        refused = send(f"00-{trace_id}-{parent}-01", b"text")
        assert refused.status_code == 415 and refused.json()["trace_id"] == trace_id
        until(lambda: outcomes() == ["done", "not-a-picture"], "both pictures of the trace")
        spans = trace_with(network.client, trace_id, "picture", "work").spans
        assert spans[0].facts["parent"] == parent


def test_lines_are_followed_as_they_come(network: Network) -> None:
    heard: list[LogLine] = []

    def follow() -> None:
        with Client(network.client.context) as client:
            for line in client.logs.follow(machine="a", level="info", limit=0):
                heard.append(line)
                if line.event == "attempt":
                    return

    follower = threading.Thread(target=follow)
    with network.node("a"):
        follower.start()
        time.sleep(1)
        trace_id = network.client.recognize(picture()).result.trace_id
        follower.join(20)
        assert not follower.is_alive()
    assert {line.machine for line in heard} == {"a"}
    assert heard[-1].trace_id == trace_id
    assert [line.number for line in heard] == sorted({line.number for line in heard}), "each once"


def test_a_master_goes_on_after_a_restart_and_a_lost_index_is_made_anew(
    tmp_path: Path, faulty_pack: Path
) -> None:
    with running_network(tmp_path, faulty_pack) as network:
        with network.node("a"):
            first = network.client.recognize(picture()).result.trace_id
            trace_with(network.client, first, "work")
        until(
            lambda: bool(network.client.logs.list(machine="a", text="draining").lines),
            "the node's last lines",
        )
    with running_network(tmp_path, faulty_pack) as network:
        assert network.state("a") == "left", "it was stopped as it should be"
        until(lambda: len(network.client.logs.list(text="engine started").lines) == 2, "lines of both starts")
        before = network.client.logs.list(limit=1000).lines
        numbers = [line.number for line in before]
        assert len(set(numbers)) == len(numbers)
        assert sum(line.event == "attempt" for line in before) == 1, "indexed once"
    for path in (tmp_path / "master").glob("logs.db*"):
        path.unlink()
    with running_network(tmp_path, faulty_pack) as network:
        until(
            lambda: len(network.client.logs.list(text="engine started").lines) == 3, "lines of three starts"
        )
        assert len(network.client.logs.trace(first).lines) >= 2


def test_the_stream_keeps_so_many_batches_of_a_machine(
    tmp_path: Path, faulty_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANYEYES_LOGS_MACHINE_BATCHES", "3")
    with running_network(tmp_path, faulty_pack) as network, network.node("a"):
        for shade in range(8):
            network.client.recognize(picture(shade=shade))
            time.sleep(0.6)
        until(
            lambda: len(network.client.logs.list(text="attempt", machine="a").lines) >= 8, "all lines indexed"
        )
        batches = list(stream_lines(tmp_path / "master", network.nats_port))
    assert 2 <= len(batches) <= 6


def test_a_node_whose_lines_go_nowhere_recognises_all_the_same(
    tmp_path: Path, faulty_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node's log files cannot be written, and the master accepts almost no lines from it."""
    monkeypatch.setenv("MANYEYES_LOGS_MACHINE_LINES_PER_S", "0.01")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "logs").write_text("a file where the folder should be")
    with running_network(tmp_path, faulty_pack) as network, network.node("a"):
        answers = [network.client.recognize(picture(shade=shade)) for shade in range(20)]
        assert len({answer.result.trace_id for answer in answers}) == 20
        assert network.ended("done") == 20
        until(
            lambda: bool(network.client.logs.list(text="lines of a node's log were dropped").lines),
            "the count of what was dropped",
        )
        (line,) = network.client.logs.list(text="lines of a node's log were dropped", limit=1).lines
        assert line.fields["node"] == "a" and line.fields["lines"] > 5


def test_nothing_secret_is_in_any_log(network: Network) -> None:
    searcher = Searcher()
    shades = range(3)
    sent = [picture(b"TELLS", 7), *(picture(shade=shade) for shade in shades)]
    data = network.data
    for number, content in enumerate(sent):
        searcher.picture(f"picture {number}", content)
    searcher.secret("the API key", network.client.context.api_key)
    searcher.secret("another API key", network.client.create_key("somebody").key)
    token = network.client.create_token(60).token
    searcher.secret("a join token", token)
    wrong = "mek_" + "w" * 43
    searcher.secret("a wrong key", wrong)
    with network.node("a") as node:
        searcher.secret("the node's seed", (network.folder / "a" / "node.nk").read_text().strip())
        searcher.secret("the master's seed", (data / "identity" / "master.nk").read_text().strip())
        for content in sent[1:]:
            network.client.recognize(content)
        with (
            Client(replace(network.client.context, api_key=wrong)) as stranger,
            pytest.raises(Exception, match="key"),
        ):
            stranger.recognize(sent[2])
        short = Patience(total_s=0, attempt_s=15)
        with (
            Client(network.client.context, patience=short) as hasty,
            pytest.raises((PictureKillsWorkers, Unavailable)) as told,
        ):
            hasty.recognize(sent[0])
        trace_with(network.client, told.value.trace_id, "work")
        until(lambda: bool(network.client.logs.list(text="cannot decode").lines), "what the worker said")
        stream = b"\n".join(stream_lines(data, network.nats_port))
        surfaces = {
            **left_behind([data, network.folder / "a"]),
            "stream": stream,
            "index": index_lines(data),
            "master's stderr": network.master.log.read_bytes(),
            "node's stderr": node.log.read_bytes(),
        }
    assert b"cannot decode" in surfaces["stream"] and b"<bytes>" in surfaces["node's stderr"]
    assert len([name for name in surfaces if name.endswith("manyeyes.log")]) == 2
    assert {name: found for name, text in surfaces.items() if (found := searcher.found(text))} == {}
    planted = {
        "raw": sent[2], "hex": sent[2].hex().encode(), "repr": repr(sent[2]).encode(),
        "text": json.dumps({"a": sent[2].decode("latin-1")}, ensure_ascii=False).encode(), "token": token.encode(),
    }  # fmt: skip
    assert all(searcher.found(surfaces["stream"] + text) for text in planted.values()), (
        "the test tells nothing"
    )
