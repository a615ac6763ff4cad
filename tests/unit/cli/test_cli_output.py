"""What the CLI prints for machines."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from manyeyes.api.access import ApiKey
from manyeyes.cli.output import json_line, print_json

KEY = ApiKey(name="k", role="user", created_at=datetime(2026, 11, 27, 8, 0, 0, tzinfo=UTC))


def test_a_moment_ends_in_z(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([KEY])
    (told,) = json.loads(capsys.readouterr().out)
    assert told == {"name": "k", "role": "user", "created_at": "2026-11-27T08:00:00Z"}
    assert json.loads(json_line(KEY)) == told
