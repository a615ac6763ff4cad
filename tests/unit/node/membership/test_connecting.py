"""What goes wrong at each attempt is said once, and again after a minute."""

from __future__ import annotations

from manyeyes.broker.nodelink import _why
from manyeyes.node.membership.connecting import Spaced


def test_the_same_trouble_is_not_said_every_few_seconds() -> None:
    spaced = Spaced(every_s=60)
    said = [at for at in range(0, 130, 2) if spaced.is_due("connection refused", at)]
    assert said == [0, 60, 120]
    assert spaced.is_due("timed out", 130) and not spaced.is_due("timed out", 131)


def test_why_no_master_answers_is_in_words() -> None:
    refused = ["[Errno 111] Connection refused", "[Errno 111] Connection refused"]
    error = OSError("nats: no servers available for connection")
    assert _why([*refused, str(error)], error) == "connection refused"
    assert _why([], error) == "no servers available for connection"
    assert _why([], TimeoutError()) == "TimeoutError"
