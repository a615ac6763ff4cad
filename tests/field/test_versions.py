"""Nodes and masters of other versions: both sides say both versions, and the command that mends it."""

from __future__ import annotations

import asyncio
import json

import pytest

from manyeyes import contract
from manyeyes.broker import join
from manyeyes.config import AlertLimits
from manyeyes.contract import Introduction, Leave, introduced
from manyeyes.contract import message as messages
from manyeyes.contract.mismatch import check_versions, unreadable_node
from manyeyes.errors import TokenRefused, VersionMismatch
from manyeyes.fleet.node_state import Fleet
from manyeyes.monitoring.alert_facts import NodeFacts
from manyeyes.monitoring.alerts import _node
from manyeyes.version import VERSION
from tests.integration.conftest import Network, until
from tests.integration.test_versions import HELLO, asked, joined, member, said


@pytest.mark.parametrize(
    ("content", "headers", "read"),
    [
        (b'{"v":6,"oldest":5,"newest":6,"session":"s"}', {"Me-Release": "0.9"}, Introduction(5, 6, "0.9")),
        (b'{"v":4,"version":"0.0.9","what":[1]}', {}, Introduction(4, 4, "0.0.9")),
        (b'{"v":4,"version":"0\\u001b[31m"}', {"Me-Release": "1" * 99}, Introduction(4, 4, "1" * 40)),
        (b'{"v":4,"version":"0\\u001b[31m"}', {}, Introduction(4, 4, "0 [31m")),
        (b'{"v":"six","oldest":true,"newest":-1,"version":7}', {}, Introduction(0, 0)),
        (b"[1]", {}, Introduction(0, 0)),
        (b"\xff\x00", {}, Introduction(0, 0)),
        (b"[" * 100_000, {}, Introduction(0, 0)),
    ],
)
def test_who_speaks_what_is_read_from_a_message_of_any_form(
    content: bytes, headers: dict[str, str], read: Introduction
) -> None:
    assert introduced(content, headers) == read


@pytest.mark.parametrize(
    ("said", "versions", "mend"),
    [
        (
            Introduction(6, 7, "0.9"),
            "versions 6 to 7 of the wire contract (manyeyes 0.9)",
            "update the master",
        ),
        (Introduction(3, 4), "version 4", "'manyeyes nodes add USER@HOST'"),
        (Introduction(0, 0), "an unknown version", "update manyeyes on the node"),
    ],
)
def test_the_master_says_both_versions_and_what_mends_it(
    said: Introduction, versions: str, mend: str
) -> None:
    with pytest.raises(VersionMismatch) as refused:
        check_versions(said)
    told = refused.value.detail
    assert versions.replace("version 4", "versions 3 to 4") in told and mend in told
    assert f"the master version {contract.NEWEST} (manyeyes {VERSION})" in told


def test_a_message_of_the_right_version_that_cannot_be_read_says_so_too() -> None:
    told = unreadable_node(Introduction(contract.OLDEST, contract.NEWEST, "0.9")).detail
    assert told.startswith("the master cannot read what this node says") and "(manyeyes 0.9)" in told


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b'{"v":7,"reply":{"deep":1}}', "the master speaks version 7"),
        (b"nonsense", "the master speaks an unknown version"),
        (b'{"v":4,"code":"version-mismatch","detail":"no"}', "no; the master speaks version 4"),
    ],
)
def test_a_node_says_both_versions_of_a_master_that_it_cannot_read(answer: bytes, told: str) -> None:
    with pytest.raises(VersionMismatch) as refused:
        join._joined(answer)
    assert told in refused.value.detail and f"this node version {contract.NEWEST} (manyeyes {VERSION})" in (
        refused.value.detail
    )
    with pytest.raises(TokenRefused, match="late"):
        join._joined(b'{"v":5,"code":"token-refused","detail":"late"}')


def test_a_node_speaks_the_version_that_the_welcome_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_spoken", messages._spoken)
    monkeypatch.setattr(messages, "OLDEST", 4)
    messages.speak(4)
    assert json.loads(Leave.model_construct().wire())["v"] == 4
    messages.speak(contract.NEWEST + 3)
    assert json.loads(Leave().wire())["v"] == contract.NEWEST


def test_a_version_mismatch_has_an_alert_with_the_command_until_it_is_understood() -> None:
    fleet = Fleet(4, 7)
    fleet.register("a")
    fleet.version_mismatch("a", "the node speaks 6, the master 5; update the master: 'x'")
    assert fleet.nodes["a"].state == "joining" and fleet.nodes["a"].reason.startswith("the node speaks 6")
    (alert,) = _node(
        NodeFacts("a", "lost", version_mismatch=fleet.nodes["a"].version_mismatch, state_for_s=1e4),
        AlertLimits(),
    )
    assert (alert.kind, alert.what_to_do) == ("version", "update the master: 'x'")
    assert "the node speaks 6, the master 5" in alert.sentence


def test_who_joins_with_an_older_release_reads_the_refusal_in_its_own_version(shared: Network) -> None:
    reply, _ = asyncio.run(joined(shared, v=4))
    assert reply["v"] == 4, "nodes of version 4 read messages of version 4 only"
    assert "version 4" in reply["detail"] and VERSION in reply["detail"]
    reply, _ = asyncio.run(joined(shared, v=5, fingerprint=[1]))
    assert (reply["v"], reply["code"]) == (5, "version-mismatch"), reply
    assert "cannot read what this node says" in reply["detail"]


def test_a_node_of_another_version_is_shown_with_both_versions(shared: Network) -> None:
    async def main() -> None:
        async with member(shared) as client:
            newer = said(v=6, oldest=6, newest=6, greeting={"of": "tomorrow"})
            answer = await client.request(HELLO, newer, timeout=5, headers={"Me-Release": "0.9\x1b[31m"})
            assert (answer.headers or {})[contract.HEADER_ERROR] == "version-mismatch"
            assert "update the master" in (answer.headers or {})[contract.HEADER_DETAIL]
            reason = await asyncio.to_thread(lambda: shared.client.node("hand").reason)
            assert reason and "version 6" in reason and VERSION in reason and "\x1b" not in reason
            await asyncio.to_thread(until, lambda: "version" in alerts(), seen=alerts)
            heartbeat = contract.node_subject("hand", "heartbeat", contract.ALL)
            await client.publish(heartbeat, said(v=7, mood="new"))
            await client.flush()
            await asyncio.to_thread(until, lambda: "version 7" in (shared.client.node("hand").reason or ""))

    def alerts() -> set[str]:
        return {one.kind for one in shared.client.overview().alerts}

    asyncio.run(main())


def test_each_node_has_its_release(shared: Network) -> None:
    async def main() -> None:
        async with member(shared) as client:
            assert (await asyncio.to_thread(shared.client.node, "hand")).version == "x"
            hello = said(v=5, oldest=5, newest=5, session="s", fingerprint="")
            answer = await client.request(HELLO, hello, timeout=5, headers={"Me-Release": "0.2.1"})
            assert contract.HEADER_ERROR not in (answer.headers or {})
            assert (await asyncio.to_thread(shared.client.node, "hand")).version == "0.2.1"
            await asked(client, HELLO, hello)
            assert (await asyncio.to_thread(shared.client.node, "hand")).version == "0.2.1", (
                "as was said last"
            )

    asyncio.run(main())
