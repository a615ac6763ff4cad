"""The page about the HTTP API is what the gateway says of itself, and leaves nothing unsaid."""

from __future__ import annotations

import re

import pytest
from scripts.http_examples import EXAMPLES
from scripts.http_reference import PAGE, page

from manyeyes.gateway.app import Gateway

DESCRIPTION = Gateway().openapi()
OPERATIONS = [
    (f"{method.upper()} {path}", told)
    for path, operations in DESCRIPTION["paths"].items()
    for method, told in operations.items()
]


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(DESCRIPTION), "run 'make http-reference'"


@pytest.mark.parametrize(("call", "told"), OPERATIONS, ids=[call for call, _ in OPERATIONS])
def test_every_call_says_what_it_answers(call: str, told: dict[str, object]) -> None:
    assert told["description"]
    responses = told["responses"]
    assert isinstance(responses, dict)
    (status,) = [status for status in responses if status.startswith("2")]
    content = responses[status].get("content", {})
    if status == "204":
        assert not content
    else:
        assert content
        assert all(one.get("schema") for one in content.values())


def test_every_field_and_parameter_has_a_meaning() -> None:
    fields = {
        f"{name}.{field}": one.get("description", "")
        for name, schema in DESCRIPTION["components"]["schemas"].items()
        for field, one in schema.get("properties", {}).items()
    }
    parameters = {
        f"{call} {one['name']}": one.get("description") or one["schema"].get("description", "")
        for call, told in OPERATIONS
        for one in told.get("parameters", ())
    }
    assert [name for name, meaning in {**fields, **parameters}.items() if not meaning] == []


def test_roles_are_in_the_description() -> None:
    roles = {call: told.get("security", [{"credential": None}])[0]["credential"] for call, told in OPERATIONS}
    assert roles["POST /v1/recognize"] == ["user"]
    assert roles["GET /v1/nodes"] == ["operator"]
    assert roles["POST /v1/tokens"] == ["admin"]
    assert roles["GET /v1/ca"] == []
    assert {call for call, role in roles.items() if role is None} == {"GET /healthz", "GET /readyz"}


def test_examples_are_of_calls_that_exist_and_links_lead_somewhere() -> None:
    assert EXAMPLES.keys() <= {call for call, _ in OPERATIONS}
    text = PAGE.read_text()
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= set(anchors)
