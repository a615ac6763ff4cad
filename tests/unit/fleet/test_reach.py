"""Whether a join token is of use on other machines, and how the master is opened to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.config import MasterSettings, default_data_folder
from manyeyes.fleet.reach import kept_out_warning, token_warning


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({}, True),
        ({"listen": "127.0.0.1", "advertise": ("10.0.0.4",)}, True),
        ({"listen": "0.0.0.0", "advertise": ("vm", "10.0.0.4")}, False),
        ({"listen": "0.0.0.0", "advertise": ()}, True),
        ({"listen": "0.0.0.0", "advertise": ("localhost", "127.0.0.1")}, True),
        ({"listen": "10.0.0.4", "advertise": ("10.0.0.4",)}, False),
    ],
)
def test_a_token_for_this_machine_only_says_so(settings: dict[str, object], warned: bool) -> None:
    assert bool(token_warning(MasterSettings(**settings))) == warned  # type: ignore[arg-type]


def test_the_commands_are_those_to_type() -> None:
    said = token_warning(MasterSettings(data=default_data_folder()))
    assert "'manyeyes down', then 'manyeyes up --listen 0.0.0.0'; people, nodes and keys stay" in said
    said = token_warning(MasterSettings(data=Path("/srv/my faces")))
    assert "'manyeyes up --data '/srv/my faces' --listen 0.0.0.0'" in said


def test_nodes_that_joined_while_the_master_was_open_are_named_when_it_is_not() -> None:
    machines = {"vm": "here", "vm-2": "here", "lab-1": "there", "old": ""}
    said = kept_out_warning(MasterSettings(), "vm", machines)
    assert said.startswith(
        "nodes of other machines cannot connect (lab-1), because the master listens on 127.0.0.1 only"
    )
    opened = MasterSettings(listen="0.0.0.0", advertise=("10.0.0.4",))
    assert kept_out_warning(opened, "vm", machines) == ""
    named = MasterSettings(listen="0.0.0.0", advertise=("127.0.0.1",))
    assert kept_out_warning(named, "vm", machines) == "", "it listens for them"
    assert kept_out_warning(MasterSettings(), "vm", {"vm": "here", "vm-2": "here"}) == ""
