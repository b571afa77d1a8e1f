"""Where one generated file, or one line of it, comes from: spec, template, lock, site and job.

Compiles the directory of the file again and runs its template with marks; no source map is
stored anywhere. Reads the file on disk only to say whether it is what the spec makes today.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from compiler.model.diagnostics import Span
from compiler.model.fleet import Cluster
from compiler.model.ledger import LEDGER_FILE
from compiler.model.lock import Lock
from compiler.model.manifest import Directory, Draft, Object, UnitRole
from compiler.model.record import dataclass
from compiler.model.suggest import nearest
from compiler.pipeline import Prepared
from compiler.stages.render.trace import TraceLine, trace
from compiler.workflows.spec_lines import spec_span, value_path
from compiler.workshop import Batch, Front, Workshop, needs_of

ROLES = tuple(role.value for role in UnitRole)
WIDTH = 120
STEP = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]")
"""One step of a value's path: a name, an index, or a key in quotes."""
DERIVED = {
    "kustomization.yaml": "lists the files of its directory; kustomize reads it",
    LEDGER_FILE: "says which files of its directory edgewright owns, with their sha256",
}


class NoSuchFileError(Exception):
    """Nothing that the spec makes has this name; the text says what is near."""


def file_facts(prepared: Prepared, path: str, line: int) -> dict[str, Any]:
    """Where a generated file comes from; `line` counts from 1, and 0 stands for the whole file.

    Raises:
        NoSuchFileError: the spec makes no such file, or the file has no such line.
    """
    place = _Place.of(prepared, path)
    workshop = _Watched.of(prepared.workshop)
    directory = _directory(workshop, place)
    if place.file in DERIVED and place.file in directory.files:
        return {"file": path, "derived": DERIVED[place.file]}
    one = next((one for one in directory.objects if one.file == place.file), None)
    if one is None:
        raise NoSuchFileError(_nothing(path, place.file, [o.file for o in directory.objects]))
    lines = one.text.rstrip("\n").split("\n")
    if line > len(lines):
        raise NoSuchFileError(f"{path} has {len(lines)} lines; there is no line {line}")
    facts = {**_object(one), "file": path, "stale": _stale(path, one.text)}
    where = _spec(prepared, place.front, one, line)
    facts["spec"] = _at(where, prepared.sources.line(where.file, where.line)) if where else None
    facts |= _template(workshop, one, line)
    facts["lock"] = list(_lock(place.front, one, lines[line - 1] if line else one.text))
    if line:
        facts |= {"line": line, "text": lines[line - 1], "key": value_path(one.text, line)}
    return facts


def render(facts: Mapping[str, Any]) -> str:
    """The facts as lines for a terminal."""
    if "derived" in facts:
        return f"{facts['file']}\n  derived: {facts['derived']}\n"
    lines = [f"{facts['file']}:{facts['line']}" if "line" in facts else facts["file"]]
    if "line" in facts:
        lines.append(f"  {_cut(facts['text'].strip())}")
    if facts["stale"]:
        lines.append(f"  {facts['stale']}")
    lines.append("")
    site = f" at site {facts['site']}" if facts["site"] else ""
    rows = [("object", facts["object"]), ("from", f"{facts['subject']}{site}")]
    rows += [("key", facts["key"])] if facts.get("key") else []
    if facts["spec"]:
        rows.append(("spec", f"{facts['spec']['file']}:{facts['spec']['line']}"))
        rows.append(("", _cut(facts["spec"]["source"].strip())))
    rows.append(("template", facts["template"]))
    rows += [("value", facts["value"])] if facts.get("value") else []
    rows += [("lock", f"{entry['at']}  {entry['entry']}") for entry in facts["lock"]]
    return "\n".join([*lines, *(f"  {name:<9} {text}".rstrip() for name, text in rows)]) + "\n"


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


@dataclass(frozen=True, slots=True)
class _Place:
    """A file of the output: the environment, and the directory's path below the output."""

    front: Front
    number: int
    cluster: Cluster
    directory: str
    role: str
    name: str
    file: str

    @classmethod
    def of(cls, prepared: Prepared, path: str) -> _Place:
        """Read a path from its end, so that the output folder may be called anything."""
        *above, file = PurePosixPath(path).parts
        for number, front in enumerate(prepared.workshop.fronts):
            for cluster in front.context.clusters.values():
                target = PurePosixPath(cluster.target).parts
                for start in range(len(above) - len(target)):
                    below = above[start + len(target) :]
                    if tuple(above[start : start + len(target)]) == target and below[0] in ROLES:
                        name = below[1] if len(below) > 1 else ""
                        directory = "/".join(above[start:])
                        return cls(front, number, cluster, directory, below[0], name, file)
        targets = [c.target for f in prepared.workshop.fronts for c in f.context.clusters.values()]
        raise NoSuchFileError(
            f"{path} is not below any directory of this spec's output: "
            f"OUTPUT/{' or OUTPUT/'.join(targets[:4])}; name the spec's folder after the file"
        )


class _Watched(Workshop):
    """A workshop that keeps every draft that it renders, each told apart by its own origin."""

    seen: list[Draft]

    @classmethod
    def of(cls, workshop: Workshop) -> _Watched:
        made = cls(workshop.fronts, workshop.templates, workshop.definitions)
        made.seen = []
        return made

    def finish(self, front: Front, drafts: list[Draft], *rest: Any) -> Any:
        # Two drafts of one job and site have equal origins; a copy makes each its own.
        mine = [replace(draft, origin=replace(draft.origin)) for draft in drafts]
        self.seen += mine
        return super().finish(front, mine, *rest)


def _directory(workshop: _Watched, place: _Place) -> Directory:
    """Build as little as holds the directory."""
    found = {one.unit.path: one for one in _built(workshop, place)}
    if place.directory not in found:
        near = nearest(place.directory, {*found, *_site_directories(place)})
        hint = f" Did you mean {near}?" if near else ""
        raise NoSuchFileError(f"the spec makes no directory {place.directory}.{hint}")
    return found[place.directory]


def _site_directories(place: _Place) -> Iterator[str]:
    above = place.directory.rpartition("/")[0]
    if place.role == UnitRole.SITES:
        yield from (f"{above}/{site}" for site in place.front.context.sites)


def _built(workshop: _Watched, place: _Place) -> Iterator[Directory]:
    facts = workshop.facts
    sites = workshop.plan(place.number).sites
    if place.role == UnitRole.SITES and place.name in sites:
        yield from workshop.build(Batch(place.number, (place.name,)), facts).directories
        return
    needs = needs_of(place.front.assignments, place.front.context)
    built = workshop.build(Batch(place.number, (), needs), facts)
    yield from built.directories
    if place.role in (UnitRole.ROOT, UnitRole.APPS, UnitRole.SHARDS):
        cluster_of = place.front.context.cluster_of
        batches = [Batch(place.number, (s,)) for s in sites if cluster_of(s) == place.cluster]
        units = [one.unit for one in built.directories if one.unit.target == place.cluster.target]
        for batch in batches:
            units += [one.unit for one in workshop.build(batch, facts).directories]
        yield from workshop.gitops(place.front, place.cluster, sorted(units), facts).directories


def _object(one: Object) -> dict[str, Any]:
    return {
        "object": str(one.identity),
        "subject": one.origin.subject,
        "site": one.origin.site,
    }


def _spec(prepared: Prepared, front: Front, one: Object, line: int) -> Span | None:
    found = spec_span(front, one, line) if line else None
    if found is not None:
        return found
    return one.origin.span or prepared.sources.data.marks.at(one.origin.subject.split("."))


def _template(workshop: _Watched, one: Object, line: int) -> dict[str, Any]:
    """The template's line for the line, and the path of the value that fills it."""
    if not one.template:
        return {"template": "none: the author's own object"}
    file = workshop.templates.get(one.template).file
    draft = next(draft for draft in workshop.seen if draft.origin is one.origin)
    if not line:
        return {"template": file}
    found: TraceLine = trace(draft, workshop.templates, one.text)[line - 1]
    if not found.template or not _has(draft.values, found.path):
        return {"template": f"not {file}: the header, or a patch"}
    return {"template": f"{file}:{found.template}", "value": found.path}


def _has(values: Any, path: str) -> bool:
    """Whether a path leads to a value: below a hole, a patch adds what no value holds."""
    for name, index, key in STEP.findall(path):
        step = name or (int(index) if index else key)
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _lock(front: Front, one: Object, text: str) -> Iterator[dict[str, str]]:
    """Entries whose digest stands in the text, and the rollouts of the object's job."""
    lock = front.resolved.lock
    if lock is None:
        return
    environment = front.context.environment
    job = one.origin.subject.removeprefix("jobs.")
    for section in ("artifacts", "images", "rollouts", "targets", "datasets"):
        for name, entry in lock.of(environment, section).items():
            digest = getattr(entry, "sha256", "") or getattr(entry, "digest", "")
            rolls = section == "rollouts" and name.partition("/")[0] == job and text == one.text
            if rolls or (digest and digest in text):
                yield _entry(lock, environment, section, name)


def _entry(lock: Lock, environment: str, section: str, name: str) -> dict[str, str]:
    span = lock.span(environment, section, name)
    at = f"{span.file}:{span.line}" if span else ""
    return {"at": at, "entry": f"{environment}.{section}.{name}"}


def _stale(path: str, text: str) -> str:
    try:
        there = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return "the file is not there: this is what the spec makes"
    same = there == text
    return "" if same else "the file differs from what the spec makes now; line numbers are of that"


def _at(span: Span, source: str) -> dict[str, Any]:
    return {"file": span.file, "line": span.line, "column": span.column, "source": source}


def _nothing(path: str, file: str, files: list[str]) -> str:
    near = nearest(file, files)
    hint = f"Did you mean {near}?" if near else f"Its files: {', '.join(files[:12])}"
    return f"the spec makes no file {path}. {hint}"
