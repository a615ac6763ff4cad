"""What a test needs of the machine: missing, it is skipped on a laptop and fails on a build machine."""

from __future__ import annotations

import os

import pytest


def needed(*reasons: str | None) -> None:
    """Go on where no reason is given why not; otherwise skip the test, with `CI=true` fail it."""
    for reason in reasons:
        if reason is not None:
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
