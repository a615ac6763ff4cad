"""Libraries that report to their makers are switched off, before any of them is loaded.

ONNX Runtime from 1.29 on reports to its maker on Linux: what the machine is, which models are opened, which errors
come. It decides once, when it is loaded, so the variable has to be there before. A value that the operator has set is
replaced: nothing leaves the machine, whatever the environment says, and the library takes an empty value or a 2 for
leave to report.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

NO_REPORTS: Mapping[str, str] = MappingProxyType({"ORT_DISABLE_TELEMETRY": "1"})
"""The variables that every process of manyeyes has."""


def switch_off_reports() -> None:
    """Set the variables for this process and all that it starts."""
    os.environ.update(NO_REPORTS)
