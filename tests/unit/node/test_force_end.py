"""An agent that was cut off ends, whatever it hangs on, and says what that was."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from manyeyes.errors import NodeRemoved

STUBBORN = """
    import asyncio
    from manyeyes.errors import NodeRemoved
    from manyeyes.node.force_end import end_within

    async def reconnect():
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                pass

    async def main():
        end_within(0.2, NodeRemoved("it was removed there"))
        asyncio.create_task(reconnect(), name="reconnect")
        await asyncio.sleep(0)

    asyncio.run(main())
"""


def test_a_process_that_does_not_end_is_ended_and_says_what_it_waits_for() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(STUBBORN)], capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == NodeRemoved.exit_code
    assert "error: it was removed there" in ended.stderr
    assert "did not end by itself" in ended.stdout + ended.stderr
    assert "reconnect in reconnect, line" in ended.stdout + ended.stderr
