"""Lines of answers that are read while they come."""

from __future__ import annotations

import json

from manyeyes.api.commands import ExecLine
from manyeyes.api.logs import FollowedLine
from manyeyes.gateway.jsonlines import json_line


def test_only_what_is_set_is_said() -> None:
    assert json_line(ExecLine(alive=True)) == b'{"alive":true}\n'
    assert json_line(FollowedLine(alive=True)) == b'{"alive":true}\n'


def test_no_character_ends_a_line_for_a_reader() -> None:
    """Readers of text split it at these too."""
    line = json_line(ExecLine(stream="stdout", data="a\u2028b\x85c\nd"))
    assert len(line.decode().splitlines()) == 1
    assert json.loads(line)["data"] == "a\u2028b\x85c\nd"
