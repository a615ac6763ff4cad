from __future__ import annotations

import stat
from pathlib import Path

import pytest

from manyeyes.errors import BadRequest, FileTrouble, Unavailable
from manyeyes.sdk.address import fault, port_hint
from manyeyes.sdk.context import Context, find_context, load_context, save_context

STORED = Context("https://10.0.0.4:8443", "stored-ca", "stored-key")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"MANYEYES_CONTEXT": str(tmp_path / "deep" / "context.json")}


def save(environ: dict[str, str]) -> Path:
    return save_context(STORED, Path(environ["MANYEYES_CONTEXT"]))


def test_saved_context_is_read_back_and_private(environ: dict[str, str]) -> None:
    path = save(environ)
    assert load_context(path) == STORED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["context.json"]
    assert "stored-key" not in repr(STORED)


BEGINS = "-----BEGIN CERTIFICATE-----"


def test_address_key_and_ca_win_over_the_file(environ: dict[str, str], tmp_path: Path) -> None:
    save(environ)
    (tmp_path / "ca.pem").write_text(f"{BEGINS}\nenv-ca")
    environ |= {"MANYEYES_KEY": " env-key\n", "MANYEYES_CA": str(tmp_path / "ca.pem")}
    found = find_context("10.0.0.9:8443/", environ=environ)
    assert found == Context("https://10.0.0.9:8443", f"{BEGINS}\nenv-ca", "env-key")


def test_the_systems_trust_store_is_named_and_never_falls_in_by_an_empty_file(
    environ: dict[str, str], tmp_path: Path
) -> None:
    save(environ)
    found = find_context("https://faces.example", environ=environ | {"MANYEYES_CA": "system"})
    assert found.trusts_system and found == Context("https://faces.example", "", "stored-key")
    assert not find_context(environ=environ).trusts_system
    (tmp_path / "empty.pem").write_text("\n")
    with pytest.raises(FileTrouble, match=r"empty\.pem \(MANYEYES_CA\) is empty"):
        find_context(environ=environ | {"MANYEYES_CA": str(tmp_path / "empty.pem")})


def test_address_alone_borrows_the_stored_key(environ: dict[str, str]) -> None:
    save(environ)
    found = find_context(environ=environ | {"MANYEYES_MASTER": "https://other:1"})
    assert found == Context("https://other:1", "stored-ca", "stored-key")


def test_no_master_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(Unavailable, match="no master known: start one with 'manyeyes up'"):
        find_context(environ={})
    with pytest.raises(Unavailable, match="MANYEYES_KEY and MANYEYES_CA"):
        find_context("https://a:1", environ={})


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://a:1", "begins with http://, and commands talk to a master over HTTPS only"),
        ("ftp://a", "does not begin with https://"),
        ("https://", "names no host"),
        ("https:///path", "names no host"),
        ("https://a:port", "has the port 'port'"),
        ("https://a:70000", "has the port '70000'"),
        ("https://[::1]:0", "has the port '0'"),
        ("https://[::1", "cannot be read"),
        ("https://a b:1", "has blanks"),
        ("https://a\n:1", "has blanks or characters that cannot be seen"),
        ("https://ann:secret@a:1", "has more than host, port and path"),
        ("https://a:1?x=1", "has more than host, port and path"),
    ],
)
def test_an_odd_address_is_told_apart_from_a_right_one(url: str, seen: str) -> None:
    with pytest.raises(BadRequest) as refused:
        Context(url, "", "")
    assert f"master address {url!r} {seen}" in refused.value.detail
    assert (
        "write https://HOST:PORT as 'manyeyes up' prints it; the port is 8443 by default"
        in refused.value.detail
    )


def test_plain_http_is_named_where_somebody_writes_http() -> None:
    with pytest.raises(BadRequest, match="--plain-http is for programs that send an API key themselves"):
        Context("http://a:8080", "", "")


@pytest.mark.parametrize("page", ["/console", "/console/people"])
def test_the_address_of_a_page_of_the_console_is_not_that_of_the_master(page: str) -> None:
    with pytest.raises(BadRequest, match=r"is of a page of the console; write https://a:1/faces$"):
        Context(f"https://a:1/faces{page}", "", "")


@pytest.mark.parametrize(
    "url", ["https://a", "https://a:", "https://[::1]:8443", "https://faces.example/of/ours"]
)
def test_a_right_address(url: str) -> None:
    assert fault(url) == ""


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("https://a", " The address names no port, so it was 443; a master has 8443 by default"),
        ("https://a:4222", " Is 4222 its port for users? 8443 is the default"),
        ("https://a:8443", ""),
    ],
)
def test_a_port_that_may_be_the_wrong_one(url: str, hint: str) -> None:
    assert port_hint(url) == hint


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"url": "x"}', None])
def test_odd_context_file(environ: dict[str, str], text: str | None) -> None:
    path = Path(environ["MANYEYES_CONTEXT"])
    if text is not None:
        path.parent.mkdir()
        path.write_text(text)
    with pytest.raises(FileTrouble, match="context file"):
        find_context(environ=environ)
