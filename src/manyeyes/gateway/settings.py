"""The settings in force as one reads them: name, value, default, and a sentence from where each is defined."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from manyeyes.config import Limits, MasterSettings


def told(limits: Limits, settings: MasterSettings) -> list[dict[str, Any]]:
    """Every setting of a master by its environment name, in groups."""
    groups: Sequence[tuple[str, BaseSettings]] = (
        ("pictures", limits),
        ("attention", limits.attention),
        ("flood", limits.flood),
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
                "sentence": " ".join((field.description or "").split()),
            }
        )
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
