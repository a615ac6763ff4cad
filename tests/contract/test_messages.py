"""Golden bytes: a message that travels differently needs a new CONTRACT_VERSION and new bytes here."""

from __future__ import annotations

import pytest

from manyeyes import contract
from manyeyes.contract import (
    Answer,
    Beat,
    Claim,
    Command,
    Directive,
    Ended,
    Enrolled,
    ExecOrder,
    Farewell,
    FileFact,
    FileOrder,
    FileReply,
    GalleryQuery,
    Heard,
    Hello,
    HostFacts,
    JoinReply,
    JoinRequest,
    LogBatch,
    Message,
    News,
    Order,
    Outcome,
    PackQuery,
    Take,
    Task,
    UnknownFace,
    Welcome,
    WorkerReport,
)
from manyeyes.results import Caution

HOST = HostFacts(hostname="h", system="Linux", cpu="c", cores=2, memory_bytes=8, python="3.11.7")
HOST_BYTES = '{"hostname":"h","system":"Linux","cpu":"c","cores":2,"memory_bytes":8,"python":"3.11.7"}'

GOLDEN: list[tuple[Message, str]] = [
    (
        Task(
            id="t",
            operation="enrol",
            gateway="g",
            pack="p@1",
            size_bytes=3,
            sha256="d",
            draw=False,
            gallery_version=4,
        ),
        '{"v":4,"id":"t","operation":"enrol","gateway":"g","pack":"p@1","size_bytes":3,"sha256":"d",'
        '"draw":false,"gallery_version":4,"landmarks_px":[],"keep_unknown":false,"thumbnail":false,"traceparent":""}',
    ),
    (
        Claim(task_id="t", gateway="g", ack="a"),
        '{"v":4,"task_id":"t","gateway":"g","ack":"a","offset":0,"held":false}',
    ),
    (
        Outcome(task_id="t", kind="error", code="c", detail="d"),
        '{"v":4,"task_id":"t","kind":"error","result":null,"enrolled":null,"embeddings":"","unknown":[],"thumbnail":"","code":"c","detail":"d"}',
    ),
    (
        Outcome(
            task_id="t",
            kind="done",
            enrolled=Enrolled(
                embedding=(0.5,),
                embedder="e",
                box_xyxy_px=(1, 2, 3, 4),
                warnings=(Caution(kind="small", value=50, limit=80, sentence="s"),),
                portrait_landmarks_px=((1.5, 2.0),),
            ),
            embeddings="ADw=",
        ),
        '{"v":4,"task_id":"t","kind":"done","result":null,"enrolled":{"embedding":[0.5],"embedder":"e",'
        '"box_xyxy_px":[1,2,3,4],"warnings":[{"kind":"small","value":50.0,"limit":80.0,"sentence":"s","photo":"",'
        '"photo_id":null,"people":[]}],"portrait_landmarks_px":[[1.5,2.0]]},"embeddings":"ADw=","unknown":[],"thumbnail":"","code":"","detail":""}',
    ),
    (
        Outcome(
            task_id="t",
            kind="done",
            unknown=(
                UnknownFace(face=1, jpeg="/9j/", landmarks_px=((1.5, 2.0),), width_px=90, sharpness=4.5),
            ),
            thumbnail="/9j/",
        ),
        '{"v":4,"task_id":"t","kind":"done","result":null,"enrolled":null,"embeddings":"","unknown":[{"face":1,'
        '"jpeg":"/9j/","landmarks_px":[[1.5,2.0]],"width_px":90,"sharpness":4.5,"warnings":[]}],'
        '"thumbnail":"/9j/","code":"","detail":""}',
    ),
    (
        Beat(state="ready", workers=(WorkerReport(index=0, state="idle"),), holding=("t",), host=HOST),
        '{"v":4,"state":"ready","reason":"","session":"","wish":"","workers":[{"index":0,"state":"idle","busy_s":0.0,"restarts":0,"pid":0}],'
        '"holding":["t"],"done":0,"failed":0,"gallery_version":0,"pack":"","agent_rss_bytes":0,"allow_exec":false,"benchmark_s":0.0,"picture_s":0.0,"disk_free_bytes":0,"disk_bytes":0,"pack_failures":0,"host":'
        + HOST_BYTES
        + "}",
    ),
    (
        JoinRequest(public_nkey="U", wanted_name="n", version="0", host=HOST),
        '{"v":4,"public_nkey":"U","wanted_name":"n","version":"0","host":'
        + HOST_BYTES
        + ',"fingerprint":""}',
    ),
    (
        JoinReply(name="n", pack_public_key="k"),
        '{"v":4,"name":"n","pack_public_key":"k","code":"","detail":""}',
    ),
    (Hello(session="s", fingerprint="f"), '{"v":4,"session":"s","fingerprint":"f"}'),
    (Welcome(approved=True, wish="pause"), '{"v":4,"approved":true,"wish":"pause"}'),
    (
        Directive(kind="refused", session="s", detail="d"),
        '{"v":4,"kind":"refused","wish":"","session":"s","detail":"d","task":null,"task_id":""}',
    ),
    (Farewell(session="s", reason="r"), '{"v":4,"session":"s","reason":"r"}'),
    (News(gallery_version=3, pack="s"), '{"v":4,"gallery_version":3,"pack":"s"}'),
    (PackQuery(sha256="s"), '{"v":4,"sha256":"s","offset":0}'),
    (
        GalleryQuery(have=3, mark="m", content="c", offset=5),
        '{"v":4,"have":3,"mark":"m","content":"c","offset":5}',
    ),
    (Command(call="c", stop=True), '{"v":4,"call":"c","stop":true}'),
    (Take(call="c"), '{"v":4,"call":"c"}'),
    (
        Order(command=ExecOrder(args=("a", "b"), timeout_s=1.5)),
        '{"v":4,"command":{"args":["a","b"],"shell":false,"timeout_s":1.5},"file":null}',
    ),
    (
        Order(file=FileOrder(kind="put", name="n", offset=1, size_bytes=2, sha256="s", zipped=True)),
        '{"v":4,"command":null,"file":{"kind":"put","name":"n","offset":1,"size_bytes":2,"sha256":"s",'
        '"zipped":true,"executable":false}}',
    ),
    (
        Answer(call="c", number=3, ended=Ended(how="exited", status=1)),
        '{"v":4,"call":"c","number":3,"stream":"","ended":{"how":"exited","status":1,"cut":false,'
        '"elapsed_s":0.0,"detail":""},"file":null,"code":"","detail":""}',
    ),
    (
        Answer(call="c", number=0, file=FileReply(files=(FileFact(name="f", size_bytes=1),), done=True)),
        '{"v":4,"call":"c","number":0,"stream":"","ended":null,"file":{"files":[{"name":"f","size_bytes":1}],'
        '"more":false,"size_bytes":0,"sha256":"","executable":false,"zipped":false,"received":0,"done":true},'
        '"code":"","detail":""}',
    ),
    (LogBatch(sent_at=1.5), '{"v":4,"sent_at":1.5}'),
    (Heard(then="go-on"), '{"v":4,"then":"go-on"}'),
]


@pytest.mark.parametrize(("message", "golden"), GOLDEN, ids=lambda value: type(value).__name__)
def test_messages_travel_as_agreed(message: Message, golden: str) -> None:
    assert contract.CONTRACT_VERSION == 4
    assert message.wire().decode() == golden
    assert type(message).model_validate_json(golden) == message


def test_subjects_are_as_agreed() -> None:
    assert contract.node_subject("cellar-2", "claim") == "me.node.cellar-2.claim"
    assert contract.parse_node_subject("me.node.cellar-2.result") == ("cellar-2", "result")
    assert contract.join_subject("ab") == "me.join.ab"
    assert contract.directive_subject("cellar-2") == "me.directive.cellar-2"
    assert contract.PULL_SUBJECT == "$JS.API.CONSUMER.MSG.NEXT.TASKS.workers"


@pytest.mark.parametrize(
    ("subject", "sequence"),
    [
        ("$JS.ACK.TASKS.workers.1.42.7.1700000000000000000.3", 42),
        ("$JS.ACK._.ACCHASH.TASKS.workers.2.42.7.1700000000000000000.3.abc", 42),
        ("$JS.ACK.OTHER.workers.1.42.7.1700000000000000000.3", None),
        ("$JS.ACK.TASKS.workers.1.42.7.1700000000000000000.3 ", None),
        ("me.tasks", None),
        ("$JS.ACK.TASKS.workers.1.42.7.1.3\r\nPUB me.tasks", None),
    ],
)
def test_ack_subjects_are_read_strictly(subject: str, sequence: int | None) -> None:
    assert contract.stream_sequence(subject) == sequence
    assert contract.node_subject("cellar-2", "log") == "me.node.cellar-2.log"
    assert contract.logs_subject("node", "cellar-2") == "me.logs.node.cellar-2"
    assert contract.parse_logs_subject("me.logs.node.cellar-2") == ("node", "cellar-2")
