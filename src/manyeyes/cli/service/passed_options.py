"""The options of a role as they are written after `--`: checked by the command that they belong to, paths made absolute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyeyes.cli.loading import LazyGroup

_OWN = ("data", "join", "join_file", "join_only")
"""Not handed on: the service names its data folder itself, and a token is used when the service is installed."""


@dataclass(frozen=True)
class PassedOptions:
    """What was asked of a role."""

    values: dict[str, Any]
    """Of every parameter, None where it was not given."""
    words: tuple[str, ...]
    """The options that the service passes on."""
    paths: tuple[Path, ...]
    """Those of them that are paths."""


def read_options(role: str, arguments: Sequence[str]) -> PassedOptions:
    """Read options as the role's own command does.

    Raises:
        click.UsageError: the role has no such option, or cannot use its value.
    """
    command = LazyGroup(name="manyeyes").get_command(None, role)
    context = command.make_context(f"manyeyes {role}", list(arguments))
    words: list[str] = []
    paths: list[Path] = []
    for parameter in command.params:
        value = context.params.get(parameter.name)
        source = context.get_parameter_source(parameter.name)
        if parameter.name in _OWN or source is None or source.name != "COMMANDLINE":
            continue
        if parameter.is_flag:
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
            continue
        for one in value if parameter.multiple else [value]:
            if isinstance(one, Path) or (parameter.name == "pack" and Path(one).is_dir()):
                one = Path(one).absolute()
                paths.append(one)
            words += [parameter.opts[0], str(one)]
    return PassedOptions(dict(context.params), tuple(words), tuple(paths))
