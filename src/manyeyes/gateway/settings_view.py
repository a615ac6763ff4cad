"""The settings in force as one reads them: name, value, default, and a sentence from where each is defined.

The sentences are the docstrings in `manyeyes.config`, read when somebody asks: to have them as descriptions of the fields
would make every start of a node and of a command 28 ms longer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from manyeyes import config
from manyeyes.api.overview import Setting
from manyeyes.config import Limits, MasterSettings
from manyeyes.gateway.sentences import sentences_of

_QUOTED = re.compile(r"`([^`]+)`")


def settings_in_force(limits: Limits, settings: MasterSettings) -> tuple[Setting, ...]:
    """Every setting of a master by its environment name, in groups."""
    groups: Sequence[tuple[str, BaseSettings]] = (
        ("pictures", limits),
        ("alerts", limits.alerts),
        ("rates", limits.rates),
        ("master", settings),
    )
    return tuple(row for group, held in groups for row in _group(group, held))


def _group(group: str, held: BaseSettings) -> list[Setting]:
    prefix = held.model_config.get("env_prefix", "")
    environment_names = {name: f"{prefix}{name}".upper() for name in type(held).model_fields}
    sentences = sentences_of(config).get(type(held).__name__, {})
    rows = []
    for name, field in type(held).model_fields.items():
        value = getattr(held, name)
        if isinstance(value, BaseSettings):
            continue
        default = field.get_default(call_default_factory=True)
        rows.append(
            Setting(
                name=environment_names[name],
                group=group,
                value=_plain(value),
                default=_plain(default),
                changed=value != default,
                sentence=_as_text(sentences.get(name, ""), environment_names),
            )
        )
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _as_text(sentence: str, environment_names: Mapping[str, str]) -> str:
    """A docstring's sentence without markup: settings by their environment names, other names in quotes."""
    return _QUOTED.sub(lambda found: environment_names.get(found[1], f"'{found[1]}'"), sentence)
