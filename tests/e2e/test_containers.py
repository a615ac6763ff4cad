"""The build steps of the Containerfile, carried out in an empty folder: what a machine without a container daemon can do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.containerfile import stages

from .conftest import ROOT

INSTALLED = "/opt/manyeyes"


@pytest.mark.chaos
def test_the_steps_of_the_build_make_an_environment_that_runs(tmp_path: Path) -> None:
    """The build stage's COPY and RUN lines; only the place of the environment is another."""
    work, installed = tmp_path / "src", tmp_path / "env"
    work.mkdir()
    env = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HTTP", "SSL_"))}
    env |= {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    ran = 0
    for name, rest in stages()[0]:
        if name == "COPY":
            *sources, target = rest.split()
            for source in sources:
                place = work / source if target == "./" else work / target
                place.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, dirs_exist_ok=True)
                else:
                    shutil.copy(ROOT / source, place)
        elif name == "RUN":
            line = rest.replace(INSTALLED, str(installed))
            subprocess.run(["sh", "-ec", line], cwd=work, env=env, check=True, timeout=600)
            ran += 1
    assert ran == 3
    shutil.rmtree(work)
    told = subprocess.run(
        [installed / "bin/manyeyes", "--version"], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert told.stdout.startswith("manyeyes "), told.stderr
    assert (
        subprocess.run([installed / "bin/python", "-c", "import manyeyes.gateway.master_role"]).returncode
        == 0
    )
