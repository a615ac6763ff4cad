"""The environment of a process as a user starts it: without the variables that silence libraries in tests and CI."""

from __future__ import annotations

import os
from pathlib import Path

SILENCES = (
    *(
        "CI",
        "TF_BUILD",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "CIRCLECI",
        "TRAVIS",
        "JENKINS_URL",
        "CODEBUILD_BUILD_ID",
    ),
    *("BUILDKITE", "TEAMCITY_VERSION", "APPVEYOR", "BITBUCKET_BUILD_NUMBER"),
    *("ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY"),
)
"""With any of these, ONNX Runtime sends no telemetry. manyeyes sets the last one in the process of the tests."""
ELSEWHERE = (
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "TMPDIR",
    "MANYEYES_CACHE",
)
"""With these, files would appear in other places than on a user's machine."""


def environment(home: Path) -> dict[str, str]:
    """The variables of this process without `SILENCES` and `ELSEWHERE`, and with another home folder."""
    kept = {name: value for name, value in os.environ.items() if name not in (*SILENCES, *ELSEWHERE)}
    return {**kept, "HOME": str(home)}


def files_below(folder: Path) -> list[str]:
    """The paths of all files below a folder, relative to it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
