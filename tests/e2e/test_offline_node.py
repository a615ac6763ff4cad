"""A node that can reach only its master: the requirements come with the pack."""

from __future__ import annotations

from pathlib import Path

import pytest
from background import MANYEYES

from tests.integration import wheels
from tests.integration.test_provisioning import make_pack

from .hosts import lab, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def test_wheels_travel_with_the_pack(tmp_path: Path) -> None:
    house = tmp_path / "house"
    wheels.packed_again(house)
    wheels.tiny(house)
    pack = make_pack(tmp_path / "pack", house, "1.0", carried=True)
    with lab(["master", "node"]) as hosts:
        own = {"MANYEYES_CONTEXT": str(tmp_path / "m" / "context.json")}
        address = hosts["master"].address
        command = [
            MANYEYES,
            "master",
            "--data",
            str(tmp_path / "m"),
            "--pack",
            str(pack),
            "--advertise",
            address,
        ]
        master = hosts["master"].popen(command, tmp_path / "master.log", own)
        try:
            master.wait_ready()
            token = hosts["master"].run([MANYEYES, "token"], own).stdout.split()[-1]
            reached = hosts["node"].run(["ip", "route"]).stdout
            assert "default" not in reached, "the node's host must reach nothing but its own network"
            joining = [MANYEYES, "node", "--data", str(tmp_path / "n"), "--join", token, "--name", "n"]
            node = hosts["node"].popen([*joining, "--workers", "1"], tmp_path / "node.log")
            try:
                node.wait_ready()
                listed = hosts["master"].run([MANYEYES, "nodes", "list", "--json"], own)
                assert '"needy@1.0"' in listed.stdout, listed.stdout
                made = [path for path in (tmp_path / "n" / "envs").iterdir() if path.name != "code"]
                assert len(made) == 1 and (made[0] / "complete").exists()
            finally:
                node.stop()
        finally:
            master.stop()
