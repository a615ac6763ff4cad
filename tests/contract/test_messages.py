"""Golden bytes: a message that travels differently needs a new version of the contract, and a golden file of its own.

`golden/v5.json` has each message as it travels in version 5, as a text, by the name of the example here.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from manyeyes import contract
from manyeyes.contract import (
    Answer,
    ChunkQuery,
    Command,
    Credit,
    Directive,
    Dispatch,
    DrainAnswer,
    DrainQuery,
    Empty,
    Ended,
    ExecOrder,
    FetchCommand,
    FileFact,
    FileOrder,
    FileReply,
    FlowControl,
    FromMaster,
    FromNode,
    GalleryQuery,
    Grant,
    Heartbeat,
    Hello,
    HostFacts,
    JoinReply,
    JoinRequest,
    Leave,
    LogBatch,
    Order,
    Outcome,
    PackQuery,
    StateBroadcast,
    Task,
    Welcome,
    WorkerReport,
)

GOLDEN = Path(__file__).parent / "golden"
HOST = HostFacts(hostname="h", system="Linux", cpu="c", cores=2, memory_bytes=8, python="3.11.7")
GRANT = Grant(received=3, allowed=5, allowed_bytes=700, line_bytes_per_s=1000.0)
TASK = Task(
    id="t",
    kind="recognize",
    pack="p@1",
    size_bytes=3,
    options={"a": [1, 2.5, "b", None]},
    wants=("picture",),
    state={"gallery": 4},
    traceparent="00-a-b-01",
)

MESSAGES: dict[str, FromNode | FromMaster] = {
    "Answer, of a command": Answer(call="c", number=3, ended=Ended(how="exited", status=1)),
    "Answer, of a file": Answer(
        call="c", number=0, file=FileReply(files=(FileFact(name="f", size_bytes=1),), done=True)
    ),
    "ChunkQuery": ChunkQuery(task_id="t", offset=1, most_bytes=2),
    "Command": Command(call="c", gateway="g", stop=True),
    "Credit": Credit(session="s", grants={"g": GRANT}),
    "Directive": Directive(kind="refused", session="s", detail="d"),
    "Dispatch, of a task": Dispatch(
        gateway="g", session="s", number=7, sent_bytes=9, task=TASK, sent_s=1.5, settled=("u",)
    ),
    "Dispatch, of confirmations": Dispatch(gateway="g", session="s", settled=("t", "u")),
    "DrainAnswer": DrainAnswer(last=7),
    "DrainQuery": DrainQuery(session="s"),
    "Empty": Empty(),
    "FetchCommand": FetchCommand(call="c"),
    "FlowControl": FlowControl(then="go-on"),
    "GalleryQuery": GalleryQuery(have=3, mark="m", least=4, content="c", offset=5),
    "Heartbeat": Heartbeat(
        state="ready",
        session="s",
        desired="pause",
        workers=(WorkerReport(index=0, state="idle"),),
        holding=("t",),
        grants={"g": GRANT},
        host=HOST,
    ),
    "Hello": Hello(session="s", fingerprint="f"),
    "JoinReply": JoinReply(name="n", pack_public_key="k"),
    "JoinRequest": JoinRequest(public_nkey="U", wanted_name="n", version="0", host=HOST),
    "Leave": Leave(session="s", reason="r"),
    "LogBatch": LogBatch(sent_at=1.5),
    "Order, of a command": Order(command=ExecOrder(args=("a", "b"), timeout_s=1.5)),
    "Order, of a file": Order(
        file=FileOrder(kind="put", name="n", offset=1, size_bytes=2, sha256="s", zipped=True)
    ),
    "Outcome": Outcome(
        session="s",
        task_id="t",
        status="done",
        code="c",
        detail="d",
        parts={"result": 9, "picture": 8},
        grant=GRANT,
    ),
    "PackQuery": PackQuery(sha256="s", offset=1),
    "StateBroadcast": StateBroadcast(gateway="g", sent_s=1.5, gallery_version=3, pack="s"),
    "Welcome": Welcome(gateway="g", approved=True, desired="pause"),
}


def golden(version: int) -> dict[str, str]:
    found: dict[str, str] = json.loads((GOLDEN / f"v{version}.json").read_text())
    return found


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_travels_as_its_version_says(name: str) -> None:
    message, text = MESSAGES[name], golden(contract.NEWEST)[name]
    assert message.wire().decode() == text
    assert type(message).model_validate_json(text) == message


def _below(kind: type) -> set[type]:
    """The classes of messages of a kind; what only several have in common begins with `_`."""
    found = {below for child in kind.__subclasses__() for below in (child, *_below(child))}
    return {below for below in found if not below.__name__.startswith("_")}


def test_every_message_has_golden_bytes() -> None:
    kinds = {
        kind
        for kind in vars(contract).values()
        if isinstance(kind, type)
        and issubclass(kind, FromNode | FromMaster)
        and kind not in (FromNode, FromMaster)
    }
    assert kinds == _below(FromNode) | _below(FromMaster), "one is not exported"
    assert kinds == {type(message) for message in MESSAGES.values()}
    assert golden(contract.NEWEST).keys() == MESSAGES.keys()


def test_what_nodes_of_older_versions_say_is_still_read() -> None:
    for version in range(contract.OLDEST, contract.NEWEST + 1):
        for name, text in golden(version).items():
            type(MESSAGES[name]).model_validate_json(text)


def with_more(message: FromNode | FromMaster) -> bytes:
    return json.dumps({**json.loads(message.wire()), "of_tomorrow": 1}).encode()


@pytest.mark.parametrize("name", MESSAGES)
def test_nodes_say_nothing_unknown_but_in_their_greetings_and_masters_may(name: str) -> None:
    message = MESSAGES[name]
    if isinstance(message, FromMaster | Hello | JoinRequest):
        assert type(message).model_validate_json(with_more(message)) == message
    else:
        with pytest.raises(ValidationError, match="of_tomorrow"):
            type(message).model_validate_json(with_more(message))


def test_a_node_speaks_the_version_that_was_agreed_on_and_no_other() -> None:
    for version in (contract.OLDEST - 1, contract.NEWEST + 1):
        with pytest.raises(ValidationError):
            Leave.model_validate({"v": version})
        assert Hello.model_validate({"v": version, "session": "s"}).v == version
        assert JoinRequest.model_validate(
            {"v": version, "public_nkey": "U", "wanted_name": "n", "version": "0", "host": HOST.model_dump()}
        )
        assert DrainAnswer.model_validate({"v": version, "last": 1}).last == 1


@pytest.mark.parametrize(
    "lie",
    [
        {"received": -1},
        {"allowed": 2**63},
        {"allowed_bytes": -1},
        {"line_bytes_per_s": -0.5},
    ],
    ids=str,
)
def test_a_grant_counts_from_nothing_up_and_not_without_end(lie: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Grant.model_validate(lie)


def test_a_node_cannot_name_gateways_or_parts_without_end() -> None:
    heartbeat, outcome = MESSAGES["Heartbeat"].model_dump(), MESSAGES["Outcome"].model_dump()
    with pytest.raises(ValidationError):
        Heartbeat.model_validate({**heartbeat, "grants": {str(n): GRANT.model_dump() for n in range(65)}})
    with pytest.raises(ValidationError):
        Outcome.model_validate({**outcome, "parts": {str(n): 1 for n in range(17)}})


@pytest.mark.parametrize(
    ("node", "master", "spoken"),
    [
        ((5, 5), (5, 5), 5),
        ((5, 6), (5, 5), 5),
        ((5, 5), (5, 6), 5),
        ((5, 7), (5, 6), 6),
        ((5, 6), (6, 7), 6),
        ((6, 7), (5, 6), 6),
        ((4, 9), (5, 7), 7),
        ((6, 6), (5, 5), None),
        ((5, 5), (6, 7), None),
        ((1, 4), (5, 5), None),
        ((7, 6), (5, 9), None),
    ],
)
def test_a_node_and_its_master_agree_on_the_newest_version_of_both(
    node: tuple[int, int], master: tuple[int, int], spoken: int | None
) -> None:
    assert contract.agreed(*node, *master) == spoken


def test_subjects_are_as_agreed() -> None:
    assert contract.node_subject("cellar-2", "result", "g1") == "me.gw.g1.node.cellar-2.result"
    assert contract.node_subject("cellar-2", "heartbeat", contract.ALL) == "me.gw.all.node.cellar-2.heartbeat"
    assert contract.node_subject("cellar-2", "hello", contract.ANY) == "me.gw.any.node.cellar-2.hello"
    assert contract.node_subjects("cellar-2") == "me.gw.*.node.cellar-2.*"
    assert contract.gateway_subjects("g1") == "me.gw.g1.node.>"
    assert contract.parse_node_subject("me.gw.g1.node.cellar-2.result") == ("cellar-2", "result")
    assert contract.dispatch_subject("cellar-2") == "me.dispatch.cellar-2"
    assert contract.command_subject("cellar-2") == "me.command.cellar-2"
    assert contract.directive_subject("cellar-2") == "me.directive.cellar-2"
    assert contract.join_subject("ab") == "me.join.ab"
    assert contract.old_hello_subject("cellar-2") == "me.node.cellar-2.hello"
    assert contract.logs_subject("node", "cellar-2") == "me.logs.node.cellar-2"
    assert contract.parse_logs_subject("me.logs.node.cellar-2") == ("node", "cellar-2")
    assert contract.inbox_prefix("cellar-2") == "_INBOX_cellar-2"


def test_who_speaks_is_told_by_the_subject() -> None:
    assert contract.speaker("me.gw.any.node.cellar-2.hello") == "cellar-2"
    assert contract.speaker("me.node.cellar-2.hello") == "cellar-2"
    assert contract.speaker("me.join.ab") == contract.join_name("ab") == "join-ab"
