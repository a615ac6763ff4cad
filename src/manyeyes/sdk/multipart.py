"""Parses `multipart/mixed` answers by the Content-Length of each part, so that a picture may contain any bytes."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message

from manyeyes.errors import ManyeyesError


@dataclass(frozen=True)
class Part:
    """One part: its media type without parameters, and its bytes."""

    media_type: str
    content: bytes


def parse_parts(content_type: str, body: bytes) -> list[Part]:
    """Split a multipart body.

    Args:
        content_type: the response's header, with its `boundary`.
        body: the whole body.

    Raises:
        ManyeyesError: the body is cut off or malformed.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise ManyeyesError(f"the master's answer names no boundary: {content_type!r}")
    delimiter = b"--" + boundary.encode("latin-1")
    parts: list[Part] = []
    at = 2 if body.startswith(b"\r\n") else 0
    while True:
        if not body.startswith(delimiter, at):
            raise ManyeyesError(f"the master's answer breaks off at byte {at} of {len(body)}")
        at += len(delimiter)
        if body.startswith(b"--", at):
            return parts
        at = _after_line_end(body, at)
        head_end = body.find(b"\r\n\r\n", at)
        if head_end < 0:
            raise ManyeyesError(f"the master's answer has a part without an end of its head, at byte {at}")
        fields = _fields(body[at:head_end])
        length_text = fields.get("content-length", "")
        if not (length_text.isascii() and length_text.isdigit()):
            raise ManyeyesError(f"a part of the master's answer states no length: {length_text!r}")
        start = head_end + 4
        end = start + int(length_text)
        if end > len(body):
            raise ManyeyesError(f"the master's answer is cut off: {len(body)} bytes, {end} promised")
        media_type = fields.get("content-type", "application/octet-stream").split(";")[0].strip().lower()
        parts.append(Part(media_type, body[start:end]))
        at = _after_line_end(body, end)


def _after_line_end(body: bytes, at: int) -> int:
    if not body.startswith(b"\r\n", at):
        raise ManyeyesError(f"the master's answer has no line end at byte {at}")
    return at + 2


def _fields(head: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.decode("latin-1").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
