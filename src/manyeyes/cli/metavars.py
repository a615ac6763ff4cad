"""What `--help` calls the values of options and arguments: `PATH`, `N`, `NAME...`, and nothing behind a flag.

Every option and argument passes here, so `given_values` has them refuse what cannot be meant.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

from manyeyes.cli.given_values import refuse_unusable

_REFUSALS = {
    "Input should be a valid integer.*": "it is no whole number",
    "Input should be a valid number.*": "it is no number; write it as 0.01",
    "Input should be greater than or equal to (.+)": r"it is too small; expected is \1 or more",
    "Input should be less than or equal to (.+)": r"it is too large; expected is \1 or less",
    "Value error, (.+)": r"\1",
}
_BY_TYPE = {Path: "PATH", int: "N", float: "X", str: "TEXT"}


def plain_metavars(command: Any) -> None:
    """Replace Python's names of types in the help of a command and of all its subcommands."""
    own_params = command.get_params
    command.get_params = lambda ctx: named(own_params(ctx))
    for one in getattr(command, "commands", {}).values():
        plain_metavars(one)


def named(params: list[Any]) -> list[Any]:
    """The same options and arguments, with plain names for their values."""
    for param in params:
        _name(param)
        refuse_unusable(param)
    return params


def limits(least: float | None, most: float | None) -> str | None:
    """The allowed numbers in words; None if all are."""
    if least is None and most is None:
        return None
    if most is None:
        return f"{least:g} or more"
    return f"at most {most:g}" if least is None else f"{least:g} to {most:g}"


def refusal(message: str) -> str:
    """Why a value cannot be used, in plain words instead of those of the library that checks it."""
    for theirs, ours in _REFUSALS.items():
        if found := re.fullmatch(theirs, message):
            return found.expand(ours)
    return message


def _name(param: Any) -> None:
    param._get_number_range_help_str = lambda: limits(param.min, param.max)
    if param.param_type_name == "argument":
        label = (param.metavar or param.name.upper()).removesuffix("...")
        label += "..." if param.nargs == -1 else ""
        param.metavar = label
        param.display_type_rich = lambda ctx: None
        param.get_usage_pieces = lambda ctx: [label if param.required else f"[{label}]"]
    elif getattr(param, "is_flag", False):
        param.metavar = ""
    elif param.metavar is None:
        described = param.type_descriptor
        if described.is_choice:
            param.metavar = "|".join(str(getattr(one, "value", one)) for one in described.choices)
        else:
            types = get_args(described.annotation) or (described.annotation,)
            param.metavar = _BY_TYPE.get(types[0], param.name.upper())
