"""What the author must change at a site before Sedna can run there.

Sedna tells a node's local controller by name, so edges and datasets need exactly one host.
"""

from __future__ import annotations

from compiler.backends.sedna_pod import host
from compiler.model.backend import EmitContext
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostic
from compiler.model.fleet import Site
from compiler.model.member import Member
from compiler.model.plan import Cascade, Loop, Node


def problems(node: Node, context: EmitContext) -> tuple[Diagnostic, ...]:
    """One diagnostic for each member whose node Sedna could not name."""
    members = node.edges if isinstance(node, Cascade) else ()
    members = (node.infer,) if isinstance(node, Loop) else members
    found = {member.place: _problem(node, member, context) for member in members}
    return tuple(problem for problem in found.values() if problem)


def _problem(node: Node, member: Member, context: EmitContext) -> Diagnostic | None:
    site = context.sites[member.place.site]
    if host(member, site):
        return None
    return Diagnostic(
        codes.SEDNA_HOST,
        f"job {node.job} runs on Sedna, which needs the name of the one host at {site.name}; "
        f"{_there(site)}",
        node.field_span("place"),
        hint=_hint(site),
    )


def _there(site: Site) -> str:
    names = ", ".join(one.name for one in site.hosts)
    return f"the site has {names}" if names else "the site lists no hosts"


def _hint(site: Site) -> str:
    if not site.hosts:
        return f"list the node of {site.name} under hosts:"
    return f"write place: {{host: {site.hosts[0].name}}} or replicas: per-host"
