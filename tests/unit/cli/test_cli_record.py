from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from manyeyes.cli.sending import writer as writer_module
from manyeyes.cli.sending.record import (
    Record,
    decode,
    done_line,
    encode,
    error_line,
    is_output,
    replace_with,
)
from manyeyes.cli.sending.source import Source
from manyeyes.cli.sending.writer import Writer, output_name
from manyeyes.errors import DamagedPicture, FileTrouble
from manyeyes.results import Result
from manyeyes.sdk.answers import Prediction

RESULT = Result(width_px=1, height_px=1, media_type="image/jpeg", faces=(), pack="faces@1.0.0", timings_ms={})
PREDICTION = Prediction(RESULT, b"boxes", "image/jpeg")


def source(name: str, size_bytes: int = 5) -> Source:
    return Source(Path("/in") / name, name, size_bytes, 1)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_done_is_remembered_until_the_file_changes_or_the_output_goes(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.done(source("c/a.jpg"), PREDICTION)
    writer.failed(source("b.jpg"), DamagedPicture("bad"))
    writer.close()
    assert (tmp_path / "c" / "a.jpg").read_bytes() == b"boxes"
    again = Writer(tmp_path)
    assert again.has(source("c/a.jpg"), picture=True)
    assert not again.has(source("c/a.jpg", size_bytes=6), picture=True)
    assert not again.has(source("b.jpg"), picture=True)
    (tmp_path / "c" / "a.jpg").unlink()
    assert not again.has(source("c/a.jpg"), picture=True)
    again.close()


@pytest.mark.parametrize("keep", range(1, 60, 7))
def test_line_cut_by_a_kill_is_dropped_and_the_rest_stays(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "results.jsonl"
    whole, cut = (
        encode(done_line(source("a.jpg"), RESULT, "a.jpg")),
        encode(done_line(source("b.jpg"), RESULT, None)),
    )
    path.write_bytes(whole + cut[:keep])
    (tmp_path / "a.jpg").touch()
    record = Record(path)
    assert path.read_bytes() == whole
    assert record.has(source("a.jpg"), picture=True)
    assert not record.has(source("b.jpg"), picture=True)
    record.add(done_line(source("b.jpg"), RESULT, "b.jpg"))
    record.close()
    assert [line["file"] for line in lines(path)] == ["a.jpg", "b.jpg"]


def test_a_result_without_a_picture_is_done_only_where_none_is_wanted(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.done(source("a.jpg"), Prediction(RESULT))
    writer.close()
    (tmp_path / "a.jpg").write_bytes(b"something else")
    again = Writer(tmp_path)
    assert again.has(source("a.jpg"), picture=False)
    assert not again.has(source("a.jpg"), picture=True)
    again.done(source("a.jpg"), PREDICTION)
    assert again.has(source("a.jpg"), picture=True)
    again.close()
    assert [line["output"] for line in lines(tmp_path / "results.jsonl")] == ["a-2.jpg"]
    assert (tmp_path / "a.jpg").read_bytes() == b"something else", "what is not ours is not overwritten"


def test_an_answer_of_an_earlier_run_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.done(source("a.jpg"), PREDICTION)
    writer.close()
    (tmp_path / "b.jpg").write_bytes(b"of somebody")
    again = Writer(tmp_path)
    assert again.done(source("a.jpg", 6), answer("image/jpeg", b"new"))["output"] == "a.jpg"
    assert again.done(source("b.jpg"), PREDICTION)["output"] == "b-2.jpg"
    again.close()
    assert (tmp_path / "a.jpg").read_bytes() == b"new"
    assert (tmp_path / "b.jpg").read_bytes() == b"of somebody"


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_kill_between_line_and_picture_sends_it_again_under_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    writer = Writer(tmp_path)
    if before is not None:
        writer.done(source("a.jpg", 4), answer("image/jpeg", before))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(SystemExit))
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(SystemExit):
            writer.done(source("a.jpg"), PREDICTION)
    assert writer._record is not None
    writer._record._file.close()  # as the kill does, without tidying
    again = Writer(tmp_path)
    assert not again.has(source("a.jpg"), picture=True)
    assert again.done(source("a.jpg"), PREDICTION)["output"] == "a.jpg"
    again.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.jpg", "results.jsonl"]
    assert (tmp_path / "a.jpg").read_bytes() == b"boxes"


def test_a_result_without_a_picture_keeps_no_name_from_others(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.done(source("a.gif.png"), Prediction(RESULT))
    assert writer.done(source("a.gif"), answer("image/png", b"of the gif"))["output"] == "a.gif.png"
    assert writer.done(source("a.gif.png"), answer("image/png", b"png"))["output"] == "a.gif-2.png"
    writer.close()


def test_a_kill_before_the_line_leaves_no_picture_that_nobody_owns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Record, "add", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            writer.done(source("a.jpg"), PREDICTION)
    writer.close()
    again = Writer(tmp_path)
    assert again.done(source("a.jpg"), PREDICTION)["output"] == "a.jpg"
    again.close()


def test_close_leaves_one_valid_line_each(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"garbage\n" + encode(error_line(source("a.jpg"), DamagedPicture("x"))))
    record = Record(path)
    record.add(done_line(source("b.jpg"), RESULT, None))
    record.add(done_line(source("a.jpg"), RESULT, None))
    record.close()
    assert [(line["file"], "error" in line) for line in lines(path)] == [("b.jpg", False), ("a.jpg", False)]
    assert [file.name for file in tmp_path.iterdir()] == ["results.jsonl"]


def test_names_that_are_not_unicode_come_back() -> None:
    odd = source("\udcff.jpg")
    line = done_line(odd, RESULT, None)
    assert decode(encode(line)) == line
    assert decode(encode(line)[:-1]) is None


def test_what_a_kill_left_half_written_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(SystemExit))
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(SystemExit):
            replace_with(tmp_path / "a.jpg", [b"half of someth"])
    assert len(list(tmp_path.iterdir())) == 1
    replace_with(tmp_path / "a.jpg", [b"whole"])
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"whole"]


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    first = Writer(tmp_path)
    with pytest.raises(FileTrouble, match="another 'manyeyes send'"):
        Writer(tmp_path)
    first.close()
    Writer(tmp_path).close()


def test_out_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileTrouble, match="cannot be used: Not a directory"):
        Writer(tmp_path / "file" / "out")


def test_read_only_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> object:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(writer_module.tempfile, "TemporaryFile", refuse)
    with pytest.raises(FileTrouble, match="Read-only file system"):
        Writer(tmp_path / "out")


def test_full_disk_is_said_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path)
    writer.done(source("a.jpg"), PREDICTION)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer_module, "replace_with", full)
        with pytest.raises(FileTrouble, match="is full"):
            writer.done(source("b.jpg"), PREDICTION)
    writer.close()
    assert [line["file"] for line in lines(tmp_path / "results.jsonl")] == ["a.jpg"]


def test_a_name_that_cannot_be_is_that_pictures_failure_alone(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    assert writer.done(source("n" * 300 + ".jpg"), PREDICTION)["error"]["code"] == "file"
    assert "error" not in writer.done(source("a.jpg"), PREDICTION)
    writer.close()


def test_originals_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"original")
    writer = Writer(tmp_path)
    checked = writer.checked(Source(tmp_path / "a.jpg", "a.jpg", 8, 1))
    assert checked.trouble is not None and "overwritten" in checked.trouble.detail
    writer.close()


def test_output_name_tells_its_format() -> None:
    assert output_name("a/b.JPG", "image/jpeg") == "a/b.JPG"
    assert output_name("b.webp", "image/jpeg") == "b.webp.jpg"
    assert output_name("b", "image/png") == "b.png"
    assert output_name("holiday.heic", "image/jpeg") == "holiday.heic.jpg"
    assert output_name("a.gif", "image/png") == "a.gif.png"
    assert output_name("b.jpg", None) == "b.jpg"


def answer(media_type: str, content: bytes) -> Prediction:
    return Prediction(RESULT, content, media_type)


@pytest.mark.parametrize("gif_first", [True, False])
def test_two_answers_never_share_a_name(tmp_path: Path, gif_first: bool) -> None:
    sent = [("a.gif", b"of the gif"), ("a.gif.png", b"of the png"), ("a.png", b"of another")]
    for run in (1, 2):
        writer = Writer(tmp_path)
        for name, content in sent if gif_first else sent[::-1]:
            assert writer.has(source(name), picture=True) == (run == 2)
            writer.done(source(name), answer("image/png", content))
        writer.close()
        outputs = {line["file"]: line["output"] for line in lines(tmp_path / "results.jsonl")}
        assert outputs["a.png"] == "a.png" and len(set(outputs.values())) == 3
        assert sorted(outputs.values()) == (["a.gif-2.png", "a.gif.png", "a.png"])
        for name, content in sent:
            assert (tmp_path / outputs[name]).read_bytes() == content


def test_results_that_are_no_regular_file_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "results.jsonl")
    assert not is_output(tmp_path)
    with pytest.raises(FileTrouble, match=r"cannot be used: results\.jsonl in it is no regular file"):
        Writer(tmp_path)


def sent(writer: Writer, name: str, folder: str, content: bytes) -> str:
    found = writer.checked(Source(Path(folder) / name, name, 5, 1))
    writer.done(found, answer("image/jpeg", content))
    return found.relative


def test_a_file_of_another_folder_gets_a_name_and_a_line_of_its_own(tmp_path: Path) -> None:
    for run in (1, 2):
        for folder, expected in (("/a", "c/p.jpg"), ("/b", "c/p-2.jpg")):
            writer = Writer(tmp_path)
            same = writer.checked(Source(Path(folder) / "c/p.jpg", "c/p.jpg", 5, 1))
            assert writer.has(same, picture=True) == (run == 2)
            assert sent(writer, "c/p.jpg", folder, folder.encode()) == expected
            writer.close()
    found = {line["file"]: (line["source"], line["output"]) for line in lines(tmp_path / "results.jsonl")}
    assert found == {"c/p.jpg": ("/a/c/p.jpg", "c/p.jpg"), "c/p-2.jpg": ("/b/c/p.jpg", "c/p-2.jpg")}
    assert (tmp_path / "c" / "p.jpg").read_bytes() == b"/a"
    assert (tmp_path / "c" / "p-2.jpg").read_bytes() == b"/b"


@pytest.mark.parametrize("order", [("p.jpg", "p-2.jpg"), ("p-2.jpg", "p.jpg")])
def test_a_number_is_never_that_of_another_file(tmp_path: Path, order: tuple[str, str]) -> None:
    writer = Writer(tmp_path)
    sent(writer, "p.jpg", "/a", b"a")
    names = {name: sent(writer, name, "/b", name.encode()) for name in order}
    assert len({"p.jpg", *names.values()}) == 3
    writer.close()
    again = Writer(tmp_path)
    assert {name: sent(again, name, "/b", name.encode()) for name in order[::-1]} == names
    again.close()
    assert len(lines(tmp_path / "results.jsonl")) == 3


def test_a_failure_of_another_folder_replaces_no_line(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    sent(writer, "p.jpg", "/a", b"a")
    bad = writer.checked(Source(Path("/b/p.jpg"), "p.jpg", trouble=FileTrouble("bad")))
    writer.failed(bad, FileTrouble("bad"))
    writer.close()
    assert [line["file"] for line in lines(tmp_path / "results.jsonl")] == ["p.jpg", "p-2.jpg"]


def test_a_record_without_sources_is_read(tmp_path: Path) -> None:
    line = done_line(source("p.jpg"), RESULT, "p.jpg")
    del line["source"]
    (tmp_path / "results.jsonl").write_bytes(encode(line) + encode(line | {"file": "p-2.jpg"}))
    (tmp_path / "p.jpg").touch()
    writer = Writer(tmp_path)
    assert writer.has(writer.checked(source("p.jpg")), picture=True)
    assert writer.checked(Source(Path("/b/p.jpg"), "p.jpg", 5, 1)).relative == "p-3.jpg"
    writer.close()


def test_a_folder_reached_through_a_link_is_the_same_source(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Source(tmp_path / "link" / "a.jpg", "a.jpg").origin == str(tmp_path / "real" / "a.jpg")
