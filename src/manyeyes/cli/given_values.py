"""Refuses values that no option or argument has a use for: empty ones, as of a variable that is not set, and no numbers."""

from __future__ import annotations

import math
from typing import Any

from manyeyes.errors import BadRequest


def refuse_unusable(param: Any) -> None:
    """Have an option or argument refuse what is given on the command line and cannot be meant.

    An empty value would be the current folder, or nothing at all, where the person means another.
    """
    own = type(param).process_value
    name = param.opts[0] if param.param_type_name == "option" else param.metavar or param.name.upper()

    def checked(ctx: Any, value: Any) -> Any:
        source = ctx.get_parameter_source(param.name)
        if (
            source is not None
            and source.name == "COMMANDLINE"
            and "" in (value if _is_several(value) else (value,))
        ):
            raise BadRequest(f"{name} is empty; give it a value, or leave it out")
        usable = own(param, ctx, value)
        if isinstance(usable, float) and not math.isfinite(usable):
            raise BadRequest(f"{name} is {usable}; a finite number is needed")
        return usable

    param.process_value = checked


def _is_several(value: Any) -> bool:
    return isinstance(value, list | tuple)
