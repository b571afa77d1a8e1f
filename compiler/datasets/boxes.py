"""Whether a box can be meant: it has an area, no negative number, and lies in its image."""

from __future__ import annotations

from math import isfinite
from typing import Final

SLACK: Final = 0.5
"""So many pixels may a box reach beyond its image: corners are rounded."""


def box_fault(
    box: tuple[float, float, float, float], across: float, down: float, slack: float = SLACK
) -> str:
    """The kind of problem of a box in an image of `across` × `down` pixels; empty for none.

    The box is left, top, width and height. An image of unknown size (0 or less) holds every box.
    """
    left, top, width, height = box
    if not (isfinite(left) and isfinite(top) and isfinite(width) and isfinite(height)):
        return "bad-value"
    if width < 0 or height < 0 or left < 0 or top < 0:
        return "negative-box"
    if width == 0 or height == 0:
        return "empty-box"
    if across > 0 and down > 0 and (left + width > across + slack or top + height > down + slack):
        return "outside-box"
    return ""
