"""`contexts add`: which address a context gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.test_cli_commands import Run, run  # noqa: F401

from manyeyes.sdk.context import Context, save_context
from manyeyes.sdk.contexts import Contexts

HERE, THERE = "https://127.0.0.1:8443", "https://10.0.0.4:8443"


@pytest.mark.parametrize(
    ("stored", "given", "kept", "warned"),
    [
        (HERE, (), HERE, True),
        (HERE, ("--address", f"{THERE}/"), THERE, False),
        (THERE, (), THERE, False),
    ],
)
def test_an_address_of_this_machine_alone_is_not_taken_silently(
    run: Run,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stored: str,
    given: tuple[str, ...],
    kept: str,
    warned: bool,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = save_context(Context(stored, "", "k"), tmp_path / "master.json")
    code, _, said = run("contexts", "add", file, *given)
    assert code == 0
    assert said.startswith(f"warning: {HERE} is an address of this machine") == warned
    assert [one.context.url for one in Contexts(tmp_path / "manyeyes").all()] == [kept]


def test_an_address_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:  # noqa: F811
    file = save_context(Context(HERE, "", "k"), tmp_path / "master.json")
    assert run("contexts", "add", file, "--address", "lab:8443")[0] == 2
