"""The settings in force as one reads them: name, value, default, and a sentence from where each is defined.

The sentences are the docstrings in `manyeyes.config`, read when somebody asks: to have them as descriptions of the fields
would make every start of a node and of a command 28 ms longer.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from manyeyes import config
from manyeyes.config import Limits, MasterSettings


def told(limits: Limits, settings: MasterSettings) -> list[dict[str, Any]]:
    """Every setting of a master by its environment name, in groups."""
    groups: Sequence[tuple[str, BaseSettings]] = (
        ("pictures", limits),
        ("alerts", limits.alerts),
        ("rates", limits.rates),
        ("master", settings),
    )
    return [row for group, held in groups for row in _group(group, held)]


def _group(group: str, held: BaseSettings) -> list[dict[str, Any]]:
    prefix = held.model_config.get("env_prefix", "")
    rows = []
    for name, field in type(held).model_fields.items():
        value = getattr(held, name)
        if isinstance(value, BaseSettings):
            continue
        default = field.get_default(call_default_factory=True)
        rows.append(
            {
                "name": f"{prefix}{name}".upper(),
                "group": group,
                "value": _plain(value),
                "default": _plain(default),
                "changed": value != default,
                "sentence": sentences().get((type(held).__name__, name), ""),
            }
        )
    return rows


@cache
def sentences() -> dict[tuple[str, str], str]:
    """What each setting does, by the names of its class and of itself: the string below its line."""
    found = {}
    for group in ast.parse(inspect.getsource(config)).body:
        for line, below in pairwise(group.body if isinstance(group, ast.ClassDef) else ()):
            match line, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    assert isinstance(group, ast.ClassDef)
                    found[group.name, name] = " ".join(text.split())
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
