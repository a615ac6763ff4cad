"""What to do first, in order, while nobody has done it."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.console.address import link
from manyeyes.console.pages.nodes.joining import OVER_SSH, join_form
from manyeyes.console.parts.command import Command
from manyeyes.console.visitor import Visitor


@dataclass(frozen=True)
class Progress:
    """How far a newcomer has come."""

    has_people: bool
    has_pictures: bool
    """Whether a picture was ever answered."""
    has_machines: bool
    """Whether more than the first machine is there."""

    @property
    def is_new(self) -> bool:
        """Whether they are to be told what to do first."""
        return not self.has_people or not self.has_pictures


class FirstSteps:
    """A numbered list; what is done has a tick, and the word for it."""

    def __init__(self, visitor: Visitor) -> None:
        self._progress: Progress | None = None
        self._ticks: list[tuple[ui.element, ui.label]] = []
        with ui.element("section").classes("card wide").props('aria-label="What to do first"') as self._card:
            TextElement(tag="h2", text="What to do first").classes("card-title")
            with ui.element("ol").classes("steps"):
                if visitor.may("operator"):
                    self._step(
                        "Add people",
                        "One to five photos of each; from then on their faces get names.",
                        "/people",
                        "Add people",
                    )
                self._step(
                    "Send a picture",
                    "Drop it on the page Recognise; the predicted picture comes back with a box around each face.",
                    "/recognise",
                    "Recognise a picture",
                )
                if visitor.may("operator"):
                    with self._step(
                        "Join another machine", "More machines make it faster; each is one command."
                    ):
                        if visitor.may("admin"):
                            join_form(visitor)
                            ui.label(
                                "Or over SSH, in one step, from a machine where you are an admin:"
                            ).classes("join-step")
                        Command(OVER_SSH, "Command that adds a machine over SSH")
        self._card.set_visibility(False)

    def _step(self, title: str, words: str, path: str = "", action: str = "") -> ui.element:
        with ui.element("li"):
            with ui.element("div").classes("step-title"):
                TextElement(tag="h3", text=title)
                tick = ui.icon("check_circle").props('aria-hidden="true"').classes("step-tick")
                done = ui.label("done").classes("soft")
            ui.label(words)
            more = ui.element("div").classes("step-more")
            if path:
                with more, ui.element("a").props(f'href="{link(path)}"').classes("more"):
                    ui.label(action)
        self._ticks.append((tick, done))
        return more

    def show(self, progress: Progress) -> None:
        """Tick what is done; the list goes when what matters is."""
        if progress == self._progress:
            return
        self._progress = progress
        self._card.set_visibility(progress.is_new)
        ticks = [progress.has_people, progress.has_pictures, progress.has_machines]
        for (tick, done), is_done in zip(
            self._ticks, ticks if len(self._ticks) == 3 else ticks[1:2], strict=True
        ):
            tick.set_visibility(is_done)
            done.set_visibility(is_done)
