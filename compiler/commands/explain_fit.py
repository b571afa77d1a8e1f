"""What a site has to hold, for `explain`: its disks, the memory of its workers, its ways back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from compiler.model.figures import Figures
from compiler.model.fit import Line
from compiler.model.fit_words import bytes_text, table
from compiler.model.fleet import Site
from compiler.model.resolved import Resolved
from compiler.model.site_fit import HostFit, SiteFit, site_fit


def fit_facts(
    site: Site, objects: Iterable[Mapping[str, Any]], resolved: Resolved
) -> dict[str, Any]:
    """The sums of a site, from its objects in an output."""
    found = site_fit(site, objects, Figures(resolved))
    return {
        "hosts": [_host(one) for one in found.hosts],
        "memory": _memory(found),
        "returns": [
            {
                "job": way.job, "model": way.model, "version": way.version, "before": way.before,
                "offline": way.holds, "why": way.why,
            }
            for way in found.ways
        ],
    }  # fmt: skip


def fit_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """The facts as lines for a terminal."""
    yield ""
    yield "What it has to hold"
    for host in facts["hosts"]:
        of = f" of {bytes_text(host['disk'])}" if host["disk"] is not None else ""
        more = "" if host["disk"] is not None else ", and its profile says no disk"
        least = "at least " if host["unknown"] else ""
        name = f" of {host['host']}" if host["host"] else ""
        yield f"  disk{name}: {least}{bytes_text(host['needs'])}{of}{more}"
        yield from (f"  {row}" for row in host["table"])
    memory = facts["memory"]
    yield (
        f"  memory: {bytes_text(memory['needs'])} while versions are loaded, of "
        f"{bytes_text(memory['given'])} that a host gives"
    )
    for way in facts["returns"]:
        yield f"  way back of {way['job']}: {_way(way)}"


def _way(way: Mapping[str, Any]) -> str:
    now = f"{way['model']}:{way['version']}"
    if not way["before"]:
        known = f": {way['why']}" if way["why"] else ""
        return f"from {now}, nobody knows to which version{known}"
    to = f"from {now} to {way['model']}:{way['before']}"
    return f"{to} without a network" if way["offline"] else f"none {to}: {way['why']}"


def _host(one: HostFit) -> dict[str, Any]:
    found = one.disk
    return {
        "host": one.host,
        "disk": found.size,
        "needs": found.needed,
        "fits": found.fits,
        "unknown": list(found.unknown),
        "parts": [_part(line) for line in found.lines],
        "table": list(table(found)),
    }


def _part(line: Line) -> dict[str, Any]:
    return {
        "part": line.what,
        "of": line.title,
        "bytes": line.size,
        "jobs": list(line.tenants),
        "from": line.source,
        "assumed": line.taken,
    }


def _memory(found: SiteFit) -> dict[str, Any]:
    unknown = [title for worker in found.workers for title in worker.unknown]
    return {"needs": found.memory, "given": found.given, "unknown": list(dict.fromkeys(unknown))}
