"""The recogniser as somebody uses it without a service."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data as samples

import manyeyes.recognition

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "library.md"


def test_the_guides_example_runs(default_pack: Path, tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    for name in ("ada.jpg", "party.jpg"):
        Image.fromarray(samples.astronaut()).save(tmp_path / name)
    built = example.replace('build_default(Path("faces"))', f"Path({str(default_pack)!r})")
    assert built != example
    done = subprocess.run([sys.executable, "-c", built], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Ada 0.")
    assert Image.open(tmp_path / "party-named.jpg").size == (512, 512)


def test_public_names_load_and_no_others() -> None:
    for name in manyeyes.recognition.__all__:
        assert getattr(manyeyes.recognition, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Detector'"):
        _ = manyeyes.recognition.Detector


@pytest.mark.parametrize("module", ["manyeyes", "manyeyes.recognition.pictures.probe", "manyeyes.cli.app"])
def test_no_heavy_library_is_loaded_before_its_use(module: str) -> None:
    code = f"import sys, {module}; print('cv2' in sys.modules, 'onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
