"""The hard example algorithms that Sedna's library registers, with the parameters of each.

Names as user code reads them; what an algorithm decides is that library's business.
"""

from __future__ import annotations

from collections.abc import Mapping

ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    "BertRouter": (),
    "CloudOnly": (),
    "CrossEntropy": ("threshold_cross_entropy",),
    "EdgeOnly": (),
    "IBT": ("threshold_img", "threshold_box"),
    "Random": ("random_ratio",),
    "Threshold": ("threshold",),
}
