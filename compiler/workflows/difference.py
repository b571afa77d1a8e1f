"""What the work tree's spec changes against a base: two outputs, compared by meaning.

The base's output is the committed one where it is there and its ledgers vouch for it, else its
spec is compiled from a copy of its own. Writes no output, and touches no index and no branch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

from compiler import pipeline
from compiler.adapters.outputs import FolderOutput, RevisionOutput, is_output
from compiler.caching import FOLDER
from compiler.model.changes import Comparison, Place
from compiler.model.codes import git as codes
from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.hashing import sha256
from compiler.model.ledger import LEDGER_FILE, parse_ledger
from compiler.model.ports import Output
from compiler.model.record import dataclass
from compiler.model.site_fit import disk_of
from compiler.pipeline import Request, Resolution, Wishes
from compiler.stages.compare.compare import Ground, compare
from compiler.stages.load import shown
from compiler.stages.render.skeleton import parse_object
from compiler.stages.write.hand import HandedOutput
from compiler.workflows.bases import Found, base_spec, find
from compiler.workflows.causes import with_causes
from compiler.workflows.standing import policies, standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to compare. `base` is a revision or a folder; empty for the merge base."""

    base: str
    request: Request
    wishes: Wishes


@dataclass(frozen=True, slots=True)
class _Base:
    """The base's output, and the texts of its spec where it has one."""

    output: Output
    texts: Mapping[str, str] | None = None


def difference(asked: Asked, diagnostics: Diagnostics) -> Comparison:
    """Everything that the change does.

    Raises:
        CompileError: a spec is wrong, or Git cannot say what the base is.
    """
    root = asked.request.root
    if is_output(root):
        found = find(asked.base, root, root, diagnostics)
        before = found.output or _compiled_base(found, asked, None, None, diagnostics).output
        compared = compare(before, FolderOutput.of(root), parse_object)
        return replace(compared, base=found.name, head=str(root))
    resolution = pipeline.resolve_all(asked.request, diagnostics)
    found = find(asked.base, root, asked.wishes.out, diagnostics)
    committed = _within(found.output, resolution) if found.output else HandedOutput.nothing()
    after = _compiled(resolution, asked.wishes, committed, diagnostics)
    base = _base(committed, after, found, asked, resolution, diagnostics)
    moved = tuple((entry.from_, entry.to) for entry in resolution.spec.moved)
    compared = compare(base.output, after, parse_object, moved, _grounds(resolution))
    compared = replace(
        compared,
        base=found.name,
        head=f"the work tree's {root}",
        overridden=resolution.templates.source.overridden(),
        labels=_labels(compared, resolution),
    )
    compared = replace(compared, policies=policies(resolution))
    if touched := compared.models:
        stood = (one for one in standings(resolution) if one.model in touched)
        compared = replace(compared, gates=tuple(stood))
    return with_causes(compared, resolution, base.texts, base.output, after)


def _grounds(resolution: Resolution) -> dict[tuple[str, str], Ground]:
    """How large the disks of all sites are."""
    return {
        (one.environment, name): Ground(*disk_of(site.profile))
        for one in resolution.environments
        for name, site in one.sites.items()
    }


def _labels(found: Comparison, resolution: Resolution) -> dict[Place, Mapping[str, str]]:
    """The labels of every site that anything changes at."""
    sites = {one.environment: one.sites for one in resolution.environments}
    places = {place for row in found.rows for place in row.places if place.site}
    return {
        place: sites[place.environment][place.site].labels
        for place in sorted(places)
        if place.site in sites.get(place.environment, ())
    }


def _compiled(
    resolution: Resolution, wishes: Wishes, known: Output, diagnostics: Diagnostics
) -> HandedOutput:
    cached = wishes.cache and (wishes.out.absolute().parent / FOLDER).is_dir()
    wishes = replace(wishes, against=known.files, cache=cached)
    outcome = pipeline.compile_and_write(resolution, wishes, diagnostics)
    return HandedOutput(outcome.handed, known)


def _base(
    committed: Output,
    after: Output,
    found: Found,
    asked: Asked,
    resolution: Resolution,
    diagnostics: Diagnostics,
) -> _Base:
    """What is committed, and of environments that have nothing there what their spec makes."""
    if not _vouched(committed, after, found, diagnostics):
        committed = HandedOutput.nothing()
    project = resolution.spec.project.name
    there = {path.split("/", 2)[1] for path in committed.files}
    missing = {one.environment for one in resolution.environments} - there
    if not missing:
        return _Base(committed, found.texts())
    compiled = _compiled_base(found, asked, missing if there else None, after, diagnostics)
    if not there:
        return compiled
    # An environment that the base has no spec for either is new: its project may be too.
    own = {p: i for p, i in compiled.output.files.items() if p.split("/", 2)[0] == project}
    return _Base(_Joined(committed, compiled.output, {**committed.files, **own}), compiled.texts)


@dataclass(frozen=True, slots=True)
class _Joined:
    """Two outputs of different environments as one."""

    first: Output
    second: Output
    files: Mapping[str, str]

    def read(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some files."""
        mine = [path for path in paths if path in self.first.files]
        rest = [path for path in paths if path not in self.first.files]
        return {**self.first.read(mine), **self.second.read(rest)}


def _compiled_base(
    found: Found,
    asked: Asked,
    environments: Set[str] | None,
    known: Output | None,
    diagnostics: Diagnostics,
) -> _Base:
    """The base's spec, compiled; what it warns of is nobody's business any more."""
    with tempfile.TemporaryDirectory(prefix="edgewright-") as made:
        request = base_spec(found, asked.request, Path(made), diagnostics)
        if request is None:
            return _Base(HandedOutput.nothing(), found.texts())
        own = Diagnostics()
        try:
            resolution = _chosen(pipeline.resolve_all(request, own), environments)
            if not resolution.environments:
                return _Base(HandedOutput.nothing(), found.texts())
            wishes = replace(asked.wishes, cache=False)
            output = _compiled(resolution, wishes, known or HandedOutput.nothing(), own)
        except CompileError as error:
            first = next(d for d in error.diagnostics if d.severity.value == "error")
            diagnostics.fail(
                codes.NO_BASE_OUTPUT,
                f"the spec of {found.name} does not compile: {first.code.id} {first.message}",
                hint="compare with a revision that compiles, or with a folder of output",
            )
    return _Base(output, _renamed(resolution.sources.texts, request.root, asked.request.root))


def _chosen(resolution: Resolution, environments: Set[str] | None) -> Resolution:
    """A resolution of some of its environments; None for all."""
    if environments is None:
        return resolution
    pairs = zip(resolution.environments, resolution.objects, strict=True)
    kept = [(one, objects) for one, objects in pairs if one.environment in environments]
    return replace(
        resolution,
        environments=tuple(one for one, _ in kept),
        objects=tuple(objects for _, objects in kept),
    )


def _renamed(texts: Mapping[str, str], before: Path, root: Path) -> dict[str, str]:
    """Texts of the base by the names that the work tree's have."""
    old, new = shown(before), shown(root)
    return {
        new + name.removeprefix(old) if name.startswith(old) else name: text
        for name, text in texts.items()
    }


def _vouched(committed: Output, after: Output, found: Found, diagnostics: Diagnostics) -> bool:
    """Whether ledgers name everything in a committed output that differs from the new one."""
    files, later = committed.files, after.files
    differing = [
        path for path in files if path.endswith(".yaml") and files[path] != later.get(path)
    ]
    folders = {path.rpartition("/")[0] for path in differing}
    ledgers = [path for folder in folders if (path := f"{folder}/{LEDGER_FILE}") in files]
    known: dict[str, tuple[str, ...]] = {}
    for path, data in committed.read(ledgers).items():
        folder = path.rpartition("/")[0]
        digests = parse_ledger(data).digests
        known |= {f"{folder}/{name}": mine for name, mine in digests.items()}
    for path, data in committed.read(differing).items():
        if sha256(data) not in known.get(path, ()):
            message = f"{path} of {found.name} is not what its ledger says"
            diagnostics.add(codes.EDITED_BASE, message)
            return False
    return True


def _within(output: FolderOutput | RevisionOutput, resolution: Resolution) -> Output:
    """The part of an output that a spec owns: what its environments had, those gone included."""
    project = f"{resolution.spec.project.name}/"
    chosen = tuple(f"{project}{one.environment}/" for one in resolution.environments)
    whole = len(chosen) >= len(resolution.spec.environments)
    mine = (project,) if whole else chosen
    return replace(output, files={p: i for p, i in output.files.items() if p.startswith(mine)})
