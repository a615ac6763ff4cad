"""What operators set, as it is kept."""

from __future__ import annotations

from manyeyes.store.database import Database
from manyeyes.store.repositories import Store
from manyeyes.store.settings import Retention, ThresholdRuleRow


def test_a_rule_is_kept_and_nodes_hear_of_it(store: Store) -> None:
    assert store.settings.threshold_rule() is None
    version, rule = store.gallery.version, ThresholdRuleRow("distance", 0.4, "dlib-1")
    store.settings.set_threshold_rule(rule)
    assert store.gallery.version > version
    with store.gallery.reader.opened("dlib-1") as view:
        assert view.threshold_rule() == rule == store.settings.threshold_rule()
    version = store.gallery.version
    store.settings.set_threshold_rule(None)
    assert store.settings.threshold_rule() is None and store.gallery.version > version


def test_the_retention_is_kept_and_is_no_change_of_the_gallery(store: Store) -> None:
    assert store.settings.retention() == Retention(0.0, "")
    version = store.gallery.version
    for wished in (Retention(60.0, "2026-01-01"), Retention(0.0, "2026-01-02")):
        store.settings.set_retention(wished)
        assert store.settings.retention() == wished
    assert store.gallery.version == version


def test_values_are_read_and_written_as_in_files_that_are_there(store: Store, database: Database) -> None:
    rows = [
        ("threshold_rule", '{"mode": "fmr", "value": 0.001, "embedder": "e"}'),
        ("unknown_faces", '[3600.0, "2026-01-01"]'),
    ]
    with database.transaction() as cursor:
        cursor.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    rule, retention = store.settings.threshold_rule(), store.settings.retention()
    assert (rule, retention) == (ThresholdRuleRow("fmr", 0.001, "e"), Retention(3600.0, "2026-01-01"))
    store.settings.set_threshold_rule(rule)
    store.settings.set_retention(retention)
    assert database.read("SELECT key, value FROM meta ORDER BY key") == rows
