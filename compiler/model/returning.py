"""Which version a site can return to without a network, and what stands in the way of it.

A sidecar returns to what its store still has: the version that served before. What is on a real
device is not known here, only what its config keeps and what its disk can hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.model.figures import Figures, Neighbours
from compiler.model.record import dataclass
from compiler.model.tenants import Placed


@dataclass(frozen=True, slots=True)
class WayBack:
    """The way of a job at a site from a `version` of a model (or pair) to the one `before`.

    `why` says what stands in the way, and is empty where nothing does; `mend` what to do about it.
    Without a `before` nobody knows which version that is.
    """

    job: str
    model: str
    version: str
    before: str
    why: str = ""
    mend: str = ""

    @property
    def holds(self) -> bool:
        """Whether the site can return by itself."""
        return bool(self.before) and not self.why


def ways_back(placed: Placed, figures: Figures | None, *, fits: bool = True) -> Iterator[WayBack]:
    """The way back of each model of a tenant; `fits` says whether its disk holds what it keeps."""
    for model, version in dict.fromkeys((one.model, one.of) for one in placed.models):
        around = figures.around(placed.job, model, version) if figures else Neighbours()
        why, mend = _hindrance(placed, model, around, figures, fits)
        yield WayBack(placed.job, model, version, around.before, why, mend)


def _hindrance(
    placed: Placed, model: str, around: Neighbours, figures: Figures | None, fits: bool
) -> tuple[str, str]:
    if placed.tenant.keep == 0:
        return (
            "its profile keeps no version before the one that serves",
            "write cache: {previous: 1} in the profile, on a disk that holds it",
        )
    if not fits:
        return "its disk does not hold both", "give the profile a disk that holds both"
    if figures is None or not around.before:
        return "", ""
    yanked = figures.yanked(placed.site, model, around.before)
    if yanked:
        return (
            f"{model}:{around.before} is yanked ({yanked})",
            "roll out from a version that is good, or have the next one ready",
        )
    if placed.role == "edge" and not around.moving:
        # Its part is in the store, but no edge may ask a cloud part of another version.
        return (
            f"the cloud part of {model}:{around.before} is served no more",
            "roll back with `edgewright rollback`, which serves it again",
        )
    return "", ""
