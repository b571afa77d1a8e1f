"""What must hold of any plan node, whoever made it: a kind, a lowering or a test.

`violations` returns sentences; an empty tuple means that the node is sound. Nothing here knows
a kind or a backend, and nothing here is a user's mistake: a violation is a fault of the code
that built the node, or a rule that a kind must turn into a diagnostic of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compiler.model.diagnostics import Span
from compiler.model.inputs import Artifact, Binding, HostData, Port, Slot
from compiler.model.member import Member
from compiler.model.plan import Federation, Loop, Node, Pipeline, Run, Schedule, Service


def violations(node: Node) -> tuple[str, ...]:
    """Every broken rule of one node, in a stable order."""
    return tuple(_of(node))


def slot_conflicts(nodes: Iterable[Node]) -> tuple[tuple[str, Span | None], ...]:
    """Slots of several nodes that name one location, with the place of the second one.

    A slot has exactly one writer.
    """
    writers: dict[str, str] = {}
    conflicts = []
    for node in nodes:
        if not isinstance(node, Loop) or node.deploy is None:
            continue
        place = node.infer.place
        where = f"{place.site}/{place.host} {node.deploy.location.url}"
        first = writers.setdefault(where, node.name)
        if first != node.name:
            conflicts.append((f"{first} and {node.name} both write {where}", node.deploy.span))
    return tuple(conflicts)


def _of(node: Node) -> Iterator[str]:
    if isinstance(node, Service):
        yield from _stable_only(node.member)
    elif isinstance(node, Schedule):
        yield from _of(node.work)
    elif isinstance(node, Run):
        yield from _run(node)
    elif isinstance(node, Pipeline):
        yield from _pipeline(node)
    elif isinstance(node, Loop):
        yield from _loop(node)
    elif isinstance(node, Federation):
        yield from _federation(node)


def _stable_only(member: Member) -> Iterator[str]:
    for binding in member.inputs:
        if not isinstance(binding.input, Artifact | HostData):
            kind = type(binding.input).__name__.lower()
            yield f"a service may not read a {kind}: input {binding.role} of {member.role}"


def _ports(bindings: Iterable[Binding]) -> Iterator[Port]:
    return (b.input for b in bindings if isinstance(b.input, Port))


def _run(node: Run) -> Iterator[str]:
    if not node.stages:
        yield "a run has at least one stage"
    for stage in node.stages:
        if any(isinstance(b.input, Slot) for b in stage.inputs):
            yield f"a run may not read a slot: stage {stage.name}"


def _pipeline(node: Pipeline) -> Iterator[str]:
    offered: dict[str, dict[str, str]] = {}
    for step in node.steps:
        if step.name in offered:
            yield f"two steps are called {step.name}"
        bindings = [b for stage in step.run.stages for b in stage.inputs]
        bindings += [b for companion in step.run.companions for b in companion.inputs]
        for port in _ports(bindings):
            yield from _port(step.name, port, offered)
            if port.step not in step.needs:
                yield f"step {step.name} reads {port.step}.{port.name} but does not need it"
        offered[step.name] = {o.name: o.type for stage in step.run.stages for o in stage.outputs}


def _port(reader: str, port: Port, offered: dict[str, dict[str, str]]) -> Iterator[str]:
    if port.step not in offered:
        yield f"step {reader} reads {port.step}, which is not an earlier step"
    elif port.name not in offered[port.step]:
        yield f"step {reader} reads {port.step}.{port.name}, which is not an output"
    elif offered[port.step][port.name] != port.type:
        made = offered[port.step][port.name]
        yield f"step {reader} wants a {port.type} from {port.step}.{port.name}, a {made}"


def _loop(node: Loop) -> Iterator[str]:
    places = {(m.place.site, m.place.host) for m in node.members}
    if len(places) != 1:
        yield "a loop runs on one host of one site"
    if node.mode == "single-task" and node.deploy is None:
        yield "a single-task loop has a slot to deploy to"
    if node.mode == "lifelong" and node.deploy is not None:
        yield "a lifelong loop keeps its knowledge base and has no slot"


def _federation(node: Federation) -> Iterator[str]:
    if len(node.participants) < node.min_participants:
        have, want = len(node.participants), node.min_participants
        yield f"{have} participants, but a round needs {want}"
    seen: set[tuple[str, str]] = set()
    for participant in node.participants:
        place = participant.member.place
        if (place.site, place.host) in seen:
            yield f"two participants on {place.site} {place.host}".rstrip()
        seen.add((place.site, place.host))
        if isinstance(participant.share.input, Artifact) and participant.share.input.private:
            yield f"share {participant.share.name} is private but leaves its site as an artifact"
