"""A sidecar's config as a tenant of a store: what it holds, on which host, and what may come.

Reads configs as they are emitted, by the contract's own keys; `check` has judged them before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from compiler.model.contract import MIN_FREE_PERCENT
from compiler.model.figures import Figures, stored, title
from compiler.model.fit import MIN_FREE, Held, Slot, Tenant
from compiler.model.fleet import KEEP_PREVIOUS, Site
from compiler.model.loading import Served
from compiler.model.record import dataclass

NODE = "node"
"""The role of a sidecar that only fetches and unpacks, on every host of its site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A tenant where it is: `host` empty for any host of the site, `everywhere` for all of them.

    `hot` says that a server loads a version while it still has the one before.
    """

    tenant: Tenant
    environment: str
    site: str
    job: str
    role: str
    host: str = ""
    hot: bool = False
    models: tuple[Served, ...] = ()

    @property
    def everywhere(self) -> bool:
        """Whether it is on every host of its site."""
        return self.role == NODE


@dataclass(frozen=True, slots=True)
class Room:
    """A host by its name: what is `certain` to be on it, and what `possible` is there besides.

    The name is empty where nobody says which hosts a site has; one room then stands for the host
    that a tenant gets.
    """

    host: str
    certain: tuple[Tenant, ...]
    possible: tuple[Tenant, ...] = ()


def placed(
    document: Mapping[str, Any],
    figures: Figures | None = None,
    before: Mapping[str, Any] | None = None,
) -> Placed:
    """A config as a tenant; `figures` says which versions were before and may come.

    `before` is the config that this one takes the place of, where that is known.
    """
    tenant, node = document.get("tenant") or {}, document.get("node") or {}
    job, role = str(tenant.get("job")), str(tenant.get("role"))
    store = document.get("store") or {}
    older = {_key(one): stored(one) for one in (before or {}).get("artifacts") or ()}
    slots = {
        _key(one): _slot(document, one, figures, older.get(_key(one)))
        for one in document.get("artifacts") or ()
    }
    together = bool(tenant.get("revision"))
    found = Tenant(
        str(node.get("namespace", "")),
        job if role in ("worker", NODE) else f"{job}.{role}",
        tuple(_groups(slots, document.get("bundles") or (), together=together)),
        0 if role == NODE else int(store.get("keepPrevious", KEEP_PREVIOUS)),
        tuple((str(s.get("name")), s.get("maxBytes")) for s in document.get("outbox") or ()),
        int(store.get("minFree", MIN_FREE)),
        int(store.get("minFreePercent", MIN_FREE_PERCENT)),
    )
    return Placed(
        tenant=found,
        environment=str(node.get("environment", "")),
        site=str(node.get("site", "")),
        job=job,
        role=role,
        host=str(node.get("host", "")),
        hot=not together and role != NODE,
        models=tuple(_served(document, figures)),
    )


def rooms(site: Site, there: Iterable[Placed]) -> list[Room]:
    """The hosts of a site with their tenants."""
    found = list(there)
    everywhere = [one.tenant for one in found if one.everywhere]
    loose = [one.tenant for one in found if not one.everywhere and not one.host]
    names = [host.name for host in site.hosts]
    if not names:
        alone = [(*everywhere, one) for one in loose] or [tuple(everywhere)]
        return [Room("", one) for one in alone if one]
    made = []
    for name in names:
        bound = [one.tenant for one in found if one.host == name]
        here = (*everywhere, *bound)
        only = len(names) == 1
        made.append(Room(name, (*here, *loose) if only else here, () if only else tuple(loose)))
    return [room for room in made if room.certain or room.possible]


def _served(document: Mapping[str, Any], figures: Figures | None) -> Iterator[Served]:
    release = document.get("release") or {}
    for one in document.get("artifacts") or ():
        if one.get("kind") != "model":
            continue
        if figures is not None:
            yield figures.served(document, one)
        else:
            model, of = (
                release.get("model") or one["name"],
                release.get("version") or one["version"],
            )
            yield Served(title(one), str(model), str(of))


def _slot(
    document: Mapping[str, Any],
    artifact: Mapping[str, Any],
    figures: Figures | None,
    older: Held | None,
) -> Slot:
    slot = Slot(stored(artifact)) if figures is None else figures.slot(document, artifact)
    replaced = older is not None and older.digest != slot.now.digest
    return Slot(slot.now, older, slot.coming) if replaced else slot


def _groups(
    slots: Mapping[str, Slot], bundles: Sequence[Mapping[str, Any]], *, together: bool
) -> Iterator[tuple[Slot, ...]]:
    """What is switched together: a bundle, a whole tenant where pods restart, else each alone."""
    if together:
        if slots:
            yield tuple(slots.values())
        return
    bundled: set[str] = set()
    for bundle in bundles:
        members = [key for key in bundle.get("members") or () if key in slots]
        bundled.update(members)
        if members:
            yield tuple(slots[key] for key in members)
    for key, slot in slots.items():
        if key not in bundled:
            yield (slot,)


def _key(artifact: Mapping[str, Any]) -> str:
    return f"{artifact.get('kind')}/{artifact.get('name')}"
