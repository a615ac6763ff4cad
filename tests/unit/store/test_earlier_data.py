"""The data that an earlier commit wrote opens with everything in it, and its file becomes what a new one is.

`tests/earlier_data/COMMIT.sql` is the file `master.db` as that commit left it. A schema step that has been committed is
never changed: the files of some user have run it already.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from manyeyes.access.audit import Audit
from manyeyes.identity import hash_api_key
from manyeyes.store.database import Database
from manyeyes.store.repositories import Store
from manyeyes.store.settings import Retention

EARLIER = sorted((Path(__file__).parents[2] / "earlier_data").glob("*.sql"))
EMBEDDER = "dlib-40044313bb505a10"
KEY = "mek_old-data-folder-for-a-test"


@pytest.fixture(params=EARLIER, ids=lambda file: file.stem)
def earlier(request: pytest.FixtureRequest, path: Path) -> Path:
    old = sqlite3.connect(path)
    old.executescript(request.param.read_text(encoding="utf-8"))
    old.close()
    return path


def test_people_nodes_keys_and_settings_are_there(earlier: Path) -> None:
    store = Store.open(earlier)
    assert [person.name for person in store.people.all()] == ["Ada Lovelace", "Élodie Ünal"]
    (photo,) = store.photos.of_person("Ada Lovelace")
    assert (photo.file_name, photo.source) == ("a.jpg", "enrolled")
    assert store.gallery.size(EMBEDDER).photos == 2
    assert store.gallery.version >= 5
    (node,) = store.nodes.all()
    assert (node.name, node.approved, node.desired, node.done) == ("vm", True, "pause", 2)
    assert store.nodes.removed_key("U" + "A" * 55) is not None, "a removed node stays out"
    (token,) = store.credentials.tokens()
    assert token.approve
    assert store.credentials.api_key(hash_api_key(KEY)).role == "admin"
    assert {key.name for key in store.credentials.api_keys()} == {"local admin", "camera", "lab"}
    rule = store.settings.threshold_rule()
    assert rule is not None and (rule.mode, rule.value, rule.embedder) == ("fmr", 0.001, EMBEDDER)
    assert store.settings.retention() == Retention(604800.0, "2026-11-27T18:00:00Z")
    assert [one.file_name for one in store.feedback.all()] == ["party.jpg"]
    verdict = Audit(store.audit).verify()
    assert (verdict.broken, verdict.entries) == (None, 3)
    store.close()


def test_what_is_written_to_it_stays(earlier: Path) -> None:
    store = Store.open(earlier)
    store.sessions.add("t", hash_api_key(KEY), made_at=1.0, expires_at=9e9, most_of_one_key=5)
    Audit(store.audit).record("lab", "resume", node="vm", outcome="asked")
    store.people.rename("Ada Lovelace", "Ada King")
    store.nodes.desire("vm", "")
    store.close()
    store = Store.open(earlier)
    session = store.sessions.session("t")
    assert session is not None and session.name == "lab", "people can sign in"
    assert Audit(store.audit).verify().entries == 4
    assert store.people.person("Ada King").photos == 1
    assert store.nodes.node("vm").desired == ""
    store.close()


def test_its_file_has_the_tables_of_a_new_one(earlier: Path, tmp_path: Path) -> None:
    def shape(path: Path) -> dict[str, list[tuple[object, ...]]]:
        database = Database(path)
        names = database.read("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        columns = {
            str(name): database.read(
                'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', name
            )
            for kind, name in names
            if kind == "table"
        }
        database.close()
        return {**columns, "(names)": sorted(names)}

    assert shape(earlier) == shape(tmp_path / "new.db")
