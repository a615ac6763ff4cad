"""A node behind a slow line is slow, but not lost: it gets the pack and large pictures, and sends results back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from background import MANYEYES
from PIL import Image

from tests.e2e.conftest import Seed, records
from tests.e2e.fleet import nodes_of
from tests.e2e.hosts import lab, why_not
from tests.needs import needed

MEGABITS_PER_S = 16


@pytest.mark.chaos
def test_a_large_picture_over_a_slow_line(place: Path, seed: Seed, tmp_path: Path) -> None:
    needed(why_not())
    noise = np.random.default_rng(7).integers(0, 255, (1400, 1400, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 5_000_000
    with lab(["master", "far"]) as hosts:
        data = place / "slow-master"
        seed(data)
        address = hosts["master"].address
        hosts["far"].slow(MEGABITS_PER_S)
        command = [MANYEYES, "master", "--data", str(data), "--listen", "0.0.0.0", "--advertise", address]
        master = hosts["master"].popen(command, tmp_path / "master.log")
        try:
            master.wait_ready()
            env = {
                "MANYEYES_CONTEXT": str(data / "context.json"),
                "MANYEYES_MASTER": f"https://{address}:8443",
            }
            token = hosts["master"].run([MANYEYES, "token"], env).stdout.split()[-1]
            joining = ["--join", token, "--name", "far", "--workers", "1"]
            node = hosts["far"].popen(
                [MANYEYES, "node", "--data", str(place / "slow-far"), *joining], tmp_path / "far.log"
            )
            try:
                node.wait_ready()
                send = [MANYEYES, "send", str(tmp_path / "large.png"), "-o", str(tmp_path / "out")]
                sent = hosts["master"].run(send, env, timeout_s=120)
                assert sent.returncode == 0, sent.stderr
                assert [record.get("error") for record in records(tmp_path / "out")] == [None]
                listed = nodes_of(hosts["master"].run([MANYEYES, "nodes", "list", "--json"], env).stdout)
                assert listed["far"]["state"] in ("ready", "working")
                assert listed["far"]["done"] == 1
                large, back = str(tmp_path / "large.png"), tmp_path / "back"
                for moving in (["put", "far", large], ["get", "far", "large.png", "-o", str(back)]):
                    moved = hosts["master"].run([MANYEYES, "nodes", *moving], env, timeout_s=120)
                    assert moved.returncode == 0, moved.stderr
                assert (back / "large.png").read_bytes() == (tmp_path / "large.png").read_bytes()
                assert "lost" not in (tmp_path / "master.log").read_text()
                assert "suspect" not in (tmp_path / "master.log").read_text()
            finally:
                node.stop()
        finally:
            master.stop()
