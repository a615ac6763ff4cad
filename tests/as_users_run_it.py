"""The environment of a process as a user starts it: a library that is silent in tests is not silent here."""

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
"""With one of these ONNX Runtime reports nothing; the tests' own process has the last, from manyeyes."""
ELSEWHERE = (
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "TMPDIR",
    "MANYEYES_CACHE",
)
"""With these, files would appear elsewhere than where a user has them."""


def environment(home: Path) -> dict[str, str]:
    """The variables of this process without what changes how libraries behave, and with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in (*SILENCES, *ELSEWHERE)}
    return {**kept, "HOME": str(home)}


def files_below(folder: Path) -> list[str]:
    """All that is no folder, relative to it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
