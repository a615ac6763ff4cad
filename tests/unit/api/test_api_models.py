"""What the models of the API write and read beyond their fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from manyeyes.api.access import ApiKey
from manyeyes.api.logs import LogLine
from manyeyes.api.overview import History
from manyeyes.api.people import Person, ThresholdRequest
from manyeyes.api.problems import Problem
from manyeyes.errors import PersonNotFound

LINE = {"number": 7, "machine": "a", "role": "node", "level": "info", "event": "e"}


@pytest.mark.parametrize(
    ("microsecond", "written"),
    [(0, "2026-11-27T08:00:00+00:00"), (123_456, "2026-11-27T08:00:00.123+00:00")],
)
def test_a_moment_is_written_as_the_registry_writes_it(microsecond: int, written: str) -> None:
    at = datetime(2026, 11, 27, 8, 0, 0, microsecond, tzinfo=UTC)
    key = ApiKey(name="k", role="user", created_at=at)
    assert json.loads(key.model_dump_json())["created_at"] == written
    assert key.model_dump()["created_at"] == at


def test_a_text_moment_comes_out_as_it_went_in() -> None:
    ends_at = "2026-11-27T08:00:00.120+00:00"
    history = History.model_validate(
        {
            "bucket_s": 10,
            "ends_at": ends_at,
            "done_per_s": [],
            "failed_per_s": [],
            "waiting": [None],
            "ready_nodes": [1],
        }
    )
    told = json.loads(history.model_dump_json())
    assert told["ends_at"] == ends_at and told["waiting"] == [None]


def test_the_moment_of_a_log_line_has_milliseconds() -> None:
    line = LogLine.model_validate({**LINE, "at": datetime(2026, 11, 27, 8, tzinfo=UTC)})
    assert json.loads(line.model_dump_json())["at"] == "2026-11-27T08:00:00.000Z"


def test_a_field_of_a_newer_master_is_ignored() -> None:
    assert Person.model_validate({"name": "Ada", "photos": 1, "favourite": "tea"}).name == "Ada"


def test_a_threshold_is_a_rate_or_a_distance() -> None:
    assert ThresholdRequest(fmr=0.1).rule == ("fmr", 0.1)
    assert ThresholdRequest(distance=0.5).rule == ("distance", 0.5)
    assert ThresholdRequest().rule == ("default", None)
    with pytest.raises(ValidationError, match="not both"):
        ThresholdRequest(fmr=0.1, distance=0.5)


def test_an_error_is_a_problem_of_the_api() -> None:
    error = PersonNotFound("nobody is called Ada")
    assert Problem.model_validate(error.as_problem()).model_dump(exclude_unset=True) == error.as_problem()
    error.trace_id = "a" * 32
    assert Problem.model_validate(error.as_problem()).trace_id == error.trace_id
