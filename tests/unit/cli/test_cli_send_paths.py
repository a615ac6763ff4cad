"""Which paths `send` refuses before it writes or sends anything, and how often it sends a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.test_cli_commands import Fleet, Run, album, fleet, run  # noqa: F401

from manyeyes.cli import send as send_module


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("inputs", "out", "reason"),
    [
        (["a/p.jpg"], "a", "a/p.jpg would be overwritten in a; name another output folder with -o"),
        (
            ["b/q.jpg", "./a/p.jpg"],
            "a",
            "a/p.jpg would be overwritten in a; name another output folder with -o",
        ),
        (["a/deep", "b"], "a", "a/deep would be overwritten in a; name another output folder with -o"),
        (["a", "b"], "a", "output folder a is one of the inputs; name another with -o"),
        (["a"], "b/q.jpg", "output folder b/q.jpg is a file, not a folder; name another with -o"),
        (["b/q.jpg"], "b/q.jpg", "output folder b/q.jpg is a file, not a folder; name another with -o"),
        ([""], "out", "PICTURE|VIDEO|FOLDER... is empty; give it a value, or leave it out"),
        (["a"], "", "-o is empty; give it a value, or leave it out"),
        (
            ["https://example.org/x.jpg"],
            "out",
            "https://example.org/x.jpg is an address on the web, not a file; download the picture first, and send its file",
        ),
    ],
)
def test_a_refusal_leaves_nothing(
    fleet: Fleet,  # noqa: F811
    run: Run,  # noqa: F811
    inputs: list[str],
    out: str,
    reason: str,
) -> None:
    album(Path("a/deep"), p=b"3")
    album(Path("a"), p=b"1")
    album(Path("b"), q=b"2")
    before = tree(Path())
    assert run("send", *inputs, "-o", out) == (2, "", f"error: {reason}\n")
    assert tree(Path()) == before
    assert fleet.sent == []


def test_a_folder_may_be_sent_to_the_one_above_it(fleet: Fleet, run: Run) -> None:  # noqa: F811
    album(Path("a/deep"), p=b"1")
    assert run("send", "a/deep", "-o", "a")[0] == 0
    assert tree(Path()) == ["a", "a/deep", "a/deep/p.jpg", "a/p.jpg", "a/results.jsonl"]


@pytest.mark.parametrize(
    "inputs",
    [["a", "./a/p.jpg"], ["a/deep/q.jpg", "a/deep", "a"], ["link/p.jpg", "a"], ["a", "a/deep/../p.jpg"]],
)
@pytest.mark.parametrize("to", [["-o", "out"], [], ["--json"]])
def test_a_file_given_twice_is_sent_once(
    fleet: Fleet,  # noqa: F811
    run: Run,  # noqa: F811
    inputs: list[str],
    to: list[str],
) -> None:
    album(Path("a/deep"), q=b"2")
    album(Path("a"), p=b"1")
    Path("link").symlink_to("a")
    code, said, heard = run("send", *inputs, *to)
    assert code == 0 and sorted(fleet.sent) == [b"1", b"2"]
    assert "2 pictures, 4 faces" in said + heard


def test_what_the_folder_does_not_bring_is_sent_by_its_name(fleet: Fleet, run: Run) -> None:  # noqa: F811
    album(Path("a"), p=b"1")
    album(Path("a/.hidden"), q=b"2")
    Path("a/picture").write_bytes(b"3")
    assert run("send", "a/p.jpg", "-o", "a/done")[0] == 0
    named = ["a/.hidden/q.jpg", "a/picture", "a/done/p.jpg"]
    fleet.sent.clear()
    assert run("send", "a", *named, "-o", "out")[0] == 0
    assert sorted(fleet.sent) == [b"1", b"2", b"3", b"boxes on 1"]


def test_the_same_names_from_two_folders_in_two_runs(fleet: Fleet, run: Run) -> None:  # noqa: F811
    album(Path("a"), p=b"1")
    album(Path("b"), p=b"2")
    for folder in ("a", "b", "a"):
        code, said, _ = run("send", folder, "-o", "out")
        assert code == 0
    assert "done already" in said
    assert fleet.sent == [b"1", b"2"]
    assert tree(Path("out")) == ["p-2.jpg", "p.jpg", "results.jsonl"]
    assert Path("out/p.jpg").read_bytes() == b"boxes on 1"
    assert Path("out/p-2.jpg").read_bytes() == b"boxes on 2"


def test_an_argument_that_is_excluded_is_no_input(fleet: Fleet, run: Run) -> None:  # noqa: F811
    album(Path("in"), p=b"1")
    album(Path("out"), old=b"2")
    assert run("send", "in", "out", "--exclude", "out", "-o", "out")[0] == 0
    assert fleet.sent == [b"1"] and Path("out/p.jpg").read_bytes() == b"boxes on 1"


def test_out_is_checked_for_the_names_that_are_written(fleet: Fleet, run: Run) -> None:  # noqa: F811
    album(Path("a"), p=b"1")
    album(Path("b"), p=b"2")
    said = "error: b/p.jpg would be overwritten in b; name another output folder with -o\n"
    assert run("send", "a/p.jpg", "b/p.jpg", "--exclude", "a/*", "-o", "b") == (2, "", said)
    assert fleet.sent == []


@pytest.mark.parametrize(("to", "counted"), [(["-o", "out"], True), (["--json"], False)])
def test_pictures_are_counted_ahead_only_where_the_number_is_shown(
    fleet: Fleet,  # noqa: F811
    run: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    to: list[str],
    counted: bool,
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(send_module, "count", lambda *given: asked.append(given) or 1)
    album(Path("a"), p=b"1")
    assert run("send", "a", *to)[0] == 0
    assert bool(asked) is counted
