"""What a machine is sent: enough for an agent, and no more."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile

import pytest

from manyeyes.cli.adding import bundle as bundle
from manyeyes.packs import pins

NOT_SENT = """
import json
from importlib import metadata
from manyeyes.packs import pins
from manyeyes.cli.adding.bundle import agent_pins

sent = {pins.split(pin)[0] for pin in agent_pins()} | {"manyeyes"}
print(json.dumps([top for top, owners in metadata.packages_distributions().items()
                  if not {pins.plain(owner) for owner in owners} & sent]))
"""
WITHOUT = """
import json, sys

not_sent = set(json.loads(sys.argv[1]))

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in not_sent:
            raise ModuleNotFoundError(f"the bundle has no {name}")

sys.meta_path.insert(0, Wall())
import manyeyes.cli.app, manyeyes.node.agent, manyeyes.node.membership.joining, manyeyes.lan.search, uvloop
import zeroconf.asyncio
"""


def _python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_an_agent_needs_nothing_that_is_not_sent() -> None:
    not_sent = _python(NOT_SENT)
    assert {"fastapi", "nicegui", "aiohttp", "cv2"} <= set(json.loads(not_sent))
    _python(WITHOUT, not_sent)


def test_starting_the_command_line_imports_neither_ssh_nor_mdns() -> None:
    code = "import sys, manyeyes.cli.app, manyeyes.node.agent, manyeyes.gateway.master_role; "
    code += "print({'zeroconf', 'asyncssh'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_the_wheel_is_what_runs_here_and_always_the_same() -> None:
    wheel = bundle.own_wheel()
    assert wheel == bundle.own_wheel()
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        names = archive.namelist()
        assert "manyeyes/node/agent.py" in names and "manyeyes/packs/lock.txt" in names
        assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
        info = wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"
        assert {f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"} <= set(names)
        record = archive.read(f"{info}/RECORD").decode()
        assert all(f"{name}," in record for name in names)


def test_the_parcel_has_a_digest_for_each_requirement() -> None:
    made = bundle.make_bundle("3.11", with_wheels=False)
    assert [sent.name.partition("-")[0] for sent in made.own] == ["manyeyes", "nkeys"]
    for block in made.requirements.strip().split("\n"):
        assert "==" in block or "--hash=sha256:" in block
    listed = pins.locked(made.requirements)
    assert ("zeroconf", pins.metadata.version("zeroconf")) in listed
    assert all(listed.values())
    assert not {"asyncssh", "fastapi", "onnxruntime", "faiss-cpu", "nkeys"} & {name for name, _ in listed}
    assert made.digest == bundle.make_bundle("3.11", with_wheels=False).digest
