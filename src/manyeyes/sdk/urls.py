"""Paths of the HTTP API that contain a name."""

from __future__ import annotations

from urllib.parse import quote

from manyeyes.sdk.unsendable import refusing_the_unsendable


def node_url(name: str) -> str:
    """The path of a node."""
    return f"/v1/nodes/{quoted(name)}"


def person_url(name: str) -> str:
    """The path of a person."""
    return f"/v1/people/{quoted_name(name)}"


def quoted_name(name: str) -> str:
    """A person's name, quoted for a URL path."""
    # A name of dots only would be taken for a relative path segment even when quoted.
    text = quoted(name)
    return text.replace(".", "%2E") if not name.strip(".") else text


def quoted(text: str) -> str:
    """A text, quoted for a URL path.

    Raises:
        BadRequest: it is not UTF-8.
    """
    with refusing_the_unsendable():
        return quote(text, safe="")
