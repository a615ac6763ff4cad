"""Every command that prints a table, with long values, in terminals of several widths and in a pipe."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from tests.unit.cli.test_cli_commands import Fleet, Run, fleet, run  # noqa: F401
from tests.unit.sdk.test_sdk_groups import GROUP, RECENT, RETENTION

from manyeyes.api.audit import AuditEntry
from manyeyes.cli import output
from manyeyes.packs import store
from manyeyes.sdk.blocking import Client
from manyeyes.sdk.context import Context
from manyeyes.sdk.contexts import Contexts, NamedContext

WHEN = "2025-01-01T00:00:00Z"
NAME = "Wolfeschlegelsteinhausenbergerdorff the Younger"
NODE = "laboratory-on-the-second-floor-12"
REASON = "its worker crashed five times in sixty seconds, the last time by signal 11; it rests for a minute"
ALERT = {
    "kind": "crashes",
    "severity": "critical",
    "node": NODE,
    "sentence": f"node {NODE} {REASON}",
    "what_to_do": f"look at its log with 'manyeyes logs {NODE}'",
    "since": WHEN,
}
ANSWERS: dict[str, Any] = {
    "GET /v1/nodes": {
        "nodes": [
            {
                "name": NODE,
                "state": "quarantined",
                "reason": REASON,
                "workers": 64,
                "done": 1234567,
                "address": "2001:db8:85a3::8a2e:370:7334",
                "pack": "faces-of-our-own@12.34.56",
                "pictures_per_s": 12.34,
                "last_seen": WHEN,
            }
        ]
    },
    "GET /v1/people": {"people": [{"name": NAME, "photos": 123, "added_at": WHEN}]},
    "GET /v1/people/Ada": {
        "name": "Ada",
        "photos": 1,
        "photos_detail": [
            {
                "id": 12345,
                "file_name": "IMG_20260101_120000_long_name_of_a_photo.jpg",
                "source": "enrolled",
                "added_at": WHEN,
                "warnings": [
                    {"kind": kind, "sentence": "s"} for kind in ("blurred", "turned", "small", "dark")
                ],
            }
        ],
    },
    "GET /v1/overview": {
        "version": "0.1.0",
        "uptime_s": 7300.0,
        "nodes": {"ready": 2, "quarantined": 3, "lost": 4, "paused": 1},
        "workers": 4,
        "tasks": {"waiting": 2, "running": 1, "done": 123456, "failed": 0},
        "people": 3,
        "pack": "faces@1.0.0",
        "done_per_s": 1.5,
        "failed_per_s": 0.25,
        "oldest_waiting_s": 4.2,
        "alerts": [ALERT],
    },
    "GET /v1/settings": {
        "settings": [
            {
                "name": "MANYEYES_MASTER_BEAT_SUSPECT_AFTER_S",
                "group": "g",
                "value": 4.5,
                "default": 4.0,
                "changed": True,
                "sentence": "A node that sends no heartbeat for so long gets no new pictures, and its own go to others.",
            }
        ]
    },
    "GET /v1/keys": {"keys": [{"name": NAME, "role": "operator", "created_at": WHEN}]},
    "GET /v1/people-feedback": {
        "feedback": [
            {"id": "not-12345", "verdict": "not", "name": NAME, "file_name": "a" * 30, "added_at": WHEN}
        ]
    },
    "GET /v1/faces/unknown": {"retention": RETENTION, "groups": [GROUP | {"face_ids": [*range(100, 120)]}]},
    "GET /v1/recent": {"pictures": [RECENT | {"names": [NAME, "Ada"], "ms": 296.0}], "most": 24},
    "GET /v1/traces/ab": {
        "trace_id": "ab",
        "spans": [
            {
                "name": "picture",
                "machine": NODE,
                "start_ms": 0.0,
                "duration_ms": 296.1,
                "depth": 0,
                "facts": {
                    "faces": 3,
                    "outcome": "done",
                    "pack": "faces@1.2.0",
                    "runtime": "onnxruntime-1.30.0",
                },
            }
        ],
        "lines": [],
    },
}
ENTRY = {
    "number": 12345,
    "at": WHEN,
    "who": NAME,
    "what": "exec",
    "node": NODE,
    "outcome": "refused",
    "detail": REASON,
    "before": "0" * 64,
    "sha256": "1" * 64,
}
OWN_PACK: Any = SimpleNamespace(
    name="faces-of-our-own",
    version="12.34.56",
    label="faces-of-our-own@12.34.56",
    detector=SimpleNamespace(kind="scrfd"),
    embedder_id="arcface-0123456789abcdef0123456789abcdef",
    files=[SimpleNamespace(size_bytes=123 << 20)],
)
COMMANDS = (
    "nodes list",
    "people list",
    "people show Ada",
    "people feedback --list",
    "status",
    "settings",
    "audit",
    "keys list",
    "faces list",
    "recent",
    "contexts list",
    "logs --trace ab",
    "packs list",
)


@pytest.fixture(autouse=True)
def master(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    fleet.answers = {path: httpx.Response(200, json=answer) for path, answer in ANSWERS.items()}
    entries = [AuditEntry.model_validate(ENTRY)]
    monkeypatch.setattr(Client, "audit", lambda self, after: [] if after else entries)
    lab = NamedContext(NODE, Context(f"https://{NODE}.example:8443", "", "k"), default=True)
    monkeypatch.setattr(Contexts, "all", lambda self: [lab])
    monkeypatch.setattr(store, "installed", lambda folder: [OWN_PACK])
    monkeypatch.setattr(store, "in_use", lambda folder: OWN_PACK.label)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_table_breaks_a_word(
    run: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    code, piped, _ = run(*command.split())
    assert code == 0, piped
    words = set(piped.split())
    for width in (60, 80, 200):
        monkeypatch.setattr(output, "terminal_width", lambda width=width: width)
        code, said, _ = run(*command.split())
        assert code == 0
        assert set(said.split()) <= words, f"{width} columns break a word"
        assert all(len(line) <= width for line in said.splitlines()), said


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != "status" and "show" not in one])
def test_a_row_is_one_line_in_a_pipe(run: Run, command: str) -> None:  # noqa: F811
    assert len(run(*command.split())[1].splitlines()) == 2
