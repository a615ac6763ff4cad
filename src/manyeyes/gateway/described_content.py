"""How routes describe contents that the framework does not see: bytes, lines, documents of a named model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from manyeyes.gateway.jsonlines import MEDIA_TYPE as JSON_LINES

Described = dict[int | str, dict[str, Any]]
BINARY = {"schema": {"type": "string", "format": "binary"}}
"""Bytes, whatever they are."""


def content_of(model: type[BaseModel], media_type: str = "application/json") -> dict[str, Any]:
    """A document of that model."""
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def bytes_of(description: str, *media_types: str) -> Described:
    """The answer is the bytes of one of these media types."""
    return {200: {"description": description, "content": dict.fromkeys(media_types, BINARY)}}


def lines_of(model: type[BaseModel], description: str) -> Described:
    """The answer is read while it comes: one document of that model on each line."""
    return {200: {"description": description, "content": content_of(model, JSON_LINES)}}


def small_picture_of(description: str, *media_types: str) -> Described:
    """The answer is a small picture with its ETag, or nothing for a caller who has it."""
    return {
        **bytes_of(description, *media_types),
        304: {"description": "The caller has it: `If-None-Match` names its ETag."},
    }
