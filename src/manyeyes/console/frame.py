"""What every page has: its title, links to the other pages, who is signed in, light or dark, and signing out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from nicegui import app, ui
from nicegui.elements.mixins.text_element import TextElement
from starlette.requests import Request

from manyeyes.console.dialogs import say_error
from manyeyes.console.visitor import Reception, Visitor
from manyeyes.errors import ManyeyesError, NotSignedIn

Build = Callable[..., Awaitable[None]]
_THEMES = {"light": False, "dark": True}
_THEME_COOKIE = "manyeyes-theme"
_COLORS = {
    "primary": "#0b6b5e",
    "secondary": "#33565e",
    "accent": "#7a4fb5",
    "positive": "#1b7a3d",
    "negative": "#b3261e",
    "warning": "#8a5a00",
    "info": "#1f6396",
    "dark": "#162326",
    "dark-page": "#0e1719",
}


@dataclass(frozen=True)
class Page:
    """One page of the console.

    `build` gets the visitor, and the parameters of the path by their names.
    """

    path: str
    title: str
    icon: str
    least: str
    """The role that it is of use to."""
    build: Build
    in_menu: bool = True
    named_by: str = ""
    """The parameter of the path that is the heading, where the page is about one of many."""

    def register(self, menu: tuple[Page, ...]) -> None:
        """Have the page library serve it."""

        async def page(request: Request) -> None:
            await _framed(self, menu, request)

        ui.page(self.path, title=f"{self.title} · manyeyes")(page)


async def _framed(page: Page, menu: tuple[Page, ...], request: Request) -> None:
    reception: Reception = app.state.reception
    base = request.scope["root_path"]
    ui.add_head_html(f'<link rel="stylesheet" href="{base}/static/console.css">')
    # before everything else, so that it is the first that the tab key reaches
    ui.add_body_html('<a class="skip" href="#content">Skip to the content</a>')
    ui.add_body_html(f'<script defer src="{base}/static/console.js"></script>')
    ui.colors(**_COLORS)
    ui.dark_mode(_THEMES.get(request.cookies.get(_THEME_COOKIE, "")))
    try:
        visitor = await reception.visitor(request)
    except NotSignedIn:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        ui.navigate.to(f"/sign-in?ended=1&to={quote(asked)}")
        return
    title = request.path_params[page.named_by] if page.named_by else page.title
    ui.page_title(f"{title} · manyeyes")
    _header(page, menu, visitor, base)
    with ui.element("div").props('id="content" tabindex="-1"').classes("page"):
        TextElement(tag="h1", text=title).classes("page-title").props('id="page-title"')
        try:
            await page.build(visitor, **request.path_params)
        except ManyeyesError as error:
            say_error(error)


def _header(page: Page, menu: tuple[Page, ...], visitor: Visitor, base: str) -> None:
    with (
        ui.left_drawer(value=False, bordered=True)
        .props("width=220 breakpoint=900 show-if-above")
        .classes("menu") as drawer,
        ui.element("nav").props('aria-label="Pages"'),
    ):
        for entry in menu:
            if not entry.in_menu or not visitor.may(entry.least):
                continue
            is_here = entry.path == page.path or (
                entry.path != "/" and page.path.startswith(entry.path + "/")
            )
            link = ui.element("a").props(f'href="{base}{entry.path}"').classes("menu-entry")
            if is_here:
                link.props('aria-current="page"')
            with link:
                ui.icon(entry.icon).props('aria-hidden="true"')
                ui.label(entry.title)
    with ui.header(elevated=False).classes("top"):
        ui.button(icon="menu", on_click=drawer.toggle).props(
            'flat round dense color="white" aria-label="Pages"'
        ).classes("lt-md menu-button")
        with ui.element("a").props(f'href="{base}/" aria-label="manyeyes, overview"').classes("brand"):
            ui.html(f'<img src="{base}/static/eyes.svg" alt="" width="28" height="28">', sanitize=False)
            ui.label("manyeyes")
        ui.space()
        ui.label(f"{visitor.name} ({visitor.role})").classes("who")
        ui.button(icon="contrast").props('flat round dense color="white" aria-label="Light or dark"').on(
            "click", js_handler="() => manyeyes.nextTheme()"
        )
        with ui.element("form").props(f'method="post" action="{base}/sign-out"'):
            ui.button("Sign out", icon="logout").props(
                'flat dense color="white" type="submit" no-caps'
            ).classes("sign-out")
