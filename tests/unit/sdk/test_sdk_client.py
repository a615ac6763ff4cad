from __future__ import annotations

import asyncio
import errno
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import manyeyes
from manyeyes import errors
from manyeyes.results import Face, Result
from manyeyes.sdk.blocking import Client
from manyeyes.sdk.client import AsyncClient
from manyeyes.sdk.context import Context
from manyeyes.sdk.patience import Patience

CONTEXT = Context("https://10.0.0.4:8443", "ca", "secret")
FACE = Face(
    box_xyxy_px=(1, 2, 3, 4),
    landmarks_px=(),
    score=0.9,
    name="Ada",
    distance=0.3,
    threshold=0.6,
    confidence=0.8,
)
RESULT = Result(
    width_px=9, height_px=8, media_type="image/jpeg", faces=(FACE,), pack="faces@1.0.0", timings_ms={}
)
Answer = httpx.Response | Exception


def problem(error: errors.ManyeyesError, retry_after: str | None = None) -> httpx.Response:
    headers = {"Content-Type": "application/problem+json"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return httpx.Response(error.http_status, json=error.as_problem(), headers=headers)


def predicted(picture: bytes = b"\xff\xd8 boxes") -> httpx.Response:
    result = RESULT.model_dump_json().encode()
    body = b""
    for media_type, content in ((b"application/json", result), (b"image/jpeg", picture)):
        length = str(len(content)).encode()
        body += b"--x\r\nContent-Type: %s\r\nContent-Length: %s\r\n\r\n%s\r\n" % (media_type, length, content)
    return httpx.Response(
        200, content=body + b"--x--\r\n", headers={"Content-Type": "multipart/mixed; boundary=x"}
    )


class Master:
    """Gives the answers in order, the last for ever; keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, patience: Patience | None = None) -> Client:
        patience = patience or Patience(total_s=5, first_wait_s=0.001, longest_wait_s=0.002)
        return Client(CONTEXT, patience=patience, transport=httpx.MockTransport(self))


def test_recognize_gives_result_and_picture() -> None:
    master = Master(predicted())
    with master.client() as client:
        found = client.recognize(b"bytes")
    assert (found.result, found.picture, found.media_type) == (RESULT, b"\xff\xd8 boxes", "image/jpeg")
    (request,) = master.requests
    assert request.content == b"bytes"
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["Accept"] == "multipart/mixed"
    assert request.extensions["sni_hostname"] == "manyeyes-master"


def test_result_only(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"of a file")
    master = Master(httpx.Response(200, text=RESULT.model_dump_json()))
    with master.client() as client:
        found = client.recognize(tmp_path / "a.jpg", picture=False)
        with pytest.raises(errors.FileTrouble, match=r"no such file: .*b\.jpg"):
            client.recognize(tmp_path / "b.jpg")
    assert (found.result, found.picture) == (RESULT, None)
    assert master.requests[0].content == b"of a file"


def test_tries_again_with_the_same_key() -> None:
    master = Master(
        httpx.ConnectError("refused"),
        httpx.ReadTimeout(""),
        problem(errors.Busy("full"), "0.01"),
        problem(errors.TaskLost("gone")),
        httpx.Response(503, text="proxy"),
        httpx.Response(502, text="proxy"),
        predicted(),
    )
    with master.client() as client:
        client.recognize(b"1")
        client.recognize(b"2")
    keys = [request.headers["Idempotency-Key"] for request in master.requests]
    assert len(keys) == 8
    assert len(set(keys[:7])) == 1
    assert keys[7] != keys[0]


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("no answer"),
        httpx.Response(502, text="<h1>Bad Gateway</h1>"),
        httpx.Response(503, text="no server is available"),
    ],
)
def test_a_query_soon_says_that_no_master_answers_and_a_picture_waits_for_one(trouble: Answer) -> None:
    proxy = isinstance(trouble, httpx.Response)
    patience = Patience(total_s=5, first_wait_s=0.001, longest_wait_s=0.002, unreachable_s=0.02)
    match = "does not reach the master" if proxy else r"no answer from the master at https://10\.0\.0\.4:8443"
    calls = (Client.status, Client.nodes, Client.people, lambda client: client.remove_node("a"))
    for call in calls:
        with (
            Master(trouble).client(patience) as client,
            pytest.raises(errors.Unavailable, match=match) as raised,
        ):
            call(client)
        assert str(raised.value).endswith("is 'manyeyes up' running there?") or not proxy or call is calls[-1]
    with Master(*[trouble] * 100, predicted()).client(patience) as client:
        assert client.recognize(b"1").result == RESULT
    with Master(*[trouble] * 100, httpx.Response(200)).client(patience) as client:
        client.wait_ready()


def test_a_query_waits_for_a_master_that_is_reached_and_busy() -> None:
    patience = Patience(total_s=5, first_wait_s=0.001, longest_wait_s=0.002, unreachable_s=0.0)
    busy = [problem(errors.Busy("full"), "0.001")] * 20
    with Master(*busy, httpx.Response(204)).client(patience) as client:
        client.remove_node("a")


def test_a_change_behind_a_proxy_that_lost_the_master_is_not_sent_again() -> None:
    for status, told in ((502, r"there\? See whether the change"), (504, "timeout; see whether the change")):
        master = Master(httpx.Response(status, text="<h1>Bad Gateway</h1>"))
        with (
            master.client() as client,
            pytest.raises(errors.Unavailable, match=told),
        ):
            client.rename_person("Ada", "Ann")
        assert len(master.requests) == 1


def test_who_waits_hears_it_at_once_and_once() -> None:
    heard: list[str] = []
    busy = [problem(errors.Busy("the queue is full"), "0.001")] * 3
    master = Master(*busy, httpx.Response(204), httpx.ConnectError("refused"))
    patience = Patience(total_s=5, first_wait_s=0.001, longest_wait_s=0.002, unreachable_s=0.01)
    transport = httpx.MockTransport(master)
    with Client(CONTEXT, patience=patience, transport=transport, waiting=heard.append) as client:
        client.remove_node("a")
        assert heard == ["waiting for up to 5 s: the queue is full"]
        with pytest.raises(errors.Unavailable):
            client.status()
    assert len(heard) == 1, "what fails within a second says so itself"


@pytest.mark.parametrize(
    ("url", "answer", "said"),
    [
        (
            "https://h",
            httpx.Response(200, headers={"Content-Length": "0", "Server": "Caddy"}),
            "an empty page",
        ),
        ("https://h", httpx.Response(200, text="it works"), "no master: it answers with no JSON"),
        (
            "https://h/faces",
            httpx.Response(404, json={"code": "http", "detail": "Not Found; the API is under /v1"}),
            "does not know /faces/v1/people: start it with --root-path /faces",
        ),
    ],
)
def test_where_no_master_answers_the_path_of_a_proxy_is_named(
    url: str, answer: httpx.Response, said: str
) -> None:
    context = Context(url, "", "k")
    with (
        Client(context, transport=httpx.MockTransport(lambda _: answer)) as client,
        pytest.raises(errors.WrongAddress, match=said) as raised,
    ):
        client.people()
    assert raised.value.exit_code == 6


def test_patience_ends_with_facts() -> None:
    impatient = Patience(total_s=0.03, first_wait_s=0.004, longest_wait_s=0.004)
    with (
        Master(httpx.ConnectError("connection refused")).client(impatient) as client,
        pytest.raises(errors.Unavailable) as caught,
    ):
        client.recognize(b"1")
    assert "https://10.0.0.4:8443" in caught.value.detail
    assert "attempts, 0.0 s): connection refused" in caught.value.detail
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
    master = Master(problem(errors.Busy("queue is full"), "3600"))
    with master.client(impatient) as client, pytest.raises(errors.Unavailable, match="queue is full"):
        client.recognize(b"1")
    assert len(master.requests) == 1


@pytest.mark.parametrize(
    "error",
    [errors.NotAPicture("a"), errors.NotSignedIn("b"), errors.PersonNotFound("c"), errors.BadRequest("d")],
)
def test_other_problems_come_at_once(error: errors.ManyeyesError) -> None:
    master = Master(problem(error))
    with master.client() as client, pytest.raises(type(error), match=error.detail):
        client.recognize(b"1")
    assert len(master.requests) == 1


def test_answers_of_no_agreed_form() -> None:
    with (
        Master(httpx.Response(200, text="{}")).client() as client,
        pytest.raises(errors.ManyeyesError, match="expected form"),
    ):
        client.people()
    broken = Master(httpx.Response(500, text="oops"))
    with broken.client() as client, pytest.raises(errors.ManyeyesError, match="500"):
        client.status()


def refused_certificate() -> httpx.ConnectError:
    refused = httpx.ConnectError("certificate")
    unknown = ssl.SSLCertVerificationError("self-signed")
    unknown.verify_code = 19
    refused.__cause__ = unknown
    return refused


def test_strange_certificate_is_not_tried_again() -> None:
    master = Master(refused_certificate())
    with master.client() as client, pytest.raises(errors.UntrustedCertificate, match="not this context's CA"):
        client.people()
    assert len(master.requests) == 1


def test_without_a_ca_the_systems_trust_store_decides_for_the_name_that_is_dialled() -> None:
    master = Master(refused_certificate())
    context = Context("https://faces.example.org", "", "secret")
    with (
        Client(context, transport=httpx.MockTransport(master)) as client,
        pytest.raises(
            errors.UntrustedCertificate,
            match="trust store does not know; install that CA there, or name its file",
        ),
    ):
        client.people()
    (request,) = master.requests
    assert "sni_hostname" not in request.extensions


def test_a_change_whose_answer_was_lost_is_not_sent_again() -> None:
    master = Master(httpx.ReadError("reset"))
    with master.client() as client, pytest.raises(errors.Unavailable, match="see whether"):
        client.add_person("Ada", b"photo")
    assert len(master.requests) == 1


@pytest.mark.parametrize(
    ("name", "raw_path"),
    [
        ("Ada Lovelace", b"/v1/people/Ada%20Lovelace"),
        ("a/b?c#d", b"/v1/people/a%2Fb%3Fc%23d"),
        ("Ада", b"/v1/people/%D0%90%D0%B4%D0%B0"),
        ("100%", b"/v1/people/100%25"),
    ],
)
def test_names_are_quoted(name: str, raw_path: bytes) -> None:
    master = Master(httpx.Response(200, json={"name": name, "photos": 1, "added_at": "2025-01-01T00:00:00Z"}))
    with master.client() as client:
        assert client.person(name).name == name
    assert master.requests[0].url.raw_path == raw_path


def test_add_person_sends_every_photo_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(b"first")
    master = Master(
        httpx.Response(
            200, json={"name": "Ada", "photos": 2, "warnings": [{"kind": "small", "sentence": "small face"}]}
        )
    )
    with master.client() as client:
        person = client.add_person("Ada", [tmp_path / "one.jpg", b"second"])
        with pytest.raises(errors.BadRequest, match="no photo"):
            client.add_person("Ada", [])
    assert [warning.kind for warning in person.warnings] == ["small"]
    body = master.requests[0].content
    assert all(piece in body for piece in (b'filename="one.jpg"', b"first", b"second", b'name="name"'))


def test_the_rest_of_the_calls() -> None:
    calls: list[tuple[Callable[[Client], Any], dict[str, Any] | None]] = [
        (lambda client: client.rename_person("a", "b"), {"name": "b", "photos": 1}),
        (lambda client: client.remove_person("a"), None),
        (lambda client: client.nodes(), {"nodes": [{"name": "n", "state": "ready", "host": {"cpu": 2}}]}),
        (
            lambda client: client.status(),
            {
                "version": "0",
                "uptime_s": 1,
                "nodes": {},
                "workers": 1,
                "tasks": {},
                "people": 0,
                "pack": None,
            },
        ),
        (lambda client: client.node("n/1"), {"name": "n/1", "state": "ready"}),
        (lambda client: client.tell_node("n", "drain"), {"name": "n", "state": "paused"}),
        (lambda client: client.remove_node("n"), None),
        (lambda client: client.create_token(60), {"token": "t", "expires_at": "2025-01-01T00:00:00Z"}),
        (lambda client: client.wait_ready(), {}),
    ]
    asked = []
    for call, answer in calls:
        master = Master(httpx.Response(204) if answer is None else httpx.Response(200, json=answer))
        with master.client() as client:
            call(client)
        asked.append(f"{master.requests[0].method} {master.requests[0].url.path}")
    assert asked == [
        "PATCH /v1/people/a",
        "DELETE /v1/people/a",
        "GET /v1/nodes",
        "GET /v1/status",
        "GET /v1/nodes/n/1",
        "POST /v1/nodes/n/drain",
        "DELETE /v1/nodes/n",
        "POST /v1/tokens",
        "GET /readyz",
    ]
    assert json.loads(master.requests[0].content or b"{}") == {}


def test_patience_doubles_is_jittered_and_honours_the_master() -> None:
    patience = Patience(total_s=10, first_wait_s=1, longest_wait_s=4)
    assert [patience.wait_s(n, 0, None, luck=1) for n in (1, 2, 3, 4, 5000)] == [1, 2, 4, 4, 4]
    assert patience.wait_s(1, 0, None, luck=0) == 0.5
    asked = patience.wait_s(1, 0, 5.0, luck=0)
    assert asked is not None and asked >= 5
    assert patience.wait_s(1, 9.8, None, luck=1) is None
    assert Patience(total_s=0).wait_s(1, 0, None) is None


def test_closed_client_says_so() -> None:
    client = Master(predicted()).client()
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.people()


def test_async_client_alone() -> None:
    async def run() -> None:
        async with AsyncClient(CONTEXT, transport=httpx.MockTransport(Master(predicted()))) as client:
            assert (await client.recognize(b"1")).result == RESULT

    asyncio.run(run())


def test_ca_that_is_none() -> None:
    with pytest.raises(errors.FileTrouble, match="not a PEM certificate"):
        AsyncClient(Context("https://a:1", "nonsense", "k"))


def test_public_names() -> None:
    tree = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and kind.__module__ == errors.__name__
    }
    others = {
        "ApiKey",
        "AsyncClient",
        "Alert",
        "AuditEntry",
        "AuditVerdict",
        "Caution",
        "Client",
        "Context",
        "Encoded",
        "Face",
        "Feedback",
        "History",
        "JoinToken",
        "Merge",
        "MergePreview",
        "NewApiKey",
        "Node",
        "NodePage",
        "NodeHistory",
        "Notice",
        "Overview",
        "Patience",
        "Person",
        "PersonNow",
        "Photo",
        "Prediction",
        "RecentVideo",
        "Seen",
        "Setting",
        "TimeSpan",
        "Still",
        "StillPicture",
        "Threshold",
        "TooSmall",
    }
    assert set(manyeyes.__all__) == tree | others | {"Result", "Status", "draw", "stills", "timeline"}
    assert sorted(manyeyes.__all__) == list(manyeyes.__all__)
    assert all(getattr(manyeyes, name).__name__ == name for name in manyeyes.__all__)
    with pytest.raises(AttributeError):
        _ = manyeyes.nonsense


def test_the_systems_own_words_are_said() -> None:
    failed = httpx.ConnectError("All connection attempts failed")
    failed.__cause__ = OSError("several")
    failed.__cause__.__cause__ = ExceptionGroup("both", [ConnectionRefusedError(errno.ECONNREFUSED, "x")])
    client = Master(failed).client(Patience(total_s=0))
    with client, pytest.raises(errors.Unavailable, match=r"\(1 attempt, 0\.0 s\): connection refused"):
        client.people()


def test_no_attempt_outlasts_patience() -> None:
    master = Master(predicted())
    with master.client(Patience(total_s=5)) as client:
        client.recognize(b"1")
    with master.client(Patience(total_s=0, attempt_s=30)) as client:
        client.recognize(b"1")
    limits = [request.extensions["timeout"]["read"] for request in master.requests]
    assert 4.9 < limits[0] <= 5
    assert limits[1] == 30


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_lacks_is_refused(number: float) -> None:
    with (
        Client(CONTEXT, transport=httpx.MockTransport(lambda _: httpx.Response(500))) as client,
        pytest.raises(errors.BadRequest, match="give a finite one"),
    ):
        client.set_threshold(fmr=number)
