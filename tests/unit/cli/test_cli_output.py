"""What the CLI prints for machines."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest

from manyeyes.api.access import ApiKey
from manyeyes.cli.output import json_line, print_json, say_error
from manyeyes.errors import BadRequest

KEY = ApiKey(name="k", role="user", created_at=datetime(2026, 11, 27, 8, 0, 0, tzinfo=UTC))


def test_a_moment_ends_in_z(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([KEY])
    (told,) = json.loads(capsys.readouterr().out)
    assert told == {"name": "k", "role": "user", "created_at": "2026-11-27T08:00:00Z"}
    assert json.loads(json_line(KEY)) == told


def test_a_byte_that_is_not_utf8_is_shown_as_one_where_python_has_quoted_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_error(BadRequest(f"duration {os.fsdecode(b'1h' + bytes([0xFF]))!r} is not of the form 1h"))
    assert capsys.readouterr().err == "error: duration '1h\\xff' is not of the form 1h\n"
