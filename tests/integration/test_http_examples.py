"""Every curl command of docs/reference/http.md, run unchanged against a running master."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from scripts.http_reference import PAGE
from skimage import data as samples

from manyeyes import Client
from manyeyes.packs import manifest
from manyeyes.sdk.context import load_context
from tests.integration.conftest import free_port, role
from tests.needs import needed

_HEADING = re.compile(r"^### (?:GET|POST|PATCH|PUT|DELETE) ")
_NAMED = re.compile(r"^\| `([A-Z]+)` \|", re.MULTILINE)
MAIN_CALLS = {
    "POST /v1/recognize",
    "GET /v1/people",
    "POST /v1/people",
    "DELETE /v1/people/{name}",
    "GET /v1/nodes",
    "POST /v1/nodes/{name}/pause",
    "POST /v1/tokens",
    "POST /v1/keys",
    "GET /v1/keys",
    "GET /v1/overview",
    "GET /v1/logs",
}


def examples() -> list[tuple[str, str]]:
    """(call, command) in the order of the page."""
    found, call, command = [], "", None
    for line in PAGE.read_text().splitlines():
        if _HEADING.match(line):
            call = line.removeprefix("### ")
        elif line == "```sh":
            command = ""
        elif line == "```" and command is not None:
            found.append((call, command))
            command = None
        elif command is not None:
            command += line + "\n"
    return found


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, default_pack: Path) -> Iterator[dict[str, str]]:
    """The page's variables, for a master and a node on this machine. curl also prints status and media type."""
    needed(None if shutil.which("curl") else "curl is not installed")
    folder = tmp_path_factory.mktemp("examples")
    data, pack = folder / "data", manifest.read(default_pack)
    shutil.copytree(default_pack, data / "packs" / pack.name / pack.version)
    Image.fromarray(samples.astronaut()).save(folder / "portrait.jpg", quality=90)
    (folder / ".curlrc").write_text('write-out = "\\n%{http_code} %{content_type}"\n')
    ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
    with role(folder / "logs", "up", "--data", str(data), "--workers", "1", *ports) as running:
        running.wait_for("ready:", timeout_s=60)
        context = load_context(data / "context.json")
        with Client(context) as client:
            (node,) = client.nodes()
        yield {
            "MASTER": context.url,
            "KEY": context.api_key,
            "CA": str(data / "identity" / "ca.pem"),
            "PICTURE": str(folder / "portrait.jpg"),
            "NODE": node.name,
            "CURL_HOME": str(folder),
        }


@pytest.fixture(scope="module")
def description(environment: dict[str, str]) -> dict[str, Any]:
    command = 'curl --silent --cacert "$CA" --write-out "" "$MASTER/openapi.json"'
    told = subprocess.run(["bash", "-c", command], env={**os.environ, **environment}, capture_output=True)
    document: dict[str, Any] = json.loads(told.stdout)
    return document


def test_the_page_names_every_variable_and_shows_every_main_call(environment: dict[str, str]) -> None:
    assert set(_NAMED.findall(PAGE.read_text())) == environment.keys() - {"CURL_HOME"}
    assert {call for call, _ in examples()} >= MAIN_CALLS


@pytest.mark.parametrize(("call", "command"), examples(), ids=lambda part: part.partition("\n")[0][:40])
def test_an_example_works(
    call: str, command: str, environment: dict[str, str], description: dict[str, Any], tmp_path: Path
) -> None:
    ran = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, (command, ran.stdout, ran.stderr)
    body, _, told = ran.stdout.rpartition("\n")
    status, _, media_type = told.partition(" ")
    method, _, path = call.partition(" ")
    answers = description["paths"][path][method.lower()]["responses"]
    assert status in answers and status.startswith("2"), (status, body)
    if written := [file.read_bytes() for file in tmp_path.iterdir()]:
        asked = re.findall(r'"Accept: ([^"]+)"', command)
        assert media_type.startswith(asked[0].rstrip("*")) and len(written[0]) > 1000
    elif status == "204":
        assert body == ""
    else:
        assert media_type == "application/json"
        schema = answers[status]["content"]["application/json"]["schema"]
        assert_shape(json.loads(body), schema, description["components"]["schemas"])


def assert_shape(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Check that a value fits its schema: objects have all required fields, and no field that is not described."""
    if reference := schema.get("$ref"):
        schema = schemas[reference.rpartition("/")[2]]
    if choices := schema.get("anyOf"):
        schema = next(one for one in choices if (one.get("type") == "null") == (value is None))
        assert_shape(value, schema, schemas)
        return
    match schema.get("type"):
        case "object" if "properties" in schema:
            assert schema["properties"].keys() >= value.keys() >= set(schema.get("required", ())), value
            for field, inner in value.items():
                assert_shape(inner, schema["properties"][field], schemas)
        case "object":
            assert isinstance(value, dict)
        case "array":
            assert isinstance(value, list)
            for inner in value:
                assert_shape(inner, schema.get("items", {}), schemas)
        case "string" | "integer" | "number" | "boolean" | "null" as kind:
            python = {
                "string": str,
                "integer": int,
                "number": int | float,
                "boolean": bool,
                "null": type(None),
            }
            assert isinstance(value, python[kind]), (value, schema)
