"""What a node's workers are to do."""

from __future__ import annotations

from typing import Literal

Mode = Literal["work", "pause", "empty"]
"""`pause`: no new picture, workers stay loaded; `empty`: no workers either, the machine is free."""
