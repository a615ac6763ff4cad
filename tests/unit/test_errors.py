"""The reference of exit codes and problem codes says what the classes say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from manyeyes.cli.app import _status
from manyeyes.cli.streams import EXIT_READER_GONE
from manyeyes.errors import Busy, FileTrouble, ManyeyesError, NoSuchFile, first_of
from manyeyes.local_files import unreadable

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"


def tree(root: type[ManyeyesError]) -> set[type[ManyeyesError]]:
    return {root}.union(*(tree(child) for child in root.__subclasses__()))


def test_the_reference_lists_every_error_as_its_class_says() -> None:
    stated = {
        row[1]: (int(row[2]), int(row[3]), bool(row[4].strip()), row[5])
        for row in re.finditer(
            r"^\| `([a-z-]+)` \| (\d+) \| (\d+) \|([^|]*)\| (.*) \|$", PAGE.read_text(), re.M
        )
    }
    classes = {one for one in tree(ManyeyesError) if one.__module__ == "manyeyes.errors"}
    assert stated == {one.code: (one.http_status, one.exit_code, one.retryable, one.title) for one in classes}


def test_the_reference_explains_every_exit_code() -> None:
    explained = {int(row) for row in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.M)}
    assert explained == {0, 130, EXIT_READER_GONE} | {one.exit_code for one in tree(ManyeyesError)}


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (FileNotFoundError(2, "No such file or directory"), NoSuchFile, "no such file: a.jpg"),
        (NotADirectoryError(20, "Not a directory"), NoSuchFile, "no such file: a.jpg"),
        (PermissionError(13, "Permission denied"), FileTrouble, "a.jpg cannot be read: Permission denied"),
    ],
)
def test_a_missing_file_has_an_error_of_its_own(error: OSError, kind: type[FileTrouble], said: str) -> None:
    found = unreadable(Path("a.jpg"), error)
    assert (type(found), found.detail) == (kind, said)


BROKEN, ODD, BUSY = ValueError("broken"), KeyError("odd"), Busy("no room")


@pytest.mark.parametrize(
    ("error", "first"),
    [
        (BROKEN, BROKEN),
        (ExceptionGroup("", [BROKEN, ODD]), BROKEN),
        (ExceptionGroup("", [ExceptionGroup("", [BROKEN, BUSY]), FileTrouble("later")]), BUSY),
        (BaseExceptionGroup("", [KeyboardInterrupt(), BUSY]), BUSY),
    ],
)
def test_of_several_errors_the_first_that_manyeyes_knows_counts(
    error: BaseException, first: BaseException
) -> None:
    assert first_of(error) is first


def test_a_command_that_ends_with_several_errors_says_the_one_it_knows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _status(ExceptionGroup("", [BROKEN, BUSY])) == Busy.exit_code
    assert capsys.readouterr().err == "error: no room\n"


def test_the_file_of_a_defect_has_all_errors(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert _status(ExceptionGroup("", [BROKEN, ODD])) == 1
    assert "ValueError: broken; please report it" in capsys.readouterr().err
    (file,) = tmp_path.iterdir()
    assert "ValueError: broken" in file.read_text() and "KeyError: 'odd'" in file.read_text()
