"""The whole compiler on one screen: load, validate, resolve, plan, lower, then build each unit.

`prepare` is the front half, once for each environment; `compile_tree` goes on to a finished
tree and changes nothing; `compile_and_write` does the same in several processes and makes the
output folder hold the result. The network, the clock and the previous output are never read by
what decides on content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler import backends, kinds, lowerings, servers
from compiler.adapters.exchange import KernelExchange
from compiler.assembly import Goal, Outcome, produce, roots
from compiler.model import lock as locks
from compiler.model import source
from compiler.model.codes import fleet as fleet_codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.immutable import violations
from compiler.model.lock import Lock
from compiler.model.manifest import Directory, Tree
from compiler.model.marks import Map
from compiler.model.merge import overlay
from compiler.model.spec.spec import Spec
from compiler.model.suggest import did_you_mean
from compiler.stages.check import Summary, check_across
from compiler.stages.draft import emit_context
from compiler.stages.load import Sources, load, shown
from compiler.stages.lower import KNOWN, lower
from compiler.stages.plan import plan
from compiler.stages.plan_lock import check_lock
from compiler.stages.render_patches import PatchRule, report_unused
from compiler.stages.render_skeleton import parse_object
from compiler.stages.render_templates import Templates, TemplateSource
from compiler.stages.resolve import check_environments, environment_names, resolve
from compiler.stages.validate import validate, validate_fragment
from compiler.stages.write import WriteOptions
from compiler.workshop import Built, Front, Workshop

FEW_SITES = 150
"""Below this many sites one process is faster than starting a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to compile. `environments` empty means all; `templates` is the user's own folder."""

    root: Path
    environments: tuple[str, ...] = ()
    templates: Path | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What to do with the result. `only` names sites and jobs; empty means everything."""

    out: Path
    compare: bool = False
    only: frozenset[str] = frozenset()
    allow_deletes: int | None = None
    overwrite: tuple[Path, ...] = ()
    cache: bool = True
    processes: int = 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """A spec whose every environment is ready to be built."""

    sources: Sources
    spec: Spec
    workshop: Workshop
    all_environments: bool


def prepare(request: Request, diagnostics: Diagnostics) -> Prepared:
    """Load, validate, resolve, plan and lower every environment.

    Raises:
        CompileError: with everything that the stage that failed found.
    """
    sources = load(request.root, diagnostics)
    diagnostics.raise_errors()
    lock = read_lock(request.root, sources, diagnostics)
    spec = _validated(sources.data, diagnostics)
    names = _chosen(spec, request.environments, diagnostics)
    diagnostics.raise_errors()

    resolved = []
    for name in names:
        entry = spec.environments.get(name)
        data = overlay(sources.data, Map(entry.set)) if entry and entry.set else sources.data
        own = _validated(data, diagnostics) if data is not sources.data else spec
        resolved.append(resolve(own, data, name, lock, _fragment(diagnostics), diagnostics))
    check_environments(resolved, diagnostics)
    diagnostics.raise_errors()

    fronts = []
    for one in resolved:
        nodes = plan(one, kinds.REGISTRY, sources.read, diagnostics)
        check_lock(one, nodes, locked=request.locked, diagnostics=diagnostics)
        context = emit_context(one)
        found = {name: backends.backend(name) for name in backends.BACKENDS}
        assignments = lower(nodes, context, found, lowerings.lowerings(), diagnostics)
        fronts.append(
            Front(one, context, assignments, _objects(one.spec, sources), _patches(one.spec))
        )
    diagnostics.raise_errors()
    templates = Templates(TemplateSource(own=request.templates))
    definitions = _definitions(spec, sources)
    diagnostics.raise_errors()
    workshop = Workshop(tuple(fronts), templates, definitions)
    return Prepared(sources, spec, workshop, not request.environments)


def compile_tree(request: Request, diagnostics: Diagnostics) -> Tree:
    """The finished, checked tree; a pure function of spec, templates and lock.

    Raises:
        CompileError: with everything that the stage that failed found.
    """
    prepared = prepare(request, diagnostics)
    workshop = prepared.workshop
    facts = workshop.facts
    found: dict[str, Directory] = {}
    summaries: list[Summary] = []

    def take(built: Built) -> None:
        found.update({directory.unit.path: directory for directory in built.directories})
        summaries.extend(built.summaries)
        diagnostics.extend(built.diagnostics)

    kinds_seen: dict[int, dict[str, frozenset[str]]] = {}
    for batch in workshop.batches():
        built = workshop.build(batch, facts)
        take(built)
        _add_kinds(kinds_seen.setdefault(batch.front, {}), built.kinds)
    for number, front in enumerate(workshop.fronts):
        targets = {cluster.target for cluster in front.context.clusters.values()}
        units = [d.unit for d in found.values() if d.unit.target in targets]
        take(workshop.gitops(number, units, facts))
        report_unused(front.patches, kinds_seen.get(number, {}), diagnostics)
    check_across(summaries, facts, diagnostics)
    diagnostics.raise_errors()
    return Tree(dict(sorted(found.items())))


def compile_and_write(request: Request, wishes: Wishes, diagnostics: Diagnostics) -> Outcome:
    """Compile and reach the goal: write the output, or compare it with what is there.

    Raises:
        CompileError: anything that speaks against it; then nothing was changed.
    """
    prepared = prepare(request, diagnostics)
    workshop = prepared.workshop
    options = WriteOptions(
        exchange=KernelExchange(),
        overwrite=wishes.overwrite,
        allow_deletes=wishes.allow_deletes,
        moved=tuple((entry.from_, entry.to) for entry in prepared.spec.moved),
        roots=roots(workshop),
        partial=bool(wishes.only),
        parse=parse_object,
        immutable=violations,
    )
    goal = Goal(wishes.out, options, wishes.compare, wishes.only)
    sites = sum(len(front.context.sites) for front in workshop.fronts)
    processes = wishes.processes if sites >= FEW_SITES else 1
    return produce(workshop, goal, processes, diagnostics)


def read_lock(root: Path, sources: Sources, diagnostics: Diagnostics) -> Lock | None:
    """The lock beside the spec, or None where there is none."""
    folder = root if root.is_dir() else root.parent
    path = folder / locks.FILE
    if not path.exists():
        return None
    name = shown(path)
    text = source.decode(name, path.read_bytes(), diagnostics)
    if text is None:
        return None
    sources.texts[name] = text
    documents = source.parse(name, text, diagnostics)
    if not documents or not isinstance(documents[0].data, Map):
        return None
    lock = locks.read(documents[0].data, documents[0].data.marks, diagnostics)
    diagnostics.raise_errors()
    return lock


def vocabularies() -> Mapping[str, Sequence[str]]:
    """The words that exist for servers and backends."""
    return {"servers": tuple(servers.BY_NAME), "backends": KNOWN}


def _validated(data: Map, diagnostics: Diagnostics) -> Spec:
    spec = validate(data, kinds.REGISTRY, diagnostics, vocabularies=vocabularies())
    diagnostics.raise_errors()
    if spec is None:
        raise TypeError("the spec did not validate, and no error says why")
    return spec


def _fragment(diagnostics: Diagnostics) -> Any:
    def fragment(section: str, name: str, data: Any) -> Any:
        return validate_fragment(
            section, name, data, kinds.REGISTRY, diagnostics, vocabularies=vocabularies()
        )

    return fragment


def _chosen(spec: Spec, wanted: tuple[str, ...], diagnostics: Diagnostics) -> tuple[str, ...]:
    there = environment_names(spec)
    for name in wanted:
        if name not in there:
            diagnostics.add(
                fleet_codes.UNKNOWN_ENVIRONMENT,
                f"there is no environment {name}; there are: {', '.join(there)}",
                None,
                did_you_mean(name, there),
            )
    return wanted or there


def _objects(spec: Spec, sources: Sources) -> tuple[Any, ...]:
    found = []
    for entry in spec.objects:
        span = entry.span_of("from_")
        if span is not None:
            documents = sources.parse(span.file, entry.from_, span)
            found.append((entry, [d.data for d in documents if isinstance(d.data, Map)]))
    return tuple(found)


def _definitions(spec: Spec, sources: Sources) -> tuple[Mapping[str, Any], ...]:
    found: list[Mapping[str, Any]] = []
    for index, path in enumerate(spec.schemas):
        span = spec.span_of("schemas", index)
        if span is not None:
            documents = sources.parse(span.file, path, span)
            found += [d.data for d in documents if isinstance(d.data, Map)]
    return tuple(found)


def _patches(spec: Spec) -> tuple[PatchRule, ...]:
    return tuple(PatchRule(p.job, p.kind, p.patch, p.span_of("patch")) for p in spec.patches)


def _add_kinds(seen: dict[str, frozenset[str]], more: Mapping[str, frozenset[str]]) -> None:
    for subject, names in more.items():
        seen[subject] = seen.get(subject, frozenset()) | names
