"""The table of commands: each command's module loads when the command runs, or when all are listed."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

PLACES = {
    "up": "manyeyes.cli.run:up",
    "master": "manyeyes.cli.run:master",
    "node": "manyeyes.cli.run:node",
    "down": "manyeyes.cli.run:down",
    "doctor": "manyeyes.cli.doctor:doctor",
    "engine": "manyeyes.cli.engine:app",
    "send": "manyeyes.cli.send:send",
    "status": "manyeyes.cli.status:status",
    "token": "manyeyes.cli.status:token",
    "audit": "manyeyes.cli.audit:audit",
    "console": "manyeyes.cli.console:console",
    "recent": "manyeyes.cli.recent:recent",
    "settings": "manyeyes.cli.settings:settings",
    "logs": "manyeyes.cli.logs:logs",
    "people": "manyeyes.cli.people:app",
    "faces": "manyeyes.cli.faces:app",
    "nodes": "manyeyes.cli.nodes:app",
    "packs": "manyeyes.cli.packs:app",
    "keys": "manyeyes.cli.keys:app",
    "contexts": "manyeyes.cli.contexts:app",
}
"""Where each command is defined, `module:name`, in the order of `manyeyes --help`: a function, or a group."""


class _Commands(MutableMapping[str, Any]):
    """Commands by name; each is loaded when it is first used, and kept."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


def _load(name: str) -> Any:
    module, _, attribute = PLACES[name].partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
        command.name = name
        return command
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return get_command(alone)


class LoadingGroup(TyperGroup):
    """The root command; it loads its commands when they are used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands; loads none of them."""
        return list(self.commands)
