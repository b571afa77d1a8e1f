"""Which line of the spec, or of its lock, made each row of a comparison.

Asks, for the file that stands for a row, where its changed lines come from, and looks among these
places for a line that the change touched. Builds nothing and judges nothing; a row whose line is
not found keeps none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace

from compiler.model.changes import Comparison, Effect, Row
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.manifest import Object, Origin, Unit, UnitRole
from compiler.model.ports import Output
from compiler.model.record import dataclass
from compiler.pipeline import Resolution, plan_all
from compiler.stages.compare.pairs import split
from compiler.stages.render.skeleton import parse_object
from compiler.workflows.spec_lines import spec_span
from compiler.workshop import Front, Planned

TRACED = 60
"""Rows whose line is looked for; a comparison with more is read as a whole."""
_LINES = 12
"""Changed lines of a file that are asked about."""
_SECTIONS = ("artifacts", "images", "rollouts", "targets", "datasets")
_AROUND = ("overrides", "environments", "stores", "reports", "sidecar", "project", "patches")
"""Parts of a spec that can change any object, asked last."""


def with_causes(
    found: Comparison,
    resolution: Resolution,
    texts: Mapping[str, str] | None,
    old: Output,
    new: Output,
) -> Comparison:
    """The comparison with the line of each row; `texts` are the base's, None where unknown."""
    if not found.rows:
        return found
    changed = changed_lines(texts, resolution.sources.texts) if texts is not None else {}
    fronts = plan_all(resolution, {}, Diagnostics()).fronts
    gone = _gone(texts or {}, resolution.sources.texts)
    finder = _Finder(resolution, fronts, changed, gone, texts is not None, old, new)
    rows = [
        replace(row, cause=finder.cause(row)) if number < TRACED else row
        for number, row in enumerate(found.rows)
    ]
    return replace(found, rows=tuple(rows))


def changed_lines(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """The lines of each file that are not in its older text, by number from 1."""
    found = {}
    for name, text in new.items():
        lines, before = text.splitlines(), old.get(name, "").splitlines()
        if lines == before:
            continue
        left = Counter(before)
        numbers = []
        for number, line in enumerate(lines, 1):
            if left[line]:
                left[line] -= 1
            elif line.strip():
                numbers.append(number)
        if numbers:
            found[name] = tuple(numbers)
    return found


def _gone(old: Mapping[str, str], new: Mapping[str, str]) -> int:
    """How many lines of the older texts are in the newer ones no more."""
    return sum(
        (Counter(text.splitlines()) - Counter(new.get(name, "").splitlines())).total()
        for name, text in old.items()
    )


@dataclass(slots=True)
class _Finder:
    resolution: Resolution
    fronts: Sequence[Front]
    changed: Mapping[str, tuple[int, ...]]
    gone: int
    known: bool
    old: Output
    new: Output
    narrow: dict[tuple[int, str], Front] = field(default_factory=dict)

    def cause(self, row: Row) -> Span | None:
        """The touched line, else the place itself where the base's spec is not known."""
        if row.effect in (Effect.REMOVED, Effect.DATA_LOSS) or row.example not in self.new.files:
            return self._only()
        near, around = self._candidates(row)
        for span in near:
            if found := self._touched(span):
                return found
        for span in around:
            # What may change any object says of one only where nothing else of it changed.
            if found := self._touched(span, alone=True):
                return found
        if self.known:
            return self._only()
        return next(iter((*near, *around)), None)

    def _only(self) -> Span | None:
        """The one line that the change touched, where it touched one and took away no other."""
        lines = [(name, line) for name, numbers in self.changed.items() for line in numbers]
        return self._span(*lines[0]) if len(lines) == 1 and self.gone <= 1 else None

    def _touched(self, span: Span, *, alone: bool = False) -> Span | None:
        """The first changed line of the block that begins at a place, or the only one."""
        numbers = self.changed.get(span.file, ())
        end = _end(self.resolution.sources.texts.get(span.file, "").splitlines(), span)
        inside = [line for line in numbers if span.line <= line <= end]
        if not inside or (alone and len(inside) > 1):
            return None
        return span if inside[0] == span.line else self._span(span.file, inside[0])

    def _span(self, file: str, line: int) -> Span:
        text = self.resolution.sources.line(file, line)
        return Span(file, line, len(text) - len(text.lstrip()) + 1)

    def _candidates(self, row: Row) -> tuple[list[Span], list[Span]]:
        """Places that make just this row, the most telling first, and such that make many."""
        directory, _, file = row.example.rpartition("/")
        target, role, name = split(directory)
        front = self._front(target, row)
        if front is None:
            return [], []
        texts = self.new.read([row.example])[row.example].decode("utf-8", "replace")
        place = row.places[0]
        unit = Unit(target, UnitRole(role), name)
        one = Object(unit, Origin(row.subject, place.site), parse_object(texts), texts, file)
        spec = one.data.get("spec")
        recorded = [str(spec["model"])] if isinstance(spec, dict) and spec.get("model") else []
        near = list(self._named(row, front, recorded))
        spans = (spec_span(front, one, line) for line in self._lines(row.example, texts))
        near += filter(None, spans)
        near.append(self.resolution.sources.data.marks.at(row.subject.split(".")))
        return near, list(self._around(row, front, place.site))

    def _front(self, target: str, row: Row) -> Front | None:
        """The front of a cluster, narrowed to the row's site: planning the rest takes long."""
        site = row.places[0].site
        for number, front in enumerate(self.fronts):
            if all(cluster.target != target for cluster in front.context.clusters.values()):
                continue
            if (number, site) not in self.narrow:
                here = site if site in front.planner.names() else ""
                own = front.planner.at((here,)).assignments if here else ()
                shared = (*front.shared, *own)
                self.narrow[number, site] = replace(front, shared=shared, planner=_Nobody())
            return self.narrow[number, site]
        return None

    def _lines(self, path: str, text: str) -> Iterator[int]:
        before = Counter(self._before(path).splitlines())
        lines = text.splitlines()
        fresh = [number for number, line in enumerate(lines, 1) if not before[line]]
        yield from fresh[:_LINES]

    def _before(self, path: str) -> str:
        if path not in self.old.files:
            return ""
        return self.old.read([path])[path].decode("utf-8", "replace")

    def _named(self, row: Row, front: Front, recorded: Sequence[str]) -> Iterator[Span]:
        """Where the models that the row's fields name are chosen: the lock, then the spec."""
        marks = self.resolution.sources.data.marks
        job = row.subject.removeprefix("jobs.")
        lock, environment = front.resolved.lock, front.context.environment
        names = [one.path.partition(" ")[2] for one in row.fields if one.path.startswith("model ")]
        names += recorded
        if lock is not None:
            for section in _SECTIONS:
                for name in lock.of(environment, section):
                    if name.partition("/")[0] in (job, *names):
                        yield from filter(None, [lock.span(environment, section, name)])
        for name in names:
            yield marks.at(("models", name, "target"))
            yield marks.at(("models", name))

    def _around(self, row: Row, front: Front, site: str) -> Iterator[Span]:
        marks = self.resolution.sources.data.marks
        if site in front.context.sites:
            one = front.context.sites[site]
            yield from filter(None, [one.span])
            yield marks.at(("fleet", "profiles", one.profile.name))
            yield marks.at(("fleet", "clusters", one.cluster.partition("/")[0]))
        for name in _AROUND:
            if marks.entry(name) is not None:
                yield marks.at((name,))
        yield marks.at(("fleet",))
        for job in row.subject, "models":
            yield marks.at(job.split("."))


class _Nobody:
    """A planner of no site."""

    def names(self) -> tuple[str, ...]:
        return ()

    def at(self, sites: Sequence[str]) -> Planned:
        del sites
        return Planned(())


def _end(lines: Sequence[str], span: Span) -> int:
    """The last line of the block that begins at a place: those below are not further out."""
    last = span.line
    for number in range(span.line + 1, len(lines) + 1):
        text = lines[number - 1]
        if text.strip() and len(text) - len(text.lstrip()) < span.column - 1:
            break
        last = number
    return last
