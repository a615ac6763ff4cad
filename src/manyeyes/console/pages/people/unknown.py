"""Faces that got no name, by likeness: named, dismissed, and whether they are kept at all."""

from __future__ import annotations

from nicegui import ui
from nicegui.events import GenericEventArguments

from manyeyes.api.people import Person
from manyeyes.api.unknown_faces import Retention, Unknown
from manyeyes.console import address
from manyeyes.console.address import use_style
from manyeyes.console.dialogs import confirm, reporting
from manyeyes.console.live import keep
from manyeyes.console.pages.people import facts
from manyeyes.console.pages.people.elements import FaceGroups, heading, link
from manyeyes.console.visitor import Visitor
from manyeyes.wording import several

_EVERY_S = 15.0
_MOST_GROUPS = 100
_CHOICES_S = (3600.0, 86_400.0, 7 * 86_400.0, 30 * 86_400.0, 90 * 86_400.0)
_USUAL_S = 7 * 86_400.0
_WHAT_IT_MEANS = (
    "While this is on, the face of everybody in every picture that anybody sends is kept on the master, unless it gets a "
    "name: a small picture of it, its embedding, and when it was seen. Each is deleted when its time is over, when it is "
    "named or dismissed, and when this is turned off. Operators and admins can look at them. They are pictures of people "
    "who may not know of it: tell them before you turn it on, and keep them no longer than you need."
)


async def build(visitor: Visitor) -> None:
    """Fill the page; raises NotAllowed for those who may not see it."""
    unknown = await visitor.client.faces.unknown(_MOST_GROUPS)
    use_style("people.css")
    link("All people", f"{address.base()}/people").classes("back")
    page = _UnknownFaces(visitor)
    await page.show(unknown)
    keep(visitor, page.refresh, every_s=_EVERY_S, kinds={"faces", "people"})


class _UnknownFaces:
    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._base = address.base()
        self._shown: Unknown | None = None
        self._names: list[str] = []
        with ui.element("section").classes("retention").props('aria-label="Retention of unknown faces"'):
            with ui.row().classes("bar"):
                with ui.element("div").classes("retention-state"):
                    self._dot = ui.element("span").classes("dot")
                    self._is_kept = ui.label().props('role="status"')
                self._controls = ui.row().classes("bar")
            ui.label(_WHAT_IT_MEANS).classes("soft")
        self._outcome = ui.element("div").props('role="status"')
        self._empty = ui.element("div").classes("empty")
        with self._empty:
            self._why_empty = heading("")
        self._groups = (
            FaceGroups(groups=[], names=[]).on("name", self._name).on("dismiss", reporting(self._dismiss))
        )
        self._more = ui.label().classes("soft")

    async def refresh(self) -> None:
        """Show how things are now."""
        await self.show(await self._visitor.client.faces.unknown(_MOST_GROUPS))

    async def show(self, unknown: Unknown) -> None:
        """Show these groups, unless nothing has changed."""
        before, self._shown = self._shown, unknown
        if before == unknown:
            return
        retention = unknown.retention
        if before is None or (before.retention.on, before.retention.for_s) != (retention.on, retention.for_s):
            self._show_controls(retention)
        self._dot.classes(add="good" if retention.on else "", remove="" if retention.on else "good")
        self._is_kept.text = _state(retention)
        if unknown.groups:
            self._names = facts.Crowd(await self._visitor.client.people()).names
        self._groups.show(groups=facts.group_cards(unknown.groups), names=self._names)
        self._more.text = (
            f"{unknown.more_groups:,} more groups come after these." if unknown.more_groups else ""
        )
        self._empty.set_visibility(not unknown.groups)
        self._why_empty.text = (
            "There are no unknown faces now. New ones appear here."
            if retention.on
            else "Unknown faces are not kept, so there are none to name."
        )

    # whether they are kept

    def _show_controls(self, retention: Retention) -> None:
        self._controls.clear()
        with self._controls:
            if not self._visitor.may("admin"):
                ui.label("An admin can change this.").classes("soft")
                return
            choices = {
                for_s: facts.lasting(for_s) for for_s in sorted({*_CHOICES_S, retention.for_s or _USUAL_S})
            }
            chosen = ui.select(choices, label="Keep each for", value=retention.for_s or _USUAL_S)
            chosen.props("outlined dense").classes("keep-for")
            action = "Change" if retention.on else "Turn on"
            ui.button(action, on_click=lambda: reporting(self._keep)(chosen.value)).props(
                "no-caps unelevated"
            )
            if retention.on:
                ui.button("Turn off", on_click=reporting(self._turn_off)).props(
                    "no-caps outline color=negative"
                )

    async def _keep(self, for_s: float) -> None:
        before = await self._visitor.client.faces.retention()
        if before.on and before.for_s and for_s < before.for_s and before.kept:
            what = f"Those that were seen longer than {facts.lasting(for_s)} ago are deleted at once."
            if not await confirm("Keep unknown faces for a shorter time?", what, "Change", grave=True):
                return
        await self._visitor.client.faces.keep(for_s)
        await self.refresh()

    async def _turn_off(self) -> None:
        kept = (await self._visitor.client.faces.retention()).kept
        what = (
            f"{several(kept, 'unknown face')} and all that was learned from them are deleted at once. "
            "This cannot be undone. People who were named stay."
        )
        if await confirm("Stop keeping unknown faces?", what, "Turn off and delete", grave=True):
            await self._visitor.client.faces.keep(None)
            await self.refresh()

    # naming and dismissing

    async def _name(self, event: GenericEventArguments) -> None:
        named = event.args
        group = int(named["group"])

        async def name() -> None:
            faces = [int(face) for face in named["faces"]]
            person = await self._visitor.client.faces.name(group, str(named["name"]), faces)
            self._tell(person)
            await self.refresh()

        await reporting(name)()
        self._groups.settled(group)

    def _tell(self, person: Person) -> None:
        self._outcome.clear()
        wary = sum(bool(photo.warnings) for photo in person.added)
        with self._outcome, ui.element("div").classes("done"):
            said = f"{several(len(person.added), 'face')} added to "
            ui.label(said)
            link(person.name, facts.person_address(self._base, person.name))
            for warning in person.warnings:
                if not warning.photo:  # about the name
                    ui.label(facts.sentence(warning.sentence)).classes("warn-words")
            if wary:
                ui.label(f"; {wary} of them could be better, as their page says.")

    async def _dismiss(self, event: GenericEventArguments) -> None:
        group, count = int(event.args["group"]), int(event.args["count"])
        for_s = self._shown.retention.for_s if self._shown else None
        lasting = f"for {facts.lasting(for_s)}" if for_s else "while unknown faces are kept"
        what = f"Their pictures are deleted, and faces like them are not shown {lasting}. Nobody is enrolled."

        if await confirm(f"Dismiss {several(count, 'unknown face')}?", what, "Dismiss", grave=True):
            await self._visitor.client.faces.dismiss(group)
            await self.refresh()


def _state(retention: Retention) -> str:
    if not retention.on or retention.for_s is None:
        return "Unknown faces are not kept."
    return (
        f"Unknown faces are kept for {facts.lasting(retention.for_s)} each: "
        f"{retention.kept:,} now, {retention.most:,} at most."
    )
