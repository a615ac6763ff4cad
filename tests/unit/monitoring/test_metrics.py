"""The exposition: as the reference says, bounded in its labels, and never poisoned by what a node tells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import (
    Busy,
    DamagedPicture,
    ManyeyesError,
    NoFaceFound,
    PackError,
    PictureKillsWorkers,
    TaskLost,
)
from manyeyes.face_results import FaceOutcome
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.metrics import Levels, Metrics
from manyeyes.monitoring.recorder import PictureRecorder
from manyeyes.monitoring.time_series import Series
from manyeyes.results import Result

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "metrics.md"
LEVELS = Levels(
    waiting=1,
    running=2,
    oldest_waiting_s=3.5,
    held_bytes=4,
    nodes={"ready": 2},
    workers=5,
    people=6,
    photos=7,
    photos_to_embed=8,
    disk_free_bytes=9,
    disk_bytes=10,
    node_received_bytes=11,
    node_sent_bytes=12,
    listeners=13,
    alerts={"warning": 2},
)


def made() -> tuple[Metrics, Series, PictureRecorder]:
    metrics, series = Metrics({"version": "1", "pack": "p@1"}), Series(0.0)
    return metrics, series, PictureRecorder(metrics, series, EventHub())


def samples(metrics: Metrics) -> dict[str, float]:
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.exposition(LEVELS).decode())
        for sample in family.samples
    }


def result(timings_ms: dict[str, float]) -> FaceOutcome:
    found = Result(
        width_px=1, height_px=1, media_type="image/png", faces=(), pack="p@1", timings_ms=timings_ms
    )
    return FaceOutcome("t", result=found)


def trace(*dispatched_s: float) -> PictureTrace:
    told = PictureTrace(0.0)
    for at_s in dispatched_s:
        told.dispatched("a", at_s)
    return told


def test_the_reference_and_the_exposition_agree() -> None:
    metrics, _, recorder = made()
    recorder.accepted("recognize")
    recorder.answered("recognize", "", TaskLost("x"), None, trace(), 1.0)
    metrics.refused("busy")
    told = set()
    for family in text_string_to_metric_families(metrics.exposition(LEVELS).decode()):
        if family.name.startswith("manyeyes_"):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            told.add((name, family.type, frozenset(labels)))
    rows = re.findall(r"^\| `(manyeyes_\w+)` \| (\w+) \| ([^|]*)\|", PAGE.read_text(), re.M)
    written = {(name, kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert told == written
    assert len(rows) == len(written)


def test_names_and_units_are_as_the_field_has_them() -> None:
    metrics, *_ = made()
    for family in text_string_to_metric_families(metrics.exposition(LEVELS).decode()):
        assert re.fullmatch(r"(manyeyes|process|python)_[a-z_]+", family.name)
        assert not family.name.endswith(("_ms", "_mb", "_created"))
        assert family.documentation


def test_every_stage_on_the_page_is_one() -> None:
    stages = {name for name in samples(made()[0]) if name.startswith("manyeyes_stage_seconds_count")}
    page = PAGE.read_text().split("## Stages")[1].split("## Health")[0]
    written = {
        stage for row in re.findall(r"^\| (`.*?) \|", page, re.M)[1:] for stage in re.findall(r"`(\w+)`", row)
    }
    assert {name.split("{")[1].rstrip("}") for name in stages} == written


def test_an_accepted_picture_is_counted_to_its_end() -> None:
    metrics, _, recorder = made()
    for error in (None, DamagedPicture("x"), PictureKillsWorkers("x")):
        recorder.accepted("recognize")
        recorder.answered(
            "recognize", "a", error, None if error else result({"decode": 2.0}), trace(0.5), 2.0
        )
    recorder.accepted("enrol")
    recorder.answered("enrol", "", TaskLost("x"), None, trace(), 1.0)
    found = samples(metrics)
    assert found["manyeyes_pictures_accepted_total{recognize}"] == 3
    assert found["manyeyes_pictures_done_total{recognize}"] == 1
    assert found["manyeyes_pictures_failed_total{recognize}{damaged-picture}"] == 1
    assert found["manyeyes_pictures_failed_total{recognize}{picture-kills-workers}"] == 1
    assert found["manyeyes_pictures_failed_total{enrol}{task-lost}"] == 1
    assert found["manyeyes_stage_seconds_count{queue}"] == 3
    assert found["manyeyes_stage_seconds_sum{queue}"] == 1.5
    assert found["manyeyes_stage_seconds_sum{decode}"] == 0.002
    assert found["manyeyes_stage_seconds_count{transfer}"] == 1
    assert found["manyeyes_stage_seconds_sum{transfer}"] == pytest.approx(1.5 - 0.002)


def test_refusals_are_counted_and_passed_on() -> None:
    metrics, _, recorder = made()
    try:
        with recorder.refusals():
            raise Busy("full")
    except Busy:
        pass
    assert samples(metrics)["manyeyes_pictures_refused_total{busy}"] == 1


def test_what_a_node_tells_cannot_poison_the_figures() -> None:
    metrics, *_ = made()
    lies = {"decode": float("nan"), "detect": float("inf"), "embed": -5.0, "match": 1e300}
    assert metrics.recognised(lies) == 0.0
    many = {f"stage {number}": 1.0 for number in range(1000)}
    before = len(samples(metrics))
    assert metrics.recognised(many) == pytest.approx(1.0)
    found = samples(metrics)
    assert len(found) == before, "a node cannot make new series"
    assert found["manyeyes_stage_seconds_count{other}"] == 1
    assert all(value < 1e15 for name, value in found.items() if "stage_seconds_sum" in name)


def test_only_what_is_a_nodes_fault_counts_against_it() -> None:
    for error, is_fault in (
        (DamagedPicture("x"), False),
        (NoFaceFound("x"), False),
        (PackError("x"), True),
        (ManyeyesError("x"), True),
    ):
        metrics, _, recorder = made()
        recorder.attempt_ended("a", "error", error)
        assert samples(metrics)["manyeyes_attempts_failed_total"] == is_fault, error.code
    metrics, _, recorder = made()
    for status in ("done", "returned", "crashed"):
        recorder.attempt_ended("a", status, None)
    assert samples(metrics)["manyeyes_attempts_failed_total"] == 1


def test_two_masters_in_one_process_count_apart() -> None:
    first, second = made()[0], made()[0]
    first.accepted("recognize")
    assert samples(first)["manyeyes_pictures_accepted_total{recognize}"] == 1
    assert samples(second)["manyeyes_pictures_accepted_total{recognize}"] == 0
