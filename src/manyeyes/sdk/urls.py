"""Paths of the HTTP API that contain a name."""

from __future__ import annotations

from urllib.parse import quote


def node_url(name: str) -> str:
    """The path of a node."""
    return f"/v1/nodes/{quote(name, safe='')}"


def person_url(name: str) -> str:
    """The path of a person."""
    return f"/v1/people/{quoted_name(name)}"


def quoted_name(name: str) -> str:
    """A person's name, quoted for a URL path."""
    # A name of dots only would be taken for a relative path segment even when quoted.
    quoted = quote(name, safe="")
    return quoted.replace(".", "%2E") if not name.strip(".") else quoted
