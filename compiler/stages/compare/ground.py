"""What the disk of a site has to hold before and after a change, and whether it can return.

Here the version before is known: it is what the older output has. How large a disk is stands in no
output; where nobody says it, a sum has no verdict, and no way back is certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from compiler.model.fit import Sum, Tenant, disk
from compiler.model.record import dataclass
from compiler.model.tenants import Placed, placed
from compiler.stages.compare.delivery import Config


@dataclass(frozen=True, slots=True)
class Ground:
    """The disk of each host of a site, in bytes: None where nobody says, and what is reserved."""

    size: int | None = None
    reserved: int = 0


Grounds = Mapping[tuple[str, str], Ground]
"""By environment and site."""


@dataclass(frozen=True, slots=True)
class Return:
    """Whether a site can return by itself, and why not or on which condition it can."""

    offline: bool
    why: str = ""


def needed(configs: Sequence[Config], before: Sequence[Config], ground: Ground) -> Sum:
    """The sum of the host of a site that has to hold most, with the versions before."""
    older = {tenant_of(config): config.document for config in before}
    there = [placed(one.document, before=older.get(tenant_of(one))) for one in configs]
    hosts = dict.fromkeys(_host(one) for one in there if one.host) or {"": None}
    sums = [disk(_on(host, there), ground.size, ground.reserved) for host in hosts]
    return max(sums, key=lambda one: one.needed)


def way_back(before: Iterable[Config], after: Sequence[Config], found: Sum) -> Return:
    """Whether what was there stays in the store once the new version serves."""
    jobs = {tenant_of(config) for config in before}
    if not all(config.keeps_previous for config in after if tenant_of(config) in jobs):
        return Return(False, "no version before is kept")
    if found.over:
        return Return(False, "the disk does not hold both")
    if found.fits is None:
        return Return(True, "if the disk holds both, which is not known")
    return Return(True)


def tenant_of(config: Config) -> tuple[str, str]:
    """The job and role of a config."""
    tenant = config.document.get("tenant") or {}
    return str(tenant.get("job")), str(tenant.get("role"))


def _on(host: str, there: Iterable[Placed]) -> list[Tenant]:
    """Everything that may be on a host: what is bound to it, and what is bound to none."""
    return [one.tenant for one in there if not one.host or _host(one) == host]


def _host(one: Placed) -> str:
    """A host's name without the site's, which may be that of an equal site."""
    return one.host.replace(one.site, "{site}") if one.site else one.host
