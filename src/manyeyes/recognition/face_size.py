"""How large a face must be: the limits, and how a face is measured.

The measure is the shorter side of the face's box, in pixels of the picture that was sent. Different detectors agree on it
(within a tenth), a person can measure it in a picture viewer, and it does not shrink to nothing when a head is turned,
as the distance between the eyes does. `make bench-small-faces` and docs/decisions/0037 have the tables.
"""

from __future__ import annotations

import numpy as np

from manyeyes.recognition.arrays import Bools, Floats

LEAST_PX = 24
"""A smaller face is too small to name: it is not embedded, and no photo of it is enrolled. At this size three of four
enrolled people still get their name; at 20 px it is every second one."""
KEPT_PX = 48
"""A smaller face without a name is not kept for an operator: two strangers of this size are hardly ever taken for one."""
GOOD_PX = 80
"""For a smaller face an enrolment warns."""


def sides_px(boxes_xyxy_px: Floats) -> Floats:
    """The shorter side of each of boxes (n, 4), float32 (n,), in whole pixels, as results have boxes.

    A box may reach past the picture: a large face stays large where the frame cuts it.
    """
    edges = np.rint(boxes_xyxy_px)
    sides: Floats = (edges[:, 2:] - edges[:, :2]).min(axis=1)
    return sides


def large_enough(sizes_px: Floats) -> Bools:
    """Which of faces of these sizes (n,) are compared with people: bool (n,)."""
    found: Bools = sizes_px >= LEAST_PX
    return found
