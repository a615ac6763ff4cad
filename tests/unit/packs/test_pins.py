"""Pins with digests, and the environments that are made of them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from manyeyes.errors import PackDamaged
from manyeyes.no_reports import NO_REPORTS
from manyeyes.node.packs.environment import Interpreter, choose_python, install_commands
from manyeyes.packs import build, pins
from manyeyes.packs.manifest import Manifest, PackFile, SelfTest, parse

LOCKED = """\
one-thing==1.2 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via other
Two.Things==3.0 ; python_version < '3.12' \\
    --hash=sha256:{b}
""".format(a="a" * 64, b="b" * 64)


def manifest(**fields: object) -> Manifest:
    known: dict[str, object] = {
        "name": "p",
        "version": "1",
        "kind": "test",
        "entry_point": "m:f",
        "requirements": ("one-thing==1.2",),
        "memory_mb": 1,
        "files": (PackFile(path="m.py", sha256="c" * 64, size_bytes=1),),
        "self_test": SelfTest(tolerance=0.0, expected={}),
    }
    return Manifest.model_validate(known | fields)


def test_the_lock_is_read_by_plain_names() -> None:
    assert pins.locked(LOCKED) == {
        ("one-thing", "1.2"): ("a" * 64, "b" * 64),
        ("two-things", "3.0"): ("b" * 64,),
    }


def test_the_packs_requirements_are_closed_and_every_one_has_digests() -> None:
    found = pins.closure(build.REQUIRED)
    names = {pins.split(pin)[0] for pin in found}
    assert set(build.REQUIRED) < names and "pydantic-core" in names and "manyeyes" not in names
    assert pins.unmet(found) == []
    assert all(pins.locked(pins.LOCK.read_text())[pins.split(pin)] for pin in found)
    assert set(pins.hashes_of(found)) == names


def test_what_is_not_in_the_lock_is_asked_of_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(LOCKED)
    asked = []

    def index(missing: list[str]) -> dict[tuple[str, str], tuple[str, ...]]:
        asked.extend(missing)
        return {("three", "1"): ("c" * 64,)}

    monkeypatch.setattr(pins, "_from_index", index)
    found = pins.hashes_of(("one-thing==1.2", "three==1", "four==2"), lock)
    assert found == {"one-thing": ("a" * 64, "b" * 64), "three": ("c" * 64,)}
    assert asked == ["three==1", "four==2"]


def test_unmet_compares_versions_exactly() -> None:
    here = metadata.version("numpy")
    assert pins.unmet([f"NumPy=={here}", "numpy==0.1", "no-such-thing==1"]) == [
        "numpy==0.1",
        "no-such-thing==1",
    ]


def test_a_manifest_with_hashes_and_wheels_is_read_back_equal() -> None:
    wheel = PackFile(path="wheels/one_thing-1.2-py3-none-any.whl", sha256="a" * 64, size_bytes=5)
    given = manifest(hashes={"one-thing": ("a" * 64, "b" * 64)}, wheels=(wheel,), pythons=("3.11", "3.12"))
    assert parse(given.to_toml()) == given


@pytest.mark.parametrize("pin", ["-r evil", "x==1 --pre", "x @ file:///e", "x>=1", "x==1\ny==2", "./x"])
def test_a_requirement_is_a_pin_and_nothing_else(pin: str) -> None:
    with pytest.raises(PackDamaged, match="requirements"):
        parse(manifest().model_copy(update={"requirements": (pin,)}).to_toml())


def test_the_environments_name_says_what_is_in_it() -> None:
    one = pins.digest(("a==1",), {"a": ("f" * 64,)}, "3.11")
    assert one == pins.digest(("a==1",), {"a": ("f" * 64,)}, "3.11")
    others = {
        pins.digest(("a==2",), {"a": ("f" * 64,)}, "3.11"),
        pins.digest(("a==1",), {"a": ("e" * 64,)}, "3.11"),
        pins.digest(("a==1",), {"a": ("f" * 64,)}, "3.12"),
    }
    assert len(others | {one}) == 4


@pytest.mark.parametrize(
    ("fitting", "here", "chosen"),
    [
        ((), set(), "3.11"),
        (("3.10", "3.11"), set(), "3.11"),
        (("3.12", "3.13"), {"3.12"}, "3.12"),
        (("3.9", "3.12"), {"3.9", "3.12"}, "3.12"),
        (("3.12",), {"3.13"}, None),
    ],
)
def test_the_python_that_fits(fitting: tuple[str, ...], here: set[str], chosen: str | None) -> None:
    assert choose_python(fitting, "3.11", here.__contains__) == chosen


@pytest.mark.parametrize("installer", ["pip", "/bin/uv"])
def test_only_wheels_with_known_digests_are_installed(installer: str) -> None:
    _, install = install_commands("python3.12", Path("e"), Path("r.txt"), None, installer)
    assert "--require-hashes" in install and "--no-index" not in install
    assert "--no-build" in install or ":all:" in install
    _, offline = install_commands("python3.12", Path("e"), Path("r.txt"), Path("/w"), installer)
    assert offline[-5:] == ["--no-index", "-f", "file:///w", "-r", "r.txt"]


def test_an_environment_of_its_own_sees_only_itself(tmp_path: Path) -> None:
    given = {"PYTHONPATH": "x", "VIRTUAL_ENV": "y", "HOME": "h"}
    assert Interpreter(tmp_path).environment(given) == {**given, **NO_REPORTS}
    own = Interpreter(tmp_path, tmp_path / "code").environment(given)
    assert own == {**NO_REPORTS, "HOME": "h", "PYTHONPATH": str(tmp_path / "code"), "PYTHONNOUSERSITE": "1"}


def test_the_last_words_are_the_error() -> None:
    told = "Looking in links\nERROR: No matching distribution found for x==1\n\n[notice] a new release\n"
    assert pins.last_words(told) == "No matching distribution found for x==1"
    assert pins.last_words("error: No solution found\n") == "No solution found"
    assert pins.last_words("") == "it printed nothing"
    assert not pins.no_index_reached(told)


def test_no_package_index_is_told_apart_with_its_cause() -> None:
    by_uv = "error: Request failed after 3 retries in 9.3s\n  cause: dns error\n  cause: Temporary failure in name resolution\n"
    assert (
        pins.last_words(by_uv)
        == "Request failed after 3 retries in 9.3s: Temporary failure in name resolution"
    )
    by_pip = (
        "WARNING: Retrying after connection broken by 'NameResolutionError: Failed to resolve 'index.example'': /x/\n"
        "ERROR: No matching distribution found for x==1\n"
    )
    assert pins.no_index_reached(by_uv) and pins.no_index_reached(by_pip)
