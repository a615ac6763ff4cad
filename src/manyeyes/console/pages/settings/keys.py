"""API keys: which there are, making one, revoking one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from nicegui import ui

from manyeyes.api.access import ROLES, ApiKey
from manyeyes.console.dialogs import confirm, reporting
from manyeyes.console.live import keep
from manyeyes.console.pages.settings.new_key import ask_for_key
from manyeyes.console.parts.live_table import Cell, Column, LiveTable
from manyeyes.console.visitor import Visitor
from manyeyes.console.wording import ago, exact
from manyeyes.natural_order import natural

_LIMIT = 50
_EVERY_S = 30.0
_COLUMNS = (
    Column("name", "Name"),
    Column("role", "Role"),
    Column("made", "Made"),
    Column("act", "Action", hint="What can be done with it"),
)
_SORTS: dict[str, Callable[[ApiKey], object]] = {
    "name": lambda key: natural(key.name),
    "role": lambda key: ROLES.index(key.role),
    "made": lambda key: key.created_at,
}


async def build(visitor: Visitor) -> None:
    """The table and what can be done with it; raises NotAllowed."""
    page = _Keys(visitor, await visitor.client.keys())
    keep(visitor, page.refresh, every_s=_EVERY_S, kinds={"keys"})


class _Keys:
    def __init__(self, visitor: Visitor, keys: list[ApiKey]) -> None:
        self._visitor = visitor
        self._keys = keys
        self._sort, self._descending, self._offset = "name", False, 0
        ui.button("Make a key", icon="key", on_click=lambda: ask_for_key(visitor, self.refresh)).props(
            "no-caps unelevated"
        ).classes("before-table")
        self._table = LiveTable(
            "API keys",
            _COLUMNS,
            limit=_LIMIT,
            sorting=self._order,
            turning=self._turn,
            acting=reporting(self._revoke),
        )
        self._draw()

    async def refresh(self) -> None:
        """Show the keys that there are now."""
        self._keys = await self._visitor.client.keys()
        self._draw()

    def _draw(self) -> None:
        now = datetime.now(UTC)
        order = _SORTS.get(self._sort, _SORTS["name"])
        keys = sorted(self._keys, key=order, reverse=self._descending)  # type: ignore[arg-type]
        self._offset = min(self._offset, max(0, (len(keys) - 1) // _LIMIT * _LIMIT))
        self._table.show(
            [self._row(key, now) for key in keys[self._offset : self._offset + _LIMIT]],
            found=len(keys),
            offset=self._offset,
            sort=self._sort,
            descending=self._descending,
            empty="There is no key.",
        )

    def _row(self, key: ApiKey, now: datetime) -> dict[str, Cell | str]:
        name: Cell = {"text": key.name}
        if key.name == self._visitor.name:
            name["note"] = "you are signed in with it"
        return {
            "key": key.name,
            "name": name,
            "role": {"text": key.role},
            "made": {"text": ago(key.created_at, now), "title": exact(key.created_at)},
            "act": {"text": "", "act": "Revoke"},
        }

    async def _order(self, name: str, descending: bool) -> None:
        if name in _SORTS:
            self._sort, self._descending = name, descending
            self._draw()

    async def _turn(self, offset: int) -> None:
        self._offset = offset
        self._draw()

    async def _revoke(self, name: str) -> None:
        mine = (
            " You are signed in with this key, and will be signed out." if name == self._visitor.name else ""
        )
        if await confirm(
            f"Revoke the key {name}?",
            "Every program that uses it is refused from its next request on, and every browser that signed in with it "
            f"is signed out.{mine} Pictures that are already being sent are still answered. This cannot be undone; a new key can be "
            "made.",
            "Revoke",
            grave=True,
        ):
            await self._visitor.client.revoke_key(name)
            ui.notify(f"The key {name} is revoked.", type="positive", position="bottom")
            await self.refresh()
