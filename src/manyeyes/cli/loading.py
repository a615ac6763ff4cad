"""The table of commands: each command's module loads when the command runs, or when all are listed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from manyeyes.cli.first_signals import command_begins
from manyeyes.cli.help_text import unwrap
from manyeyes.cli.metavars import named, plain_metavars, refusal
from manyeyes.plain_text import harmless

COMMANDS = {
    "up": "manyeyes.cli.run:up",
    "master": "manyeyes.cli.run:master",
    "node": "manyeyes.cli.run:node",
    "down": "manyeyes.cli.down:down",
    "service": "manyeyes.cli.service.commands:app",
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
    "uninstall": "manyeyes.cli.uninstalling.command:uninstall",
}
"""Where each command is defined, `module:name`, in the order of `manyeyes --help`: a function, or a group."""


_ArgumentError: Any = typer.BadParameter.__bases__[0]
"""What Typer raises for arguments that it cannot use; it exports this one kind of them."""


def _load(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
        command.name = name
        return command
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return get_command(alone)


@contextmanager
def _harmless_errors() -> Iterator[None]:
    try:
        yield
    except _ArgumentError as error:
        error.message = harmless(refusal(error.message))
        raise


class LazyGroup(TyperGroup):
    """The root command; it loads its commands when they are used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: dict[str, Any] = dict.fromkeys(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, loaded now if it is not yet; None if there is none of this name."""
        if cmd_name in COMMANDS and self.commands[cmd_name] is None:
            self.commands[cmd_name] = _load(cmd_name)
            plain_metavars(self.commands[cmd_name])
            unwrap(self.commands[cmd_name])
            command_begins()
        return self.commands.get(cmd_name)

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        """As every command; what an error quotes of the arguments is harmless."""
        with _harmless_errors():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: Any) -> Any:
        """As every command; what an error quotes of the arguments is harmless."""
        with _harmless_errors():
            return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        """The options of the root command."""
        return named(super().get_params(ctx))
