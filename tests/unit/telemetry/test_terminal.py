"""At a terminal a person sees warnings and errors; elsewhere every event is JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from manyeyes.telemetry.events import log, set_up, to_write
from manyeyes.telemetry.terminal import for_people


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"level": "info", "event": "engine started"}, None),
        (
            {"level": "warning", "event": "cannot announce", "role": "master", "address": "10.0.0.4"},
            "warning: cannot announce: address 10.0.0.4",
        ),
        (
            {"level": "error", "event": "request failed", "exception": "Traceback\nOSError: disk full"},
            "error: request failed: OSError: disk full",
        ),
        (
            {
                "level": "warning",
                "event": "waiting for the master",
                "role": "node",
                "node": "w2",
                "error": "no master answers",
            },
            "warning: waiting for the master: no master answers",
        ),
        (
            {
                "level": "warning",
                "event": "waiting for approval",
                "role": "node",
                "node": "w3",
                "what_to_do": "'x' lets it in",
            },
            "warning: waiting for approval; 'x' lets it in",
        ),
        (
            {
                "level": "warning",
                "event": "pack not complete",
                "role": "node",
                "error": "disk full",
                "again_in_s": 2.0,
            },
            "warning: pack not complete: disk full (again in 2.0 s)",
        ),
        (
            {
                "level": "warning",
                "event": "cut off",
                "role": "master",
                "node": "w1",
                "reason": "it sent too much",
            },
            "warning: cut off: it sent too much (node w1)",
        ),
    ],
)
def test_one_line_of_what_a_person_should_know(event: dict[str, Any], said: str | None) -> None:
    assert for_people(event) == said


@pytest.mark.parametrize(("terminal", "verbose"), [(True, False), (True, True), (False, False)])
def test_what_is_shown_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool, verbose: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    to_write.take(10**9)
    set_up("master", verbose=verbose)
    log().info("engine started", version="2.15")
    log().warning("cannot announce", address="10.0.0.4")
    said = capsys.readouterr().err
    kept = [json.loads(line)["event"] for line in to_write.take(10**9)]
    assert kept == ["engine started", "cannot announce"], "the log file has all of it"
    if not terminal:
        assert [json.loads(line)["level"] for line in said.splitlines()] == ["info", "warning"]
    elif verbose:
        assert "engine started" in said and "2.15" in said
    else:
        assert said == "warning: cannot announce: address 10.0.0.4\n"
