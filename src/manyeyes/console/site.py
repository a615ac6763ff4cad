"""The console as an app: its pages, what they load, and how it signs in."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from nicegui import app as pages
from nicegui import ui
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from manyeyes.console import signing_in
from manyeyes.console.frame import Page
from manyeyes.console.pages import lost, recognise
from manyeyes.console.pages.logs import page as logs
from manyeyes.console.pages.nodes import all as all_nodes
from manyeyes.console.pages.nodes import one as one_node
from manyeyes.console.pages.overview import page as overview
from manyeyes.console.pages.people import everybody, person, unknown
from manyeyes.console.pages.settings import page as settings
from manyeyes.console.visitor import Reception
from manyeyes.telemetry import log

STATIC = Path(__file__).parent / "static"
PAGES = (
    Page("/", "Overview", "insights", "user", overview.build),
    Page("/recognise", "Recognise", "image_search", "user", recognise.build),
    Page("/people", "People", "groups", "operator", everybody.build),
    Page("/people/person", "Person", "person", "operator", person.build, in_menu=False),
    Page("/people/unknown", "Unknown faces", "person_search", "operator", unknown.build, in_menu=False),
    Page("/nodes", "Nodes", "dns", "operator", all_nodes.build),
    Page("/nodes/{name}", "Node", "dns", "operator", one_node.build, in_menu=False, named_by="name"),
    Page("/logs", "Logs", "receipt_long", "operator", logs.build),
    Page("/settings", "Settings", "settings", "user", settings.build),
    Page("/{path:path}", "No such page", "error", "user", lost.build, in_menu=False),
)
"""The last one takes every address that none before it takes."""
_GONE_S = 30.0
"""A browser that comes back within this finds its page as it was."""


def make_site(gateway: ASGIApp, url: str) -> FastAPI:
    """The console over a gateway's app; its lifespan must run.

    The page library keeps its pages and settings once for the whole process, so there is one console in each.
    """
    reception = Reception(gateway, url)
    site = _site()
    pages.state.reception = site.state.reception = reception
    return site


async def _icon() -> FileResponse:
    return FileResponse(STATIC / "eyes.svg")


@cache
def _site() -> FastAPI:
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    site.mount("/static", StaticFiles(directory=STATIC))
    # the page library's own route for it comes after the page that takes every address
    site.add_api_route("/favicon.ico", _icon, response_class=FileResponse)
    signing_in.add_routes(site)
    for page in PAGES:
        page.register(PAGES)
    pages.on_exception(lambda error: log().error("a page failed", error=repr(error)))
    ui.run_with(
        site,
        mount_path="/",
        title="manyeyes",
        favicon=STATIC / "eyes.svg",
        dark=None,
        language="en-US",
        binding_refresh_interval=None,
        reconnect_timeout=_GONE_S,
        gzip_middleware_factory=None,
        tailwind=False,
        show_welcome_message=False,
    )
    # the page library's bar at the top has no name for those who cannot see it
    pages.config.quasar_config["loadingBar"]["skipHijack"] = True
    return site
