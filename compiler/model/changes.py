"""What a change does to a fleet: effects, rows of equal changes, and what it costs each site.

The nouns that every report of a change is written from; `changes_schema` says the same as a
JSON Schema. Nothing here compares, prints or knows of Git.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from compiler.model.diagnostics import Span
from compiler.model.gating import Standing
from compiler.model.record import dataclass


class Effect(StrEnum):
    """What a change does where it is applied; the most severe first."""

    IMMUTABLE = "immutable-field"
    """The API server refuses the new object: the apply fails."""
    DATA_LOSS = "data-loss"
    """What is deleted holds data that nothing brings back."""
    OUTAGE = "outage"
    """Pods end, and new ones wait for bytes that are not at the site."""
    REMOVED = "removed"
    """Deleted from the cluster."""
    RE_CREATE = "re-create"
    """Every pod ends before a new one serves."""
    LOOP_RESTART = "loop-restart"
    """A learning loop begins again."""
    ROLLING_RESTART = "rolling-restart"
    """Pods are replaced one after another."""
    SIDECAR_CHANGE = "sidecar-change"
    """Pods are replaced because of their sidecar alone."""
    SCALE = "scale"
    """The number of pods changes, the pods that stay do not."""
    HOT_SWAP = "hot-swap"
    """The sidecar brings other bytes and the running server loads them."""
    CONFIG_RELOAD = "config-reload"
    """Takes effect in place: no pod ends."""
    MOVED = "moved"
    """Another name or place for the same thing."""
    NEW = "new"
    """Was not there before."""
    METADATA_ONLY = "metadata-only"
    """Labels, annotations and records: nothing that runs notices."""
    NO_OP = "no-op"
    """The files differ and their meaning does not."""

    @property
    def severity(self) -> int:
        """How far down the list it stands: 0 is the most severe."""
        return _ORDER[self]


_ORDER: Mapping[Effect, int] = {effect: place for place, effect in enumerate(Effect)}

DESTRUCTIVE = (Effect.IMMUTABLE, Effect.DATA_LOSS, Effect.OUTAGE, Effect.REMOVED)
"""Effects that a reviewer has to see first."""


@dataclass(frozen=True, slots=True, order=True)
class FieldChange:
    """One field of an object, before and after; an empty text stands for absent.

    `{site}` stands in the values for the name of each site.
    """

    path: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a row applies; `site` is empty for what is of no single site."""

    environment: str
    cluster: str
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Equal changes of one part of the spec, at every place that has them.

    `kinds` counts the objects by kind. `example` is one file that changed, below the output
    folder: of the new output, or of the old one where nothing is left. `privileged` says that a
    container is privileged now. `cause` is the line of the spec that made the difference.
    """

    effect: Effect
    subject: str
    summary: str
    hint: str = ""
    kinds: Mapping[str, int]
    fields: tuple[FieldChange, ...] = ()
    places: tuple[Place, ...]
    example: str = ""
    privileged: bool = False
    cause: Span | None = None

    @property
    def objects(self) -> int:
        """How many objects the row is about."""
        return sum(self.kinds.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a change asks of sites that it costs the same.

    Sizes are bytes. `artifacts` are fetched; of `unsized` of them no lock states the size.
    `seconds` is the time on the link, None where its rate is not known; `nights` counts the
    openings of the `window` that it takes. Disk is what the fullest host has to hold, versions
    before and to come included, and `disk_given` what its disk gives to that; memory is what pods
    request; None where it does not change or is not known. `returns_offline` says whether the
    version before stays at the site, None where there was none; `returns_why` says why it does not,
    or on which condition it does.
    """

    places: tuple[Place, ...]
    artifacts: tuple[str, ...] = ()
    download: int = 0
    unsized: int = 0
    seconds: int | None = None
    window: str = ""
    nights: int = 0
    disk_before: int | None = None
    disk_after: int | None = None
    memory_before: int | None = None
    memory_after: int | None = None
    disk_given: int | None = None
    returns_offline: bool | None = None
    returns_why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that a change does. `base` and `head` say what was compared, in words.

    `overridden` are templates of the author's own, `labels` those of each site that is known.
    `gates` are those of models that the change touches, `policies` are all that were held: name
    and scope.
    """

    base: str
    head: str
    rows: tuple[Row, ...] = ()
    costs: tuple[Cost, ...] = ()
    overridden: tuple[str, ...] = ()
    labels: Mapping[Place, Mapping[str, str]] = field(default_factory=dict)
    objects: int = 0
    gates: tuple[Standing, ...] = ()
    policies: tuple[tuple[str, str], ...] = ()

    @property
    def models(self) -> frozenset[str]:
        """Every model of which a site gets another version, or none any more."""
        return frozenset(
            name
            for row in self.rows
            for one in row.fields
            if one.path.startswith("model ") and "." not in (name := one.path[6:])
        )

    @property
    def effects(self) -> dict[Effect, int]:
        """How many objects each effect has, the most severe first."""
        counts: Counter[Effect] = Counter()
        for row in self.rows:
            counts[row.effect] += row.objects
        return {effect: counts[effect] for effect in Effect if counts[effect]}

    @property
    def sites(self) -> frozenset[Place]:
        """Every place of a site that anything but its metadata changes at."""
        quiet = (Effect.METADATA_ONLY, Effect.NO_OP)
        return frozenset(
            place
            for row in self.rows
            if row.effect not in quiet
            for place in row.places
            if place.site
        )
