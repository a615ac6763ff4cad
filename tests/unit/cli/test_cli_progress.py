"""What `send` says of its speed, and while it only looks for pictures."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from manyeyes.cli.sending import batch, progress, report
from manyeyes.cli.sending.batch import Tally
from manyeyes.cli.sending.choice import PassedOver
from manyeyes.cli.sending.looking import telling_search
from manyeyes.cli.sending.progress import Bar, Plain
from manyeyes.cli.sending.source import Source


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (batch, progress, report):
        monkeypatch.setattr(module, "time", made)
    return made


def after_a_search(clock: Clock, view: Callable[[Tally], Any]) -> tuple[Tally, Any]:
    """10 s of search, then a picture in each second for 20 s."""
    tally = Tally()
    made = view(tally)
    clock.now_s += 10
    tally.sending()
    made.total(51)
    for number in range(20):
        clock.now_s += 1
        line = {"file": f"{number}.jpg", "faces": [], "warnings": []}
        tally.add(Source(Path(f"{number}.jpg"), f"{number}.jpg"), line)
        made.said(line)
    return tally, made


def test_the_search_is_no_part_of_the_rate(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    tally, _ = after_a_search(clock, Plain)
    assert capsys.readouterr().err.splitlines() == [
        "1 of 51 pictures, 1.0 a second, 0 failed, 50 s left",
        "6 of 51 pictures, 1.0 a second, 0 failed, 45 s left",
        "11 of 51 pictures, 1.0 a second, 0 failed, 40 s left",
        "16 of 51 pictures, 1.0 a second, 0 failed, 35 s left",
    ]
    assert report.summary(tally, 30.0).endswith("30.0 s, 1.0 pictures a second")
    _, bar = after_a_search(clock, Bar)
    (task,) = bar._progress.tasks
    assert task.fields["rate"] == "1.0/s"


def test_nothing_sent_has_no_rate(clock: Clock) -> None:
    assert Tally().rate(clock.now_s) == 0
    tally = Tally()
    tally.sending()
    assert tally.rate(clock.now_s) == 0 and tally.has_begun()


def test_a_long_search_says_what_it_does_until_a_picture_is_found() -> None:
    said: list[str] = []
    enough, found = threading.Event(), threading.Event()

    def say(sentence: str) -> None:
        said.append(sentence)
        if len(said) == 2:
            enough.set()

    passed = PassedOver(Counter({"not pictures": 1200, "hidden folders": 34}))
    with telling_search(passed, found.is_set, say, every_s=0.001):
        assert enough.wait(10)
        found.set()
    assert set(said) == {"looking for pictures: none yet, 1,234 other files and folders passed over"}
    count = len(said)
    with telling_search(passed, found.is_set, say, every_s=0.001):
        time.sleep(0.02)
    assert len(said) == count
