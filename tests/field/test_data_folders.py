"""Data folders with any letters in their path: read by the engine, ONNX Runtime, installers and shells.

A whole fleet runs in such folders in `test_ipv6.py`.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from manyeyes.broker.engine import Engine, find_engine
from manyeyes.broker.engine_syntax import written
from manyeyes.datafolder import only_one
from manyeyes.errors import EngineFailed, PackError, PortTaken
from manyeyes.node.packs.environment import Environments, install_commands
from manyeyes.recognition.models.sessions import open_session
from tests.integration.conftest import MANYEYES, free_port
from tests.made_manifests import NEEDY
from tests.made_models import yunet

ODD = "homé ü \"'`$HOME #{1}:;,?\\x41\\ 100 %s&\n\t\x01\x7f دات 😀"
NOT_UTF8 = os.fsdecode(b"hom\xe9")


def _started(engine: Engine) -> None:
    async def start() -> None:
        try:
            await engine.start()
        finally:
            await engine.stop()

    asyncio.run(start())


def test_the_engine_keeps_its_data_in_a_folder_with_any_letters(tmp_path: Path) -> None:
    folder, port = tmp_path / ODD, free_port()
    folder.mkdir()
    store = {"store_dir": str(folder / "jetstream")}
    (folder / "nats.conf").write_text(written({"host": "127.0.0.1", "port": port, "jetstream": store}))
    _started(Engine(find_engine(), folder / "nats.conf", ("127.0.0.1", port)))
    assert [path.name for path in tmp_path.iterdir()] == [ODD]
    assert sorted(path.name for path in folder.iterdir()) == ["jetstream", "nats-server.log", "nats.conf"]


def test_the_engine_says_why_it_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "nats.conf"
    config.write_text(r'{"host": "127.0.0.1", "jetstream": {"store_dir": "/hom\u00e9"}}')
    with pytest.raises(EngineFailed, match="Invalid escape character 'u'"):
        _started(Engine(find_engine(), config, ("127.0.0.1", free_port())))


def test_a_value_that_the_engine_has_no_syntax_for_is_refused() -> None:
    with pytest.raises(TypeError, match="no float"):
        written({"share": 0.5})


def test_a_folder_that_is_not_utf8_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    data = tmp_path / NOT_UTF8 / "data"
    done = subprocess.run([*MANYEYES, "node", "--data", data], capture_output=True, timeout=60)
    last = done.stderr.decode().splitlines()[-1]
    assert f"error: the path of the data folder {tmp_path}/hom\\xe9/data is not UTF-8 (byte 0xe9)" in last
    assert done.returncode != 0 and b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_model_opens_in_a_folder_that_is_not_utf8(tmp_path: Path) -> None:
    model = tmp_path / NOT_UTF8 / "model.onnx"
    model.parent.mkdir()
    model.write_bytes(yunet((64, 64)).SerializeToString())
    assert open_session(model).get_inputs()[0].name == "input"


def test_a_command_to_copy_is_quoted(tmp_path: Path) -> None:
    data = tmp_path / ODD
    data.mkdir()
    with only_one(data), pytest.raises(PortTaken) as refused, only_one(data):
        pass
    assert f"'manyeyes down --data {shlex.quote(str(data))}'" in refused.value.detail


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_an_installer_is_given_a_folder_of_wheels_as_a_url(installer: str, tmp_path: Path) -> None:
    wheels = tmp_path / "a,b#c?d é"
    *_, install = install_commands("python3", tmp_path, tmp_path / "requirements.txt", wheels, installer)
    assert install[install.index("-f") + 1] == f"file://{tmp_path}/a%2Cb%23c%3Fd%20%C3%A9"


def test_no_environment_is_made_in_a_folder_with_a_colon(tmp_path: Path) -> None:
    async def no_wheels() -> Path:
        raise AssertionError("the pack has none")

    made = Environments(tmp_path / "a:b").ensure(NEEDY, no_wheels, lambda step: None)
    with pytest.raises(PackError, match="':' in its path"):
        asyncio.run(made)
