"""Three gateways send large pictures to eight workers behind one slow line: it is slow, and never breaks."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from background import MANYEYES
from PIL import Image

from tests.e2e.conftest import records
from tests.e2e.hosts import lab, why_not
from tests.integration.conftest import faulty_pack
from tests.integration.extra_gateway import answers, extra_gateway, go
from tests.needs import needed

__all__ = ["faulty_pack"]
MEGABITS_PER_S = 16
SIZE_BYTES = 500_000
EACH = 12


def make_pictures(folder: Path) -> None:
    folder.mkdir()
    for seed in range(EACH):
        noise = np.random.default_rng(seed).integers(0, 255, (410, 410, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{seed}.png")
        assert (folder / f"{seed}.png").stat().st_size > SIZE_BYTES


@pytest.mark.chaos
def test_three_gateways_and_eight_workers_behind_one_slow_line(tmp_path: Path, faulty_pack: Path) -> None:
    needed(why_not())
    make_pictures(tmp_path / "pictures")
    with lab(["master", "far"]) as hosts, ExitStack() as stack:
        here, address, data = hosts["master"], hosts["master"].address, tmp_path / "m"
        command = [
            MANYEYES,
            "master",
            "--data",
            str(data),
            "--advertise",
            address,
            "--pack",
            str(faulty_pack),
        ]
        master = here.popen(command, tmp_path / "master.log")
        stack.callback(master.stop)
        master.wait_ready()
        env = {"MANYEYES_CONTEXT": str(data / "context.json"), "MANYEYES_MASTER": f"https://{address}:8443"}
        token = here.run([MANYEYES, "token"], env).stdout.split()[-1]
        joining = ["--join", token, "--name", "far", "--workers", "8"]
        slow = {"FAULTY_PICTURE_S": "0.2"}
        node = hosts["far"].popen(
            [MANYEYES, "node", "--data", str(tmp_path / "n"), *joining], tmp_path / "far.log", slow
        )
        stack.callback(node.stop)
        node.wait_ready()
        hosts["far"].slow(MEGABITS_PER_S)
        others = [
            stack.enter_context(
                extra_gateway(data, f"{address}:4222", EACH, SIZE_BYTES, ["far"], here.command([]))
            )
            for _ in range(2)
        ]
        for other in others:
            go(other)
        send = [MANYEYES, "send", str(tmp_path / "pictures"), "-o", str(tmp_path / "out")]
        sent = here.run(send, env, timeout_s=180)
        assert sent.returncode == 0, sent.stderr
        assert [record.get("error") for record in records(tmp_path / "out")] == [None] * EACH
        for other in others:
            answers(other, EACH)
        assert "engine connection" not in (tmp_path / "far.log").read_text(), "it had to connect again"
        said = (tmp_path / "master.log").read_text()
        assert "suspect" not in said and "lost" not in said
