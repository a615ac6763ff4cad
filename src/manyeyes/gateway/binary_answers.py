"""How routes whose answer is no JSON document describe it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from manyeyes.gateway.jsonlines import MEDIA_TYPE as JSON_LINES

Described = dict[int | str, dict[str, Any]]
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def bytes_of(description: str, *media_types: str) -> Described:
    """The answer is the bytes of one of these media types."""
    return {200: {"description": description, "content": dict.fromkeys(media_types, _BINARY)}}


def lines_of(model: type[BaseModel], description: str) -> Described:
    """The answer is read while it comes: one document of that model on each line."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {200: {"description": description, "content": {JSON_LINES: {"schema": schema}}}}


def small_picture_of(description: str, *media_types: str) -> Described:
    """The answer is a small picture with its ETag, or nothing for a caller who has it."""
    return {
        **bytes_of(description, *media_types),
        304: {"description": "The caller has it: `If-None-Match` names its ETag."},
    }
