"""Health, metrics, the last hour, alerts and notices of change, with a real master."""

from __future__ import annotations

import json
import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from manyeyes import Client, ManyeyesError
from manyeyes.monitoring.change_events import KINDS
from manyeyes.sdk.context import load_context
from tests.integration.conftest import Network, picture, running_network

pytestmark = pytest.mark.timeout(90)


def wait_for(met: Callable[[], bool], what: str, timeout_s: float = 15) -> None:
    end = time.monotonic() + timeout_s
    while not met():
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)


@contextmanager
def asking(network: Network, key: str | None = None) -> Iterator[httpx.Client]:
    """A plain HTTP client without the SDK, like Prometheus or a load balancer."""
    context = load_context(network.data / "context.json")
    ca = network.folder / "ca.pem"
    ca.write_text(context.ca_pem)
    headers = {"Authorization": f"Bearer {context.api_key if key is None else key}"}
    verify = ssl.create_default_context(cafile=str(ca))
    with httpx.Client(
        base_url=context.url, headers=headers, verify=verify, trust_env=False, timeout=10
    ) as http:
        yield http


def wrong(http: httpx.Client, path: str) -> set[str]:
    answer = http.get(path)
    body = answer.json()
    found = {one["what"] for one in body["wrong"]}
    assert answer.status_code == (503 if found else 200)
    assert all(one["detail"] in body["detail"] for one in body["wrong"])
    return found


def figures(http: httpx.Client) -> dict[str, float]:
    """Every sample of /metrics, as `name{label=value}`."""
    answer = http.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        sample.name + "".join(f"{{{k}={v}}}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def engine_of(network: Network) -> psutil.Process:
    children = psutil.Process(network.master.process.pid).children()
    (found,) = [child for child in children if "nats-server" in child.name()]
    return found


def test_health_says_what_is_wrong(network: Network) -> None:
    with asking(network, key="none-at-all") as http:
        assert wrong(http, "/healthz") == set()
        assert wrong(http, "/readyz") == {"nodes"}
        with network.node("a"):
            assert wrong(http, "/readyz") == set()
            engine = engine_of(network)
            engine.suspend()
            wait_for(lambda: wrong(http, "/readyz") >= {"engine-silent"}, "a frozen engine")
            assert wrong(http, "/healthz") == set(), "the process and its engine are there"
            engine.resume()
            wait_for(lambda: not wrong(http, "/readyz"), "the engine is back")
            os.kill(engine.pid, signal.SIGKILL)
            wait_for(lambda: wrong(http, "/healthz") == {"engine"}, "a dead engine", 3)
            wait_for(lambda: not wrong(http, "/healthz"), "the engine was started again")
            wait_for(lambda: not wrong(http, "/readyz"), "and nodes are back")
        wait_for(lambda: wrong(http, "/readyz") == {"nodes"}, "the node left")


def test_a_master_that_stands_still_does_not_answer_and_one_that_stops_says_so(network: Network) -> None:
    with asking(network) as http, network.node("a"), ThreadPoolExecutor(1) as pool:
        network.master.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(httpx.TimeoutException):
                http.get("/healthz", timeout=1)
        finally:
            network.master.process.send_signal(signal.SIGCONT)
        wait_for(lambda: not wrong(http, "/readyz"), "it goes on")
        sent = pool.submit(network.client.recognize, picture(b"LONG"))
        wait_for(lambda: figures(http)["manyeyes_pictures_running"] == 1, "a picture is worked on")
        network.master.process.terminate()
        wait_for(lambda: "stopping" in wrong(http, "/readyz"), "a master that stops", 2)
        assert wrong(http, "/healthz") == set()
        assert sent.result(20).result.pack == "faulty@1.0.0", "what was taken in is answered"


def test_a_full_disk_is_not_ready_and_needs_a_person(
    tmp_path: Path, faulty_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANYEYES_ALERTS_DISK_LEAST_BYTES", str(2**60))
    with running_network(tmp_path, faulty_pack) as network, asking(network) as http:
        assert wrong(http, "/healthz") == set()
        assert wrong(http, "/readyz") == {"nodes", "disk"}
        wait_for(
            lambda: "disk-full" in {one["kind"] for one in http.get("/v1/overview").json()["alerts"]},
            "the full disk is told of",
        )


def test_figures_add_up(network: Network) -> None:
    with asking(network) as http, network.node("a"):
        for number in range(3):
            network.client.recognize(picture(shade=number))
        with pytest.raises(ManyeyesError):
            network.client.recognize(picture(b"CRASH"))
        with pytest.raises(ManyeyesError):
            network.client.recognize(b"no picture")
        wait_for(lambda: figures(http)["manyeyes_worker_restarts_total"] >= 4, "workers were replaced")
        found = figures(http)
        assert found["manyeyes_pictures_accepted_total{operation=recognize}"] == 4
        assert found["manyeyes_pictures_done_total{operation=recognize}"] == 3
        assert found["manyeyes_pictures_failed_total{operation=recognize}{reason=picture-kills-workers}"] == 1
        assert found["manyeyes_pictures_refused_total{reason=not-a-picture}"] == 1
        assert found["manyeyes_attempts_failed_total"] == 4
        assert found["manyeyes_pictures_waiting"] == found["manyeyes_pictures_running"] == 0
        assert found["manyeyes_stage_seconds_count{stage=whole}"] == 4
        assert found["manyeyes_stage_seconds_count{stage=queue}"] == 4
        assert found["manyeyes_stage_seconds_count{stage=transfer}"] == 3
        assert found["manyeyes_stage_seconds_count{stage=decode}"] == 3
        assert found["manyeyes_stage_seconds_count{stage=other}"] == 3, "a stage that is not ours"
        assert found["manyeyes_nodes{state=lost}"] == 0
        assert sum(value for name, value in found.items() if name.startswith("manyeyes_nodes{")) == 1
        sent = sum(len(picture(shade=number)) for number in range(3)) + len(picture(b"CRASH"))
        assert sent <= found["manyeyes_user_received_bytes_total"] < sent + 5000
        assert found["manyeyes_user_sent_bytes_total"] > 1000
        assert found["manyeyes_node_received_bytes_total"] > 1000
        assert found["manyeyes_node_sent_bytes_total"] > sent
        assert found["manyeyes_gallery_people"] == 0
        node = network.client.node("a")
        assert 0 < node.disk_free_bytes <= node.disk_bytes
        assert found["process_resident_memory_bytes"] > 10_000_000
        names = [name for name in found if name.startswith("manyeyes_")]
        assert not [name for name in names if "_created" in name]


def test_figures_need_a_key_and_the_rest_a_role(shared: Network) -> None:
    key = shared.client.create_key("prometheus", "user").key
    with asking(shared, key="nobody's") as http:
        assert http.get("/metrics").status_code == 401
    with asking(shared, key=key) as http:
        assert http.get("/metrics").status_code == 200
        assert http.get("/v1/overview").json()["alerts"] is None
        refused = ("/v1/history", "/v1/nodes/a/history", "/v1/events", "/v1/settings")
        assert [http.get(path).status_code for path in refused] == [403] * 4


def test_what_needs_a_person_comes_and_goes(network: Network) -> None:
    def kinds() -> set[str]:
        return {one.kind for one in network.client.overview().alerts or ()}

    wait_for(lambda: kinds() == {"no-node", "no-people"}, "an empty service")
    token = network.client.create_token(60, approve=True).token
    with network.node("a", wait=False, MANYEYES_NODE_JOIN=token):
        wait_for(lambda: "approval" in kinds(), "a node waits for approval")
        (told,) = [one for one in network.client.overview().alerts or () if one.kind == "approval"]
        assert told.node == "a"
        assert "manyeyes nodes approve a" in told.what_to_do
        network.client.tell_node("a", "approve")
        wait_for(lambda: kinds() == {"no-people"}, "it was let in")
        with pytest.raises(ManyeyesError):
            network.client.recognize(picture(b"CRASH"))
        wait_for(lambda: {"failing", "crashing"} <= kinds(), "a node whose workers crash")


def test_the_last_hour_is_told(network: Network) -> None:
    with network.node("a"):
        for number in range(5):
            network.client.recognize(picture(shade=number))
        assert network.client.overview().done_per_s > 0
        wait_for(lambda: sum(network.client.history().done_per_s) > 0, "a full bucket with pictures", 25)
        whole, node = network.client.history(), network.client.node_history("a")
        assert sum(whole.done_per_s) == sum(node.done_per_s) == pytest.approx(0.5)
        assert whole.ready_nodes[-1] == 1
        assert node.node == "a"
        assert len(whole.done_per_s) == len(whole.waiting) == len(whole.ready_nodes) == len(node.done_per_s)


def test_changes_are_told_as_they_happen(network: Network) -> None:
    context = load_context(network.data / "context.json")
    with Client(context) as listening:
        events = listening.events()

        def until_told(*kinds: str) -> None:
            missing = set(kinds)
            while missing:
                missing.discard(next(events).kind)

        until_told(*KINDS)
        network.client.create_key("somebody", "user")
        until_told("keys")
        network.client.set_threshold(distance=0.4)
        until_told("people", "threshold")
        with network.node("a"):
            until_told("nodes", "packs", "alerts")
            network.client.recognize(picture())
            until_told("pictures")
        network.master.process.terminate()
        began = time.monotonic()
        with pytest.raises(ManyeyesError):
            for _ in events:
                pass
        network.master.process.wait(20)
        assert time.monotonic() - began < 5, "listeners keep a master from stopping"


def test_a_listener_whose_key_is_revoked_is_let_go(shared: Network) -> None:
    key = shared.client.create_key("console", "operator").key
    with asking(shared, key=key) as http, http.stream("GET", "/v1/events") as answer:
        lines = answer.iter_lines()
        assert [json.loads(next(lines))["kind"] for _ in KINDS] == list(KINDS)
        shared.client.revoke_key("console")
        assert list(lines) == [], "not even the notice of its own end"


def test_settings_are_told_with_a_sentence_each(shared: Network) -> None:
    found = {setting.name: setting for setting in shared.client.settings()}
    waiting = found["MANYEYES_LIMITS_MAX_WAITING"]
    assert (waiting.value, waiting.default, waiting.changed) == (2000, 2000, False)
    assert found["MANYEYES_MASTER_HTTPS_PORT"].changed
    assert "MANYEYES_RATE_LIMIT_CONNECTIONS" in found
    assert [name for name, setting in found.items() if not setting.sentence] == []
