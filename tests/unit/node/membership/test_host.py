"""A machine's fingerprint: the same again, another for others, the id not in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.node.membership.host import host_facts, host_fingerprint


def test_a_fingerprint_is_of_one_machine_for_one_ca(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("0123456789abcdef\n")
    other.write_text("0123456789abcdee\n")
    first = host_fingerprint(one, "ca")
    assert first == host_fingerprint(one, "ca\n")
    assert len(first) == 64
    assert "0123456789abcdef" not in first
    assert len({first, host_fingerprint(other, "ca"), host_fingerprint(one, "another ca")}) == 3


def test_a_machine_without_id_has_no_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert host_fingerprint(tmp_path / "empty", "ca") == ""
    assert host_fingerprint(tmp_path / "none", "ca") == ""


def test_a_host_name_that_is_not_utf_8_can_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "h\udcff")
    facts = host_facts()
    assert facts.hostname == "h\\xff" and facts.model_dump_json()
