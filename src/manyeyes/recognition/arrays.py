"""The array types that the rooms of recognition hand to each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[Any]
"""uint8: a picture (h, w, 3) BGR, or chips and crops (n, h, w, 3). OpenCV's stubs know no closer type."""
Floats = NDArray[np.float32]
