"""docs/reference/http.md, made from the description that the gateway gives of itself.

python -m scripts.http_reference            prints the page
python -m scripts.http_reference --write    writes it
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.http_examples import EXAMPLES

from manyeyes.gateway.app import Gateway

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "http.md"
_HEAD = """\
# HTTP API

<!-- made by `make http-reference`; do not edit it here -->

Everything that the CLI, the SDK and the console do goes over these calls. `GET /openapi.json` of a running master
describes them for programs; this page is made from it. `manyeyes.Client` has a method for each of them.

- **Address**: `https://HOST:8443`, the address that `manyeyes up` prints.
- **Credential**: `Authorization: Bearer KEY`, with an API key (`manyeyes keys create`) or the token of a session.
  A key has a role: `user` sends pictures, `operator` also looks after people and nodes, `admin` may do everything. A
  route says which role it needs at least.
- **Certificate**: a master's certificate is signed by its own CA, `identity/ca.pem` in its data folder. It is for
  `localhost`, 127.0.0.1, ::1, the machine's host name, the addresses given with `--advertise`, and the name `manyeyes-master`:
  reach any other address with `curl --resolve manyeyes-master:8443:ADDRESS` at `https://manyeyes-master:8443`.
  With [an own certificate](../guides/certificates.md), other names get that one; the same page says how to do without TLS.
- **Errors** are problem documents ([Problem](#problem)); [exit codes and errors](exit-codes.md) lists the codes. A request
  that cannot be read is 400 `bad-request`; without a credential 401 `not-signed-in`; with too small a role 403 `not-allowed`.
  Those that a call adds stand beside it.
- **Methods**: a path that has `GET` has `HEAD` too; `OPTIONS` lists the methods of a path, without a key; another method is 405, and
  its `Allow` lists them. A slash at the end of a path changes nothing.
- **Bodies**, forms too, may come in chunks without a length. One that comes more slowly than 1 kB a second, over 20 s, is 408
  `slow-upload`, and its connection is closed ([settings](settings.md)).
- **Behind a proxy** the address may have a path: [files for nginx, Caddy and Traefik](../guides/behind-a-proxy.md).
- **Moments** are ISO 8601 in UTC.

The examples read these variables:

| variable | is |
|---|---|
| `MASTER` | the address, as `https://127.0.0.1:8443` |
| `KEY` | an API key with the role `admin` |
| `CA` | the file with the CA's certificate |
| `PICTURE` | a picture with one face |
| `NODE` | the name of a node |
"""
_SUCCESS = re.compile("2..")


def page(document: Mapping[str, Any]) -> str:
    """The page for an OpenAPI document."""
    schemas = document["components"]["schemas"]
    parts = [_HEAD]
    for topic, operations in _by_topic(document["paths"]).items():
        parts.append(f"## {topic.capitalize()}\n")
        parts += [_operation(method, path, told) for method, path, told in operations]
    parts.append("## Models\n\nFields that are not in an answer have their default.\n")
    parts += [_model(name, schema) for name, schema in sorted(schemas.items())]
    return "\n".join(parts)


def _by_topic(paths: Mapping[str, Any]) -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
    topics: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, operations in paths.items():
        for method, told in operations.items():
            topics.setdefault(told["tags"][0], []).append((method.upper(), path, told))
    return topics


def _operation(method: str, path: str, told: Mapping[str, Any]) -> str:
    lines = [f"### {method} {path}\n", told["description"].strip() + "\n", f"*Role*: {_role(told)}\n"]
    if parameters := told.get("parameters"):
        lines.append(_table(("parameter", "in", "type", "meaning"), map(_parameter, parameters)))
    if body := told.get("requestBody"):
        lines.append(f"*Body*: {_content(body['content'])}\n")
    lines += _answers(told["responses"])
    for example in EXAMPLES.get(f"{method} {path}", ()):
        lines.append(f"```sh\n{example}\n```\n")
    return "\n".join(lines)


def _role(told: Mapping[str, Any]) -> str:
    if not (needed := told.get("security")):
        return "none, and no credential"
    (roles,) = needed[0].values()
    return f"`{roles[0]}`" if roles else "any credential"


def _parameter(told: Mapping[str, Any]) -> tuple[str, ...]:
    schema = told["schema"]
    meaning = told.get("description") or schema.get("description", "")
    return f"`{told['name']}`", told["in"], _type(schema, required=told.get("required", False)), meaning


def _answers(responses: Mapping[str, Any]) -> Iterator[str]:
    errors = []
    for status, told in responses.items():
        if _SUCCESS.fullmatch(status):
            description = "" if told["description"] == "Successful Response" else f". {told['description']}"
            yield f"*Answer*: {status} {_content(told.get('content', {})) or 'without a body'}{description}\n"
        elif status == "304":
            yield f"*Answer*: 304. {told['description']}\n"
        elif status != "default":
            codes = ", ".join(f"`{code}`" for code in told["description"].split(", "))
            errors.append(
                f"{status} {codes if 'problem' in str(told['content']) else _content(told['content'])}"
            )
    if errors:
        yield f"*Errors*: {'; '.join(errors)}\n"


def _content(content: Mapping[str, Any]) -> str:
    """Models by name; other media types as they are."""
    told = []
    for media_type, one in content.items():
        shown = _type(one.get("schema", {}), required=True)
        if media_type == "application/json":
            told.append(shown or "JSON")
        elif media_type == "application/x-ndjson":
            told.append(f"lines of {shown}, `{media_type}`")
        elif media_type == "multipart/form-data":
            fields = one["schema"]["properties"]
            told.append(f"a form, `{media_type}`, with {' and '.join(f'`{name}`' for name in fields)}")
        else:
            told.append(f"`{media_type}`")
    return " or ".join(told)


def _model(name: str, schema: Mapping[str, Any]) -> str:
    needed = schema.get("required", ())
    rows = (
        (f"`{field}`", _type(one, required=field in needed), one.get("description", ""))
        for field, one in schema.get("properties", {}).items()
    )
    about = " ".join(schema.get("description", "").split())
    return "\n".join((f"### {name}\n", about + "\n", _table(("field", "type", "meaning"), rows)))


def _type(schema: Mapping[str, Any], *, required: bool) -> str:
    shown = _bare_type(schema) + _bounds(schema)
    if required or "default" not in schema:
        return shown
    return f"{shown}, default {_literal(schema['default'])}"


def _bare_type(schema: Mapping[str, Any]) -> str:
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(_bare_type(one) for one in choices))
    if values := schema.get("enum"):
        return " or ".join(_literal(value) for value in values)
    if "const" in schema:
        return _literal(schema["const"])
    match schema.get("type"):
        case "array":
            items = schema.get("items")
            return (
                f"list of {_bare_type(items)}" if items else f"list of {len(schema.get('prefixItems', ()))}"
            )
        case "object":
            values = schema.get("additionalProperties")
            return f"object of {_bare_type(values)}" if isinstance(values, dict) else "object"
        case "string" if schema.get("format") == "date-time":
            return "moment"
        case None:
            return "any"
        case kind:
            return str(kind)


def _bounds(schema: Mapping[str, Any]) -> str:
    """The bounds of a value, as OpenAPI has them."""
    inner = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(inner) == 1:
        schema = inner[0]
    told = []
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("exclusiveMinimum", "", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ):
        low, high = schema.get(least), schema.get(most)
        above = "more than" if least == "exclusiveMinimum" else "from"
        if unit and high is not None and low == high:
            told.append("")
        elif low is not None and high is not None:
            told.append(f"{low:,} to {high:,}{unit}")
        elif low is not None:
            told.append(f"{above} {low:,}{unit} on" if above == "from" else f"{above} {low:,}")
        elif high is not None:
            told.append(f"at most {high:,}{unit}")
    return "".join(f", {one}" for one in told if one)


def _literal(value: object) -> str:
    return {"None": "null", "True": "true", "False": "false", "": "empty"}.get(str(value)) or f"`{value}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    shown = ("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)
    return "\n".join(shown) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(arguments: list[str]) -> None:
    """Print the page, or write it."""
    made = page(Gateway().openapi())
    if arguments == ["--write"]:
        PAGE.write_text(made)
    else:
        print(made, end="")


if __name__ == "__main__":
    main(sys.argv[1:])
