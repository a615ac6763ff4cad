"""Commands on a node, by real processes of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from manyeyes.contract import Ended, ExecOrder
from manyeyes.node.commands.exec import run_command


def run(
    folder: Path, *args: str, shell: bool = False, timeout_s: float = 20, most: int = 10**6
) -> tuple[Ended, bytes, bytes]:
    said = {"stdout": b"", "stderr": b""}

    async def tell(name: str, data: bytes) -> None:
        said[name] += data

    order = ExecOrder(args=args, shell=shell, timeout_s=timeout_s)
    ended = asyncio.run(run_command(order, folder, "cellar", most, tell))
    return ended, said["stdout"], said["stderr"]


def alive(marker: str) -> bool:
    return any(marker in line for line in _command_lines())


def _command_lines() -> Iterable[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")


def test_arguments_travel_as_a_list(tmp_path: Path) -> None:
    ended, out, _ = run(tmp_path, "printf", "%s|", "a b", "$HOME", "; id", "*", "")
    assert out == b"a b|$HOME|; id|*||"
    assert (ended.how, ended.status) == ("exited", 0)


def test_with_shell_it_is_one_line(tmp_path: Path) -> None:
    _, out, err = run(tmp_path, "echo", "one | tr o 0; echo two >&2", shell=True)
    assert (out, err) == (b"0ne\n", b"two\n")


def test_the_environment_holds_nothing_of_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANYEYES_NODE_JOIN", "a-secret")
    _, out, _ = run(tmp_path, "env")
    assert b"a-secret" not in out
    names = {line.split(b"=")[0] for line in out.splitlines()}
    assert names <= {b"PATH", b"HOME", b"LANG", b"MANYEYES_NODE_IS"}


def test_it_runs_in_the_folder_without_input(tmp_path: Path) -> None:
    _, out, _ = run(tmp_path, "pwd; wc -c", shell=True)
    assert out.split() == [str(tmp_path).encode(), b"0"]


@pytest.mark.parametrize(("args", "status"), [(("exit 7",), 7), (("kill -9 $$",), 137)])
def test_the_status_is_the_commands(tmp_path: Path, args: tuple[str, ...], status: int) -> None:
    assert run(tmp_path, *args, shell=True)[0].status == status


def test_what_cannot_be_run_says_so(tmp_path: Path) -> None:
    ended, _, said = run(tmp_path, "no-such-program")
    assert ended.status == 127 and b"no-such-program cannot be run" in said
    (tmp_path / "data").write_text("x")
    assert run(tmp_path, str(tmp_path / "data"))[0].status == 126


def test_the_time_limit_ends_the_whole_group(tmp_path: Path) -> None:
    began_s = time.monotonic()
    ended, out, _ = run(tmp_path, "echo begun; sleep 61.2371 & sleep 61.2371", shell=True, timeout_s=0.5)
    assert (ended.how, ended.status, out) == ("timed-out", 124, b"begun\n")
    assert time.monotonic() - began_s < 8
    assert not alive("61.2371")


@pytest.mark.slow
def test_one_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    line = "trap '' TERM; while :; do sleep 0.1; done"
    ended, _, _ = run(tmp_path, line, shell=True, timeout_s=0.5)
    assert ended.how == "timed-out" and ended.elapsed_s < 8


def test_what_it_leaves_running_ends_with_it(tmp_path: Path) -> None:
    began_s = time.monotonic()
    ended, out, _ = run(tmp_path, "sleep 62.2371 & echo done", shell=True)
    assert (ended.status, out) == (0, b"done\n")
    assert time.monotonic() - began_s < 8
    assert not alive("62.2371")


def test_output_is_bounded_and_the_command_goes_on(tmp_path: Path) -> None:
    ended, out, _ = run(tmp_path, "head -c 3000000 /dev/zero; exit 5", shell=True, most=100_000)
    assert (len(out), ended.cut, ended.status) == (100_000, True, 5)


def test_it_gets_the_usual_signals(tmp_path: Path) -> None:
    _, out, _ = run(tmp_path, "grep", "SigIgn", "/proc/self/status")
    assert int(out.split()[1], 16) & 0x7FFF_FFFF == 0


def test_a_caller_that_leaves_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        async def tell(name: str, data: bytes) -> None:
            raise ConnectionError

        order = ExecOrder(args=("echo x; sleep 63.2371",), shell=True, timeout_s=30)
        with pytest.raises(ConnectionError):
            await run_command(order, tmp_path, "cellar", 10**6, tell)

        async def listen(name: str, data: bytes) -> None:
            return

        task = asyncio.create_task(run_command(order, tmp_path, "cellar", 10**6, listen))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.2)

    asyncio.run(main())
    assert not alive("63.2371")
