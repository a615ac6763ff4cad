"""The settings as they are told: every one of a master, with what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.config import Limits, MasterSettings
from manyeyes.errors import BadRequest
from manyeyes.gateway.settings_view import settings_in_force


def test_every_setting_has_a_sentence_and_its_own_name() -> None:
    rows = settings_in_force(Limits(), MasterSettings())
    assert [row.name for row in rows if not row.sentence.endswith(".")] == []
    assert len({row.name for row in rows}) == len(rows)
    assert {row.group for row in rows} == {"pictures", "alerts", "rates", "master"}
    said = {row.name: row.sentence for row in rows}
    assert said["MANYEYES_MASTER_NATS_PORT"] == "The port for nodes, TLS."
    assert not any("`" in sentence for sentence in said.values())
    assert (
        said["MANYEYES_ALERTS_DISK_LOW_SHARE"]
        == "A part of the disk's size, 0 to 1; see MANYEYES_ALERTS_DISK_LOW_BYTES."
    )


def test_the_names_are_those_that_the_environment_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each number is changed by the very name that is told."""
    before = {row.name: row for row in settings_in_force(Limits(), MasterSettings())}
    numbers = [name for name, row in before.items() if type(row.value) in (int, float)]
    for name in numbers:
        monkeypatch.setenv(name, "77")
    after = {row.name: row for row in settings_in_force(Limits(), MasterSettings())}
    assert {name for name, row in after.items() if row.value == 77 and row.changed} == set(numbers)
    assert all(after[name].default == before[name].default for name in numbers)


def test_values_are_plain() -> None:
    rows = {
        row.name: row
        for row in settings_in_force(Limits(), MasterSettings(data=Path("/d"), advertise=("a", "b")))
    }
    assert rows["MANYEYES_MASTER_DATA"].value == "/d"
    assert rows["MANYEYES_MASTER_ADVERTISE"].value == ["a", "b"]
    assert rows["MANYEYES_MASTER_ADVERTISE"].changed


def test_an_empty_variable_is_none_and_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "LISTEN", "ADVERTISE", "HTTPS_PORT", "HEARTBEAT_LOST_S"):
        monkeypatch.setenv(f"MANYEYES_MASTER_{name}", "")
    assert MasterSettings() == MasterSettings(listen="127.0.0.1", https_port=8443, heartbeat_lost_s=7.0)
    assert MasterSettings().data != Path()
    for number in ("nan", "inf"):
        monkeypatch.setenv("MANYEYES_MASTER_HEARTBEAT_LOST_S", number)
        with pytest.raises(BadRequest, match=r"MANYEYES_MASTER_HEARTBEAT_LOST_S is .* finite number"):
            MasterSettings()
