"""`manyeyes audit`: entries as people read them."""

from __future__ import annotations

import json

import httpx
from tests.unit.cli.test_cli_commands import Fleet, Run, fleet, run  # noqa: F401


def entry(number: int, who: str, what: str, outcome: str, detail: str) -> dict[str, object]:
    said = {"who": who, "what": what, "node": "", "outcome": outcome, "detail": detail}
    return {**said, "number": number, "at": "2026-01-01T00:00:00Z", "before": "0" * 64, "sha256": "1" * 64}


def test_people_have_their_name_of_now_and_nobody_else(fleet: Fleet, run: Run) -> None:  # noqa: F811
    fleet.answers = {
        "GET /v1/people": httpx.Response(200, json={"people": [{"id": 3, "name": "Ada [x]", "photos": 1}]}),
    }
    pages = iter(
        [
            [
                entry(1, "olga", "people merge", "merged", "person 4 into person 3, merge 1"),
                entry(2, "olga", "exec", "asked", "echo person 3"),
                entry(3, "", "refused", "not-signed-in", "9 refused: 10.0.0.7 9"),
            ],
            [],
            [entry(1, "olga", "people rename", "renamed", "person 3")],
            [],
        ]
    )
    answer = Fleet.__call__

    def asked(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/audit":
            return httpx.Response(200, json={"entries": next(pages)})
        return answer(fleet, request)

    fleet.__class__ = type("Audited", (Fleet,), {"__call__": lambda self, request: asked(request)})
    _, first, second, third = map(str.rstrip, run("audit")[1].splitlines())
    assert first.endswith("merged         person 4 into person 3 (Ada [x]), merge 1")
    assert second.endswith("echo person 3"), "a command is shown as it was"
    assert "(no valid key)" in third and third.endswith("9 refused: 10.0.0.7 9")
    assert json.loads(run("audit", "--json")[1])[0]["detail"] == "person 3", "as it was written"
