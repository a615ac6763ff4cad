"""A node waits for a file with a join token, says what is missing, and asks for no token where it has joined."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from manyeyes import identity
from manyeyes.config import NodeSettings
from manyeyes.node.membership import joining, token_file
from manyeyes.node.membership.membership import Membership


@pytest.fixture
def token(tmp_path: Path) -> identity.JoinToken:
    identity.make_certificates(tmp_path / "ca", ())
    pem = (tmp_path / "ca" / "ca.pem").read_text()
    return identity.JoinToken("abc", ("10.0.0.4:4222",), pem, identity.make_nkey().seed, 2_000_000_000)


def test_a_node_waits_until_a_whole_token_is_there(
    tmp_path: Path, token: identity.JoinToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, whole = tmp_path / "token", token.encode()
    steps = iter([b"", whole[:40].encode(), whole[:40].encode(), b"\xff\xfe", f"{whole}\n".encode()])

    async def look_later(seconds: float) -> None:
        file.write_bytes(next(steps))

    monkeypatch.setattr(token_file.asyncio, "sleep", look_later)
    with capture_logs() as lines:
        assert asyncio.run(token_file.wait_for_token(file)) == token
    assert [line["why"].partition(" (")[0] for line in lines] == [
        "No such file or directory",
        "the file is empty",
        "this is not a whole join token",
        "it is no text",
    ], "each once"


def test_a_node_that_has_joined_reads_no_token(tmp_path: Path, token: identity.JoinToken) -> None:
    settings = NodeSettings(data=tmp_path / "node", join_file=tmp_path / "missing")
    (tmp_path / "node").mkdir()
    Membership("lab-2", token.addresses, token.ca_pem, "").save(tmp_path / "node" / "membership.json")
    membership, _ = asyncio.run(asyncio.wait_for(joining.ensure_membership(settings), 5))
    assert membership.name == "lab-2"


def test_the_token_of_the_file_is_used(
    tmp_path: Path, token: identity.JoinToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(token.encode())
    asked = []

    class Refused(Exception):
        pass

    async def join(given: identity.JoinToken, request: object, *, find: bool) -> None:
        asked.append(given)
        raise Refused

    monkeypatch.setattr(joining, "_join", join)
    with pytest.raises(Refused):
        asyncio.run(
            joining.ensure_membership(NodeSettings(data=tmp_path / "n", join_file=tmp_path / "token"))
        )
    assert asked == [token]
