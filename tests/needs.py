"""What a test needs from the machine: if it is missing, the test is skipped on a laptop and fails in CI."""

from __future__ import annotations

import os

import pytest


def needed(*reasons: str | None) -> None:
    """Skip the test if one of the reasons is not None; with `CI=true`, fail it."""
    for reason in reasons:
        if reason is not None:
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
