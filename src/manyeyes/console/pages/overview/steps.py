"""What to do first, in order, while nobody has done it."""

from __future__ import annotations

from collections.abc import Sequence
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
    def done(self) -> tuple[bool, bool, bool]:
        """Of each step whether it is done, in order."""
        return self.has_people, self.has_pictures, self.has_machines

    @property
    def is_new(self) -> bool:
        """Whether they are to be told what to do first."""
        return not self.has_people or not self.has_pictures


def next_step(done: Sequence[bool]) -> int | None:
    """The first step that is not done; None where all are."""
    return next((place for place, is_done in enumerate(done) if not is_done), None)


class _Step:
    """One step: its tick, the word for it, and the button that does it, if there is one."""

    def __init__(self, title: str, words: str) -> None:
        with ui.element("li"):
            with ui.element("div").classes("step-title"):
                TextElement(tag="h3", text=title)
                self._tick = ui.icon("check_circle").props('aria-hidden="true"').classes("step-tick")
                self._done = ui.label("done").classes("soft")
            ui.label(words)
            self.more = ui.element("div").classes("step-more")
        self.button: ui.button | None = None

    def show(self, *, is_done: bool, is_next: bool) -> None:
        """Tick it where it is done; only the next one's button is filled."""
        self._tick.set_visibility(is_done)
        self._done.set_visibility(is_done)
        if self.button is not None:
            look = ("unelevated", "outline") if is_next else ("outline", "unelevated")
            self.button.props(add=look[0], remove=look[1])


class FirstSteps:
    """A numbered list; what is done has a tick, and the word for it."""

    def __init__(self, visitor: Visitor) -> None:
        self._progress: Progress | None = None
        self._steps: list[_Step] = []
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
                    step = self._step(
                        "Join another machine", "More machines make it faster; each is one command."
                    )
                    with step.more:
                        if visitor.may("admin"):
                            step.button = join_form(visitor)
                            ui.label(
                                "Or over SSH, in one step, from a machine where you are an admin:"
                            ).classes("join-step")
                        Command(OVER_SSH, "Command that adds a machine over SSH")
        self._card.set_visibility(False)

    def _step(self, title: str, words: str, path: str = "", action: str = "") -> _Step:
        step = _Step(title, words)
        if path:
            with step.more:
                step.button = ui.button(action).props(f'no-caps href="{link(path)}"')
        self._steps.append(step)
        return step

    def show(self, progress: Progress) -> None:
        """Tick what is done; the list goes when what matters is."""
        if progress == self._progress:
            return
        self._progress = progress
        self._card.set_visibility(progress.is_new)
        done = progress.done if len(self._steps) == 3 else progress.done[1:2]
        following = next_step(done)
        for place, step in enumerate(self._steps):
            step.show(is_done=done[place], is_next=place == following)
