"""A user of several masters: which one commands use changes only when the user says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes import BadRequest, Context, FileTrouble
from manyeyes.sdk.context import find_context, load_context, save_context
from manyeyes.sdk.contexts import Contexts, keep_for_this_user

ONE = Context("https://10.0.0.1:8443", "ca 1", "key-1")
TWO = Context("https://10.0.0.2:8443", "ca 2", "key-2")


def names(contexts: Contexts) -> list[tuple[str, bool]]:
    return [(one.name, one.default) for one in contexts.all()]


def test_the_first_is_the_default_and_stays_it(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    assert contexts.all() == []
    assert contexts.add(ONE, "local").default
    assert not contexts.add(TWO, "lab").default
    assert names(contexts) == [("lab", False), ("local", True)]
    assert load_context(tmp_path / "context.json") == ONE


def test_numbers_in_names_count_by_their_value(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    contexts.add(ONE, "lab-10")
    contexts.add(TWO, "lab-2")
    assert names(contexts) == [("lab-2", False), ("lab-10", True)]


def test_a_master_that_starts_again_keeps_its_name_and_its_place(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    contexts.add(ONE, "local")
    contexts.add(TWO, "lab")
    moved = Context("https://10.0.0.1:9443", "ca 1", "key-3")
    assert contexts.add(moved, "another name").name == "local"
    assert load_context(tmp_path / "context.json") == moved, "the default follows its master"
    assert contexts.get("lab").context == TWO


def test_a_master_of_a_new_data_folder_takes_the_place_of_the_one_that_listened_there(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    contexts.add(ONE, "local")
    anew = Context(ONE.url, "ca 3", "key-3")
    assert contexts.add(anew, "local").default
    assert names(contexts) == [("local", True)]
    assert load_context(tmp_path / "context.json") == anew


def test_another_is_used_and_nothing_is_lost(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    contexts.add(ONE, "local")
    contexts.add(TWO, "lab")
    assert contexts.use("lab").context == TWO
    assert load_context(tmp_path / "context.json") == TWO
    assert names(contexts) == [("lab", True), ("local", False)]
    contexts.use("local")
    assert names(contexts) == [("lab", False), ("local", True)]


def test_what_an_earlier_version_stored_is_the_default_and_is_kept(tmp_path: Path) -> None:
    save_context(ONE, tmp_path / "context.json")
    contexts = Contexts(tmp_path)
    assert names(contexts) == [("default", True)]
    contexts.add(TWO, "lab")
    contexts.use("lab")
    assert names(contexts) == [("default", False), ("lab", True)]
    assert contexts.get("default").context == ONE


def test_two_of_one_name_and_names_that_are_no_file_names(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    assert contexts.add(ONE, "a b/../c").name == "a-b-..-c"
    assert contexts.add(TWO, "a b/../c").name == "a-b-..-c-2"
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path, tmp_path / "contexts"}
    assert contexts.add(Context("https://h:1", "ca 3", "k"), "...").name == "default"


def test_one_is_forgotten_but_not_the_default_while_there_are_others(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    contexts.add(ONE, "local")
    contexts.add(TWO, "lab")
    with pytest.raises(BadRequest, match=r"contexts use NAME"):
        contexts.remove("local")
    contexts.remove("lab")
    contexts.remove("local")
    assert contexts.all() == [] and not list(tmp_path.rglob("*.json"))
    with pytest.raises(BadRequest, match="there is none"):
        contexts.use("local")


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    Contexts(tmp_path).add(ONE, "local")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.json")} == {0o600}


def test_a_named_file_is_made_and_a_foreign_one_left_alone(tmp_path: Path) -> None:
    named = tmp_path / "new" / "context.json"
    environ = {"MANYEYES_CONTEXT": str(named)}
    assert keep_for_this_user(ONE, "local", environ) is None
    assert find_context(environ=environ) == ONE
    keep_for_this_user(TWO, "lab", environ)
    assert find_context(environ=environ) == ONE


def test_a_file_that_is_no_context_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    contexts.add(ONE, "local")
    (tmp_path / "contexts" / "bad name.json").write_text("{}")
    assert names(contexts) == [("local", True)]
    (said,) = contexts.unusable()
    assert "'manyeyes contexts remove 'bad name'' deletes it" in said.detail
    assert contexts.add(TWO, "lab").name == "lab" and contexts.use("lab").default
    with pytest.raises(FileTrouble, match="is not a context"):
        contexts.use("bad name")
    contexts.remove("bad name")
    assert contexts.unusable() == []


def test_a_default_that_is_no_context_stays_until_a_person_chooses_one(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    (tmp_path / "context.json").write_text("cut off {")
    assert not contexts.add(ONE, "local").default
    assert (tmp_path / "context.json").read_text() == "cut off {"
    assert "'manyeyes contexts use NAME' writes it anew" in contexts.unusable()[0].detail
    contexts.use("local")
    assert contexts.unusable() == [] and names(contexts) == [("local", True)]


def test_a_context_of_an_editor_that_marks_utf_8_is_one(tmp_path: Path) -> None:
    path = save_context(ONE, tmp_path / "marked.json")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_context(path) == ONE


def test_the_ca_that_the_environment_names_is_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    with pytest.raises(FileTrouble, match=r"passwd \(MANYEYES_CA\) holds no certificate in PEM form"):
        find_context(environ={"MANYEYES_CA": str(tmp_path / "passwd")})
