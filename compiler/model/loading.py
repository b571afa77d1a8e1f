"""The memory that workers take while a version is loaded, from what versions say they need.

A hot swap loads the new version before the old one goes, so that both are in memory at once. A pod
that is replaced has its memory to itself; whether its host has room for one more is the concern of
whoever knows the pods. What a version does not say is unknown, and adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """A version that a worker loads; of a pair, `model` and `of` are the pair's own.

    `needs` are bytes of memory when loaded, `coming` those of the version that a rollout brings:
    None where nobody says. `source` is the line that says `needs`.
    """

    title: str
    model: str
    of: str
    needs: int | None = None
    coming: int | None = None
    source: str = ""

    @property
    def new(self) -> int:
        """Bytes that the version after this one needs: as many, where nobody knows more."""
        return (self.needs if self.coming is None else self.coming) or 0


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker with its models: the bytes that it requests, and its limit, 0 for none.

    `beside` is what the rest of its pod requests, `count` how many such pods there are.
    """

    name: str
    models: tuple[Served, ...]
    hot: bool
    request: int = 0
    limit: int = 0
    beside: int = 0
    count: int = 1

    @property
    def swapped(self) -> Served | None:
        """The model whose new version takes most while the old one is still loaded."""
        if not self.hot or not self.models:
            return None
        return max(self.models, key=lambda one: (one.new, one.title))

    @property
    def peak(self) -> int:
        """Bytes that the models need at most, as far as that is known."""
        swapped = self.swapped
        return sum(one.needs or 0 for one in self.models) + (swapped.new if swapped else 0)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The versions that do not say what they need."""
        return tuple(one.title for one in self.models if one.needs is None)

    @property
    def takes(self) -> int:
        """Bytes that all its pods take at most: what is requested, or what models need."""
        return (max(self.request, self.peak) + self.beside) * self.count


def memory(workers: Iterable[Worker]) -> int:
    """What workers take together when each loads a version; not all do so at once, but may."""
    return sum(worker.takes for worker in workers)
