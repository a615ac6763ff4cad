"""Addresses of the console's own pages, and what the page's own address asks for."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from nicegui import ui
from starlette.requests import Request


def base() -> str:
    """The console's own address, as `/console`."""
    return str(ui.context.client.request.scope["root_path"])


def api() -> str:
    """What comes before `/v1` in a browser's requests: the path below which a proxy serves the master, or nothing."""
    return root_of(ui.context.client.request)


def root_of(request: Request) -> str:
    """The path below which a proxy serves the master, as a request has it."""
    return str(request.scope.get("app_root_path", ""))


def through_proxy() -> bool:
    """Whether this page came through a proxy that the master trusts: programs then see the proxy's certificate."""
    # PROXIED in gateway/proxies.py, which the console may not import
    return bool(ui.context.client.request.scope.get("manyeyes.proxied"))


def link(path: str, **query: str) -> str:
    """The address of a page; its path's parts are quoted, and what is empty in the query is left out."""
    asked = {name: value for name, value in query.items() if value}
    return base() + quote(path) + (f"?{urlencode(asked)}" if asked else "")


def asked(name: str) -> str:
    """A value of the query of this page's address; empty where it has none."""
    return str(ui.context.client.request.query_params.get(name, ""))


def use_style(name: str) -> None:
    """Have the page load a style sheet of static/."""
    ui.add_head_html(f'<link rel="stylesheet" href="{link(f"/static/{name}")}">')
