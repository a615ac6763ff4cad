"""Up to which distance a face gets a name: what is in force, what another one would mean, setting it."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from manyeyes.api.people import Threshold
from manyeyes.console.dialogs import reporting
from manyeyes.console.live import keep
from manyeyes.console.pages.settings.meaning import facts, notes, one_in
from manyeyes.console.parts.facts import FactList
from manyeyes.console.visitor import Visitor
from manyeyes.errors import ManyeyesError

_EVERY_S = 30.0
_WAYS = {
    "fmr": "By how often a stranger may get a name",
    "distance": "By the distance itself",
    "default": "Default of the pack",
}
_RATES = {rate: f"{rate:g}: {one_in(rate)}" for rate in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)}
_OTHER = 0.0


async def build(visitor: Visitor) -> None:
    """What is in force, and a form; raises NotAllowed."""
    page = _Threshold(visitor, await visitor.client.threshold())
    keep(visitor, page.refresh, every_s=_EVERY_S, kinds={"threshold", "people"})


class _Threshold:
    def __init__(self, visitor: Visitor, found: Threshold) -> None:
        self._visitor = visitor
        with ui.element("div").classes("two"):
            self._now = _Shown("In force")
            self._then = _Shown("With your choice")
            with (
                ui.element("form")
                .props('aria-label="Choose another"')
                .classes("choose")
                .on("submit.prevent", js_handler="() => {}")
            ):
                self._mode = ui.radio(_WAYS, value=found.mode, on_change=self._changed)
                self._mode.props('aria-label="How it is set"')
                self._rate = ui.select(
                    {**_RATES, _OTHER: "another rate"},
                    label="A stranger gets a name",
                    value=self._choice(found.asked_fmr),
                    on_change=self._changed,
                ).props("outlined dense options-dense")
                self._other = ui.input(
                    "Rate, as 2e-4",
                    value=f"{found.asked_fmr:g}" if found.asked_fmr else "",
                    on_change=self._changed,
                ).props("outlined dense debounce=400 inputmode=decimal")
                self._distance = ui.input(
                    "Distance, as 0.55", value=f"{found.threshold:.3f}", on_change=self._changed
                ).props("outlined dense debounce=400 inputmode=decimal")
                self._trouble = ui.label().props('role="alert"').classes("bad-words")
                self._save = ui.button("Set it", on_click=reporting(self._set)).props("no-caps unelevated")
        self._fields()
        self._show(found)
        self._then.card.set_visibility(False)

    def _choice(self, rate: float | None) -> float:
        return rate if rate in _RATES else 1e-3 if rate is None else _OTHER

    def _fields(self) -> None:
        mode = self._mode.value
        self._rate.set_visibility(mode == "fmr")
        self._other.set_visibility(mode == "fmr" and self._rate.value == _OTHER)
        self._distance.set_visibility(mode == "distance")

    def _show(self, found: Threshold) -> None:
        self._now.show(found)

    async def refresh(self) -> None:
        """Show what is in force now."""
        self._show(await self._visitor.client.threshold())

    def _rule(self) -> dict[str, Any] | None:
        """What is chosen; None while a figure is missing or none."""
        mode = self._mode.value
        if mode == "default":
            return {}
        if mode == "fmr" and self._rate.value != _OTHER:
            return {"fmr": self._rate.value}
        field = self._other if mode == "fmr" else self._distance
        try:
            return {mode: float((field.value or "").strip().replace(",", "."))}
        except ValueError:
            return None

    async def _changed(self) -> None:
        self._fields()
        rule = self._rule()
        if rule is None:
            self._refuse("This is not a number; write it as 0.0002 or 2e-4." if self._typed() else "")
            return
        try:
            would_be = await self._visitor.client.preview_threshold(**rule)
        except ManyeyesError as error:
            self._refuse(error.detail)
            return
        if rule == self._rule():
            self._trouble.text = ""
            self._save.enable()
            self._then.show(would_be)
            self._then.card.set_visibility(True)

    def _typed(self) -> bool:
        return bool((self._other if self._mode.value == "fmr" else self._distance).value)

    def _refuse(self, why: str) -> None:
        self._trouble.text = why
        self._save.disable()
        self._then.card.set_visibility(False)

    async def _set(self) -> None:
        rule = self._rule()
        if rule is None:
            return
        self._show(await self._visitor.client.set_threshold(**rule))
        self._then.card.set_visibility(False)
        ui.notify("It counts from the next picture on.", type="positive", position="bottom")


class _Shown:
    """A threshold and what it means."""

    def __init__(self, title: str) -> None:
        with ui.element("div").classes("meaning") as self.card:
            self._facts = FactList(title)
            self._notes = ui.label().classes("soft notes")
        self.card.props('role="status"')

    def show(self, found: Threshold) -> None:
        """Show this one."""
        self._facts.show(facts(found))
        said = " ".join(notes(found))
        if self._notes.text != said:
            self._notes.text = said
