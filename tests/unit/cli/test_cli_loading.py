"""A command loads what it needs and nothing else, so that it starts at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from manyeyes.cli.loading import COMMANDS, LazyGroup


def loaded(code: str) -> set[str]:
    """The packages that a process of its own has loaded after `code`."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in told.stdout.split()} | set(told.stdout.split())


def test_every_command_is_where_the_table_says() -> None:
    group = LazyGroup(name="manyeyes")
    for name in COMMANDS:
        command = group.get_command(None, name)
        assert command.name == name
        assert command.help


def test_a_node_loads_no_http_client_and_no_numbers() -> None:
    here = loaded("import manyeyes.cli.app, manyeyes.cli.run, manyeyes.node.agent")
    assert not here & {"httpx", "numpy", "cv2", "onnxruntime", "starlette", "rich.progress"}


@pytest.mark.parametrize("module", ["status", "nodes", "keys"])
def test_a_query_loads_no_role(module: str) -> None:
    here = loaded(f"import manyeyes.cli.app, manyeyes.cli.{module}, manyeyes.sdk.blocking")
    assert "httpx" in here
    assert not here & {"nats", "numpy", "psutil", "starlette", "cryptography"}
