"""The whole compiler on one screen: load, validate, resolve, plan, lower, then build each unit.

`prepare` is the front half, once for each environment; `compile_tree` goes on to a finished
tree and changes nothing; `compile_and_write` does the same in several processes and makes the
output folder hold the result. The network, the clock and the previous output are never read by
what decides on content.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Any

from compiler import datasets, kinds, servers
from compiler.adapters.crew import Progress
from compiler.adapters.exchange import KernelExchange
from compiler.assembly import Goal, Outcome, SameNameError, produce, roots
from compiler.backends.kubernetes import Need
from compiler.caching import Kept, UnitCache
from compiler.model.codes import fleet as fleet_codes
from compiler.model.codes import text as text_codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.immutable import violations
from compiler.model.lock import Lock
from compiler.model.manifest import Directory, Tree
from compiler.model.marks import Map
from compiler.model.merge import overlay
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.sections import ObjectSpec
from compiler.model.spec.spec import Spec
from compiler.model.suggest import did_you_mean
from compiler.partplans import PartPlanner
from compiler.stages.check.check import Summary, check_across
from compiler.stages.check.policies import Holder, Tally
from compiler.stages.draft import emit_context
from compiler.stages.load import Sources, load, read_lock
from compiler.stages.lower import KNOWN
from compiler.stages.plan.lock import check_lock
from compiler.stages.plan.plan import Planner
from compiler.stages.plan.worker import read_files
from compiler.stages.render.patches import PatchRule, report_unused
from compiler.stages.render.render import check_templates
from compiler.stages.render.skeleton import parse_object
from compiler.stages.render.templates import Templates, TemplateSource
from compiler.stages.resolve.only import check_only
from compiler.stages.resolve.resolve import check_environments, environment_names, resolve
from compiler.stages.validate.validate import validate, validate_fragment
from compiler.stages.write.write import WriteOptions
from compiler.workshop import Batch, Built, Front, Workshop, add_needs

Objects = tuple[tuple[ObjectSpec, Sequence[Mapping[str, Any]]], ...]
"""The user's own objects: each entry of `objects:` with the documents of its file."""

FEW_SITES = 150
"""Below this many sites one process is faster than starting a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to compile. `environments` empty means all; `templates` is the user's own folder.

    `texts` stand for files of the spec, and for its lock, by their shown names.
    """

    root: Path
    environments: tuple[str, ...] = ()
    templates: Path | None = None
    locked: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What to do with the result. `only` names sites and jobs; `against` has it handed back."""

    out: Path
    compare: bool = False
    only: frozenset[str] = frozenset()
    allow_deletes: int | None = None
    overwrite: tuple[Path, ...] = ()
    cache: bool = True
    processes: int = 1
    progress: Progress | None = None
    against: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """A spec with every environment resolved, before anything is planned."""

    sources: Sources
    spec: Spec
    environments: tuple[Resolved, ...]
    objects: tuple[Objects, ...]
    definitions: tuple[Mapping[str, Any], ...]
    templates: Templates


@dataclass(frozen=True, slots=True)
class Prepared:
    """A spec whose every environment is ready to be built."""

    sources: Sources
    spec: Spec
    workshop: Workshop


def prepare(request: Request, diagnostics: Diagnostics) -> Prepared:
    """Load, validate, resolve, plan and lower every environment.

    Raises:
        CompileError: with everything that the stage that failed found.
    """
    resolution = resolve_all(request, diagnostics)
    workshop = plan_all(resolution, {}, diagnostics)
    for front in workshop.fronts:
        diagnostics.extend(front.planner.at(front.planner.names()).diagnostics)
    diagnostics.raise_errors()
    return Prepared(resolution.sources, resolution.spec, workshop)


def resolve_all(request: Request, diagnostics: Diagnostics) -> Resolution:
    """Load, validate and resolve, and read every file that the spec names."""
    sources = load(request.root, diagnostics, texts=request.texts)
    diagnostics.raise_errors()
    lock = read_lock(request.root, sources, diagnostics)
    diagnostics.raise_errors()
    spec, resolved = resolve_environments(request, sources, lock, diagnostics)
    check_lock(resolved, locked=request.locked, diagnostics=diagnostics)
    for one in resolved:
        read_files(one, sources)
    objects = tuple(_objects(one.spec, sources) for one in resolved)
    definitions = _definitions(spec, sources)
    templates = Templates(TemplateSource(own=request.templates))
    check_templates(templates, diagnostics)
    diagnostics.raise_errors()
    return Resolution(sources, spec, resolved, objects, definitions, templates)


def resolve_environments(
    request: Request, sources: Sources, lock: Lock | None, diagnostics: Diagnostics
) -> tuple[Spec, tuple[Resolved, ...]]:
    """The spec, and each chosen environment of it with its own settings merged in.

    Raises:
        CompileError: with everything that is wrong in them.
    """
    spec = _validated(sources.data, diagnostics)
    names = _chosen(spec, request.environments, diagnostics)
    diagnostics.raise_errors()
    resolved = []
    for name in names:
        entry = spec.environments.get(name)
        data = overlay(sources.data, _mapping(entry.set)) if entry and entry.set else sources.data
        own = _validated(data, diagnostics) if data is not sources.data else spec
        resolved.append(resolve(own, data, name, lock, _fragment(diagnostics), diagnostics))
    check_environments(resolved, diagnostics)
    diagnostics.raise_errors()
    return spec, tuple(resolved)


def plan_all(
    resolution: Resolution, kept: Mapping[int, Collection[str]], diagnostics: Diagnostics
) -> Workshop:
    """Plan what sites share in every environment; each site is planned where it is built.

    Raises:
        CompileError: with everything that planning the whole finds.
    """
    fronts = []
    for number, one in enumerate(resolution.environments):
        context = emit_context(one)
        planner = PartPlanner(Planner(one, kinds.REGISTRY, resolution.sources.read), context)
        shared = planner.shared()
        diagnostics.extend(shared.diagnostics)
        patches = _patches(one.spec)
        left_out = frozenset(kept.get(number, ()))
        objects = resolution.objects[number]
        parts = (left_out, objects, patches, Holder.of(one, resolution.sources.texts, diagnostics))
        front = Front(one, context, planner, shared.assignments, *parts)
        fronts.append(front)
    if diagnostics.has_errors:
        for front in fronts:
            diagnostics.extend(front.planner.at(front.planner.names()).diagnostics)
    diagnostics.raise_errors()
    return Workshop(tuple(fronts), resolution.templates, resolution.definitions)


def compile_tree(request: Request, diagnostics: Diagnostics) -> Tree:
    """The finished, checked tree; a pure function of spec, templates and lock.

    Raises:
        CompileError: with everything that the stage that failed found.
    """
    return build_tree(prepare(request, diagnostics), diagnostics)


def build_tree(prepared: Prepared, diagnostics: Diagnostics) -> Tree:
    """The finished, checked tree of a spec that is ready to be built.

    Raises:
        CompileError: with everything that speaks against it.
    """
    workshop = prepared.workshop
    facts = workshop.facts
    found: dict[str, Directory] = {}
    summaries, counted = list[Summary](), list[Tally]()

    def take(built: Built) -> None:
        counted.extend(built.tallies)
        found.update({directory.unit.path: directory for directory in built.directories})
        summaries.extend(built.summaries)
        diagnostics.extend(built.diagnostics)

    kinds_seen: dict[int, dict[str, frozenset[str]]] = {}
    needs: dict[str, Need] = {}

    def build(batch: Batch) -> None:
        built = workshop.build(batch, facts)
        take(built)
        _add_kinds(kinds_seen.setdefault(batch.front, {}), built.kinds)
        add_needs(needs, built.needs)

    for batch in workshop.batches():
        build(batch)
    for batch in workshop.shared_batches(needs):
        build(batch)
    for number, front in enumerate(workshop.fronts):
        for cluster in front.context.clusters.values():
            units = sorted(d.unit for d in found.values() if d.unit.target == cluster.target)
            if units:
                take(workshop.gitops(front, cluster, units, facts))
        report_unused(front.patches, kinds_seen.get(number, {}), diagnostics)
    check_across(summaries, facts, diagnostics)
    workshop.hold_across(counted, diagnostics)
    diagnostics.raise_errors()
    return Tree(dict(sorted(found.items())))


def compile_and_write(
    request: Request | Resolution, wishes: Wishes, diagnostics: Diagnostics
) -> Outcome:
    """Compile and reach the goal: write the output, or compare it with what is there.

    Raises:
        CompileError: anything that speaks against it; then nothing was changed.
    """
    resolution = request if isinstance(request, Resolution) else resolve_all(request, diagnostics)
    check_only(resolution.environments, wishes.only, diagnostics)
    cache = _cache(resolution, wishes) if wishes.cache else None
    kept: dict[int, dict[str, Kept]] = {}
    if cache is not None:
        for number, one in enumerate(resolution.environments):
            kept[number] = cache.find(one, list(one.sites))
    try:
        outcome = _reach(resolution, wishes, cache, kept, diagnostics, whole=False)
    except SameNameError:
        outcome = _reach(resolution, wishes, cache, {}, diagnostics, whole=True)
    if wishes.only and not outcome.directories:
        names = ", ".join(sorted(wishes.only))
        diagnostics.add(fleet_codes.UNKNOWN_ONLY, f"--only {names} selects no directory", None)
        diagnostics.raise_errors()
    return outcome


def _reach(
    resolution: Resolution,
    wishes: Wishes,
    cache: UnitCache | None,
    kept: Mapping[int, Mapping[str, Kept]],
    diagnostics: Diagnostics,
    *,
    whole: bool,
) -> Outcome:
    workshop = plan_all(resolution, kept, diagnostics)
    used = [
        entry
        for number, sites in kept.items()
        for site, entry in sites.items()
        if workshop.plan(number).leaves_out(site)
    ]
    known = {p: row.known for p, row in cache.store.rows.items()} if cache else {}
    options = WriteOptions(
        exchange=KernelExchange(),
        overwrite=wishes.overwrite,
        allow_deletes=wishes.allow_deletes,
        moved=tuple((entry.from_, entry.to) for entry in resolution.spec.moved),
        roots=roots(workshop),
        partial=bool(wishes.only),
        known=known,
        parse=parse_object,
        immutable=violations,
    )
    only = wishes.only | workshop.sites_of(wishes.only, diagnostics)
    goal = Goal(wishes.out, options, wishes.compare, only, wishes.progress, wishes.against)
    sites = sum(len(one.sites) for one in resolution.environments)
    processes = wishes.processes if sites >= FEW_SITES else 1
    return produce(workshop, goal, processes, diagnostics, cache, used, whole=whole)


def _cache(resolution: Resolution, wishes: Wishes) -> UnitCache | None:
    # A user's own objects and patches may join directories that are otherwise closed.
    if wishes.only or any(resolution.objects) or resolution.spec.patches:
        return None
    digests = resolution.templates.source.digests()
    return UnitCache.open(wishes.out, resolution.sources, digests, _table(resolution.spec))


def _table(spec: Spec) -> str:
    """The name of the table of sites, as its text is known by; empty where there is none."""
    span = spec.fleet.span_of("sites_from")
    if spec.fleet.sites_from is None or span is None:
        return ""
    return str(PurePosixPath(span.file).parent / spec.fleet.sites_from)


def vocabularies() -> Mapping[str, Sequence[str]]:
    """The words that exist for servers, backends and formats of datasets."""
    words = {"servers": tuple(servers.BY_NAME), "backends": KNOWN}
    return {**words, "formats": datasets.FORMATS}


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


def _mapping(given: Any) -> Map:
    return given if isinstance(given, Map) else Map(given)


def _objects(spec: Spec, sources: Sources) -> Objects:
    found = []
    for entry in spec.objects:
        span = entry.span_of("from_")
        if span is not None:
            found.append((entry, _mappings(sources, entry.from_, span)))
    return tuple(found)


def _definitions(spec: Spec, sources: Sources) -> tuple[Mapping[str, Any], ...]:
    found: list[Mapping[str, Any]] = []
    for index, path in enumerate(spec.schemas):
        span = spec.span_of("schemas", index)
        if span is not None:
            found += _mappings(sources, path, span)
    return tuple(found)


def _mappings(sources: Sources, path: str, span: Span) -> list[Map]:
    """The objects in a file that the spec names; any other document is reported."""
    documents = sources.parse(span.file, path, span)
    for document in documents:
        if not isinstance(document.data, Map | None):
            sources.diagnostics.add(
                text_codes.NOT_A_MAPPING,
                f"a document of {path} is no object: it holds a list or a single value",
                document.marks.span,
                "write apiVersion, kind and metadata, or delete the document",
            )
    return [document.data for document in documents if isinstance(document.data, Map)]


def _patches(spec: Spec) -> tuple[PatchRule, ...]:
    return tuple(
        PatchRule(p.job, p.kind, p.patch, p.span_of("patch"), p.name or "") for p in spec.patches
    )


def _add_kinds(seen: dict[str, frozenset[str]], more: Mapping[str, frozenset[str]]) -> None:
    for subject, names in more.items():
        seen[subject] = seen.get(subject, frozenset()) | names
