"""One person: their photos, what was noticed, feedback, and what can be done with them."""

from __future__ import annotations

from nicegui import ui
from nicegui.events import GenericEventArguments

from manyeyes.api.people import Feedback, Merge, Person
from manyeyes.console import address
from manyeyes.console.address import use_style
from manyeyes.console.dialogs import confirm, reporting, tell
from manyeyes.console.live import keep
from manyeyes.console.pages.people import facts
from manyeyes.console.pages.people.elements import (
    FaceEnrolment,
    FacePhotos,
    heading,
    link,
)
from manyeyes.console.pages.people.naming import ask_name
from manyeyes.console.visitor import Visitor
from manyeyes.errors import PersonNotFound
from manyeyes.wording import several

_EVERY_S = 15.0


async def build(visitor: Visitor) -> None:
    """Fill the page of the person that the address names; raises NotAllowed for those who may not see it."""
    name = ui.context.client.request.query_params.get("name", "")
    use_style("people.css")
    link("All people", f"{address.base()}/people").classes("back")
    try:
        person = await visitor.client.person(name)
    except PersonNotFound:
        _gone(name)
        return
    ui.page_title(f"{person.name} · manyeyes")
    page = _OnePerson(visitor, person)
    keep(visitor, page.refresh, every_s=_EVERY_S, kinds={"people"})


def _go(path: str) -> None:
    """Leave for another page; the page library puts the console's own address before it."""
    ui.navigate.to(path)


def _gone(name: str) -> None:
    with ui.element("div").classes("empty").props('role="status"'):
        heading(f"Nobody is called {name!r}")
        ui.label("The person was renamed, merged into another, or deleted.")


class _OnePerson:
    def __init__(self, visitor: Visitor, person: Person) -> None:
        self._visitor = visitor
        self._client = visitor.client
        self._name = person.name
        self._person: Person | None = None
        self._enrolment = FaceEnrolment(to=person.name, known=0).on("changed", reporting(self._changed))
        self._instead = ui.element("div")
        self._body = ui.element("div")
        with self._body:
            heading(person.name).classes("person-name")
            self._said = ui.label().props('role="status"').classes("soft")
            with ui.row().classes("bar"):
                self._button("Add photos", "add_photo_alternate", self._enrolment.start, "unelevated")
                self._button("Rename", "edit", reporting(self._rename))
                self._button("Merge", "merge", reporting(self._merge))
                self._button("Delete", "delete_outline", reporting(self._delete), "outline color=negative")
            self._photos = FacePhotos(photos=[]).on("remove", reporting(self._remove))
            self._merges = ui.element("div")
            heading("Feedback")
            self._feedback = ui.element("div")
        self._show(person)

    def _button(self, text: str, icon: str, action: object, look: str = "outline") -> None:
        ui.button(text, icon=icon, on_click=action).props(f"no-caps {look}")  # type: ignore[arg-type]

    async def refresh(self) -> None:
        """Show how things are now."""
        try:
            self._show(await self._client.person(self._name))
        except PersonNotFound:
            if not self._body.is_deleted:
                with self._instead:
                    _gone(self._name)
                self._enrolment.delete()
                self._body.delete()

    def _show(self, person: Person) -> None:
        before, self._person = self._person, person
        if before == person:
            return
        entries = len(person.feedback)
        said = several(person.photos, "photo")
        if entries:
            said += f", {several(entries, 'feedback entry', 'feedback entries')}"
        self._said.text = said
        self._photos.show(photos=facts.photo_cards(person.photos_detail, address.api()))
        if before is None or before.merges != person.merges:
            self._show_merges(person.merges)
        if before is None or before.feedback != person.feedback:
            self._show_feedback(person.feedback)

    def _show_merges(self, merges: tuple[Merge, ...]) -> None:
        self._merges.clear()
        if not merges:
            return
        with self._merges:
            heading("Merged")
            with ui.element("ul").classes("feedback"):
                for merge in merges:
                    self._show_merge(merge)

    def _show_merge(self, merge: Merge) -> None:
        with ui.element("li").classes("bar"):
            ui.label(f"{merge.name} was merged into this person")
            ui.label(f"{merge.merged_at:%d %b %Y}; can be undone until {merge.until:%d %b %Y}").classes(
                "soft"
            )
            undo = ui.button("Undo", icon="undo", on_click=lambda: reporting(self._undo_merge)(merge))
            undo.props("no-caps flat dense")
            undo.props["aria-label"] = f"Undo the merge of {merge.name}"

    def _show_feedback(self, feedback: tuple[Feedback, ...]) -> None:
        self._feedback.clear()
        with self._feedback:
            if not feedback:
                ui.label(
                    "There is none. Give it where a picture's faces are shown; it changes later answers."
                ).classes("soft")
                return
            with ui.element("ul").classes("feedback"):
                for entry in feedback:
                    self._show_entry(entry)

    def _show_entry(self, entry: Feedback) -> None:
        with ui.element("li").classes("bar"):
            file = f" of {entry.file_name}" if entry.file_name else ""
            ui.label(f"A face{file} {facts.verdict(entry)}")
            ui.label(f"{entry.added_at:%d %b %Y %H:%M} UTC").classes("soft")
            undo = ui.button("Undo", icon="undo", on_click=lambda: reporting(self._undo)(entry))
            undo.props("no-caps flat dense")
            undo.props["aria-label"] = f"Undo: a face{file} {facts.verdict(entry)}"

    async def _changed(self, _: GenericEventArguments) -> None:
        await self.refresh()

    async def _remove(self, event: GenericEventArguments) -> None:
        photo_id = int(event.args)
        photos = self._person.photos_detail if self._person else ()
        photo = next((photo for photo in photos if photo.id == photo_id), None)
        if photo is None:
            return
        what = f"{photo.file_name or 'This photo'} and its embedding are deleted; {self._name} stays."
        if await confirm("Remove this photo?", what, "Remove", grave=True):
            self._show(await self._client.remove_photo(self._name, photo_id))

    async def _undo(self, entry: Feedback) -> None:
        what = f"Later answers forget that a face {facts.verdict(entry)}."
        if await confirm("Undo this feedback?", what, "Undo"):
            await self._client.undo_feedback(entry.id)
            await self.refresh()

    async def _rename(self) -> None:
        new = await ask_name(f"Rename {self._name}", "New name", "Rename", value=self._name)
        if new and new != self._name:
            renamed = await self._client.rename_person(self._name, new)
            if renamed.warnings:
                said = [facts.sentence(warning.sentence) for warning in renamed.warnings]
                await tell(f"{self._name} is now {renamed.name}", said)
            _go(facts.person_address("", renamed.name))

    async def _merge(self) -> None:
        others = [person.name for person in await self._client.people() if person.name != self._name]
        if not others:
            ui.notify("There is nobody else to merge with.", position="bottom")
            return
        into = await ask_name(
            f"Merge {self._name} into another person",
            "Name of the other person",
            "Compare",
            what=f"All photos and feedback of {self._name} go to the other person, and the name "
            f"{self._name} is given up. Before that you see how far apart their photos are.",
            among=others,
        )
        if not into:
            return
        preview = await self._client.merges.preview(self._name, into)
        if await confirm(*facts.merge_question(preview), "Merge", grave=preview.is_far):
            merged = await self._client.merge_person(self._name, into)
            _go(facts.person_address("", merged.name))

    async def _undo_merge(self, merge: Merge) -> None:
        what = (
            f"{merge.name} gets back the photos and feedback from before the merge, except what was removed since. "
            f"What was added since stays with {merge.into}."
        )
        if await confirm(f"Give {merge.name} back?", what, "Undo the merge"):
            back = await self._client.merges.undo(merge.id)
            _go(facts.person_address("", back.name))

    async def _delete(self) -> None:
        person = await self._client.person(self._name)
        if await confirm(f"Delete {self._name}?", facts.what_goes(person), "Delete", grave=True):
            await self._client.remove_person(self._name)
            _go("/people")
