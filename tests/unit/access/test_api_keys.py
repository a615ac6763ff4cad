"""API keys: shown once, kept as hashes, named apart, never without an admin's."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.access.api_keys import ApiKeyService
from manyeyes.access.audit import Audit
from manyeyes.access.sessions import Caller, Sessions
from manyeyes.errors import BadRequest, KeyExists, KeyNotFound, LastAdminKey
from manyeyes.identity import hash_api_key
from manyeyes.store.repositories import Store


@pytest.fixture
def service(store: Store) -> ApiKeyService:
    store.credentials.add_api_key(hash_api_key("first"), "local admin", "admin")
    return ApiKeyService(store.credentials, Audit(store.audit))


def test_a_key_works_until_it_is_revoked_and_only_its_hash_is_kept(
    service: ApiKeyService, store: Store, path: Path
) -> None:
    key, fact = service.create("local admin", "olga", "operator")
    assert (fact.name, fact.role) == ("olga", "operator")
    assert Sessions(store.credentials, store.sessions, Audit(store.audit), 60).caller(key) == Caller(
        "olga", "operator", hash_api_key(key)[:12]
    )
    assert key not in path.read_bytes().decode(errors="replace")
    assert [(known.name, known.role) for known in service.known()] == [
        ("local admin", "admin"),
        ("olga", "operator"),
    ]
    with pytest.raises(KeyExists, match="'olga' already"):
        service.create("local admin", "olga", "user")
    service.revoke("local admin", "olga")
    assert Sessions(store.credentials, store.sessions, Audit(store.audit), 60).caller(key) is None
    with pytest.raises(KeyNotFound):
        service.revoke("local admin", "olga")


def test_the_key_of_this_machine_works_and_has_no_entry_in_the_audit_log(
    service: ApiKeyService, store: Store
) -> None:
    key = service.create_local("second admin", "admin")
    assert Sessions(store.credentials, store.sessions, Audit(store.audit), 60).role_of(key) == "admin"
    assert Sessions(store.credentials, store.sessions, Audit(store.audit), 60).role_of("mek_unknown") is None
    assert Audit(store.audit).entries() == []


@pytest.mark.parametrize("name", ["", " x", "x ", "a\nb", "-", "x" * 65])
def test_names_that_are_refused(service: ApiKeyService, name: str) -> None:
    with pytest.raises(BadRequest):
        service.create("local admin", name, "user")


def test_a_key_is_one_in_any_case_and_composition(service: ApiKeyService) -> None:
    composed, decomposed = "Jos\N{LATIN SMALL LETTER E WITH ACUTE}", "Jose\N{COMBINING ACUTE ACCENT}"
    assert service.create("local admin", decomposed, "user")[1].name == composed
    for name in (composed, decomposed, "JOS\N{LATIN CAPITAL LETTER E WITH ACUTE}"):
        with pytest.raises(KeyExists, match=f"'{composed}' already"):
            service.create("local admin", name, "user")
    with pytest.raises(BadRequest, match="U\\+202E"):
        service.create("local admin", "x\N{RIGHT-TO-LEFT OVERRIDE}y", "user")
    service.revoke("local admin", decomposed)
    assert [known.name for known in service.known()] == ["local admin"]


def test_a_key_is_revoked_by_what_it_is_refused_by(service: ApiKeyService, store: Store) -> None:
    service.create("local admin", "Olga", "user")
    service.revoke("local admin", "OLGA")
    assert [known.name for known in service.known()] == ["local admin"]
    assert [entry.detail for entry in Audit(store.audit).entries()][-1].startswith("Olga")


def test_of_several_keys_of_one_name_the_exact_one_is_revoked(service: ApiKeyService, store: Store) -> None:
    for name in ("olga", "Olga"):  # an earlier version took them for two
        store.credentials.add_api_key(hash_api_key(name), name, "user")
    with pytest.raises(KeyNotFound, match="2 keys are called 'OLGA', in other cases: Olga, olga; write one"):
        service.revoke("local admin", "OLGA")
    service.revoke("local admin", "olga")
    assert [known.name for known in service.known()] == ["local admin", "Olga"]


def test_an_admin_is_always_left(service: ApiKeyService) -> None:
    service.create("local admin", "olga", "operator")
    with pytest.raises(LastAdminKey, match="keys create NAME --role admin"):
        service.revoke("olga", "local admin")
    service.create("local admin", "second", "admin")
    service.revoke("second", "local admin")
    with pytest.raises(LastAdminKey):
        service.revoke("second", "second")


def test_all_of_it_is_in_the_audit_log(service: ApiKeyService, store: Store) -> None:
    key, _ = service.create("local admin", "olga", "operator")
    service.revoke("local admin", "olga")
    with pytest.raises(LastAdminKey):
        service.revoke("olga", "local admin")
    entries = Audit(store.audit).entries()
    assert [(entry.who, entry.what, entry.outcome, entry.detail) for entry in entries] == [
        ("local admin", "key create", "made", "olga, operator"),
        ("local admin", "key revoke", "revoked", "olga"),
        ("olga", "key revoke", "last-admin-key", "local admin"),
    ]
    assert not any(key in entry.detail for entry in entries)


def test_keys_are_listed_with_numbers_by_their_value(service: ApiKeyService) -> None:
    for name in ("lab 10", "Lab 2", "anna"):
        service.create("local admin", name, "user")
    assert [key.name for key in service.known()] == ["anna", "Lab 2", "lab 10", "local admin"]
