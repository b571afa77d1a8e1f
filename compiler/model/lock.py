"""The lock: what every name of the spec stands for, as data, and how its file reads and writes.

A file is flat: `lock: 1`, then one block per entry under the key
`<environment>.<section>.<name>`, sorted, blocks parted by a blank line, so that two branches
merge by plain Git and one entry can be bumped by its key. This module fetches nothing and
decides nothing: it does not know whether the spec has moved past an entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from pydantic import Field, ValidationError

from compiler.model import emit
from compiler.model.codes import lock as codes
from compiler.model.diagnostics import Diagnostics, Related, Span
from compiler.model.marks import Marks
from compiler.model.record import dataclass
from compiler.model.spec.base import SpecModel, key_of
from compiler.model.suggest import did_you_mean

VERSION = 1
FILE = "edgewright.lock"
HEAD = f"lock: {VERSION}\n"
"""The first block of the file."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ImageDigest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]

Problem = Annotated[str, Field(pattern=r"^[a-z-]+: [0-9]+$")]


class LockedChunks(SpecModel):
    """Digests of equal parts: `count` parts of `size` bytes, the last one shorter.

    `root` is the sha256 of their binary digests in order. The list itself lies beside the bytes.
    """

    size: Annotated[int, Field(ge=65_536)]
    count: Annotated[int, Field(ge=1)]
    root: Digest


class LockedManifest(SpecModel):
    """The list of a prefix's files that lies beside it: its bytes, and how many lines it has."""

    size: Annotated[int, Field(ge=1)]
    entries: Annotated[int, Field(ge=1)]


class LockedArtifact(SpecModel):
    """The bytes behind one variant of one version.

    `sha256` and `size` (bytes) are of the stored file, `unpacked` bytes and `files` of its
    content. Of a prefix, `sha256` is its manifest's and `size` the sum of its files.
    `serve_version` rises with every new digest of a model and is never used again. `etag` is what
    the store called this state of the bytes; equal means that nothing has to be read again.
    """

    uri: str
    sha256: Digest
    size: Annotated[int, Field(ge=0)] | None = None
    unpacked: Annotated[int, Field(ge=0)] | None = None
    files: Annotated[int, Field(ge=0)] | None = None
    chunks: LockedChunks | None = None
    manifest: LockedManifest | None = None
    etag: str | None = None
    version_id: str | None = None
    serve_version: Annotated[int, Field(ge=1)] | None = None


class LockedImage(SpecModel):
    """An image reference's index digest and the platforms (`linux/arm64`) that it covers."""

    digest: ImageDigest
    platforms: tuple[str, ...] = ()


class LockedRollout(SpecModel):
    """How far a job is from one version of a model to the next; `step` counts from 0.

    Once the rollout is over `from` is `to`, and `was` says what sites had before it. Where sites
    were brought back to `to`, so that `from` is the version that was left, `was` is `to`.
    """

    from_: str
    to: str
    step: Annotated[int, Field(ge=0)]
    was: str | None = None


class LockedTarget(SpecModel):
    """The version that a `select:` chose, why, and why each other one was not.

    `value` is what decided, measured as the keys beside it say.
    """

    version: str
    reason: str = ""
    metric: str = ""
    value: str = ""
    dataset: str = ""
    split: str = ""
    profile: str = ""
    rejected: Mapping[str, str] = Field(default_factory=dict)


class LockedDataset(SpecModel):
    """What was counted in one version of a dataset; `problems` are kinds with their number.

    `counted_as` stands for the declaration that it was counted by: format, classes, splits.
    """

    digest: Digest
    samples: Annotated[int, Field(ge=0)]
    classes: Mapping[str, int] = Field(default_factory=dict)
    splits: Mapping[str, int] = Field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    counted_as: str | None = None


SECTIONS: Mapping[str, type[SpecModel]] = {
    "artifacts": LockedArtifact,
    "datasets": LockedDataset,
    "images": LockedImage,
    "rollouts": LockedRollout,
    "targets": LockedTarget,
}


@dataclass(frozen=True, slots=True)
class Lock:
    """Every entry by environment, section and name; `spans` gives the line of its key.

    Names: `models/NAME:VERSION`, with `/VARIANT` for a variant; `code/NAME`;
    `datasets/NAME:VERSION`; an image reference; `JOB/MODEL` for a rollout; a model for a target;
    `NAME:VERSION` for a counted dataset.
    """

    entries: Mapping[tuple[str, str, str], SpecModel] = field(default_factory=dict)
    spans: Mapping[tuple[str, str, str], Span] = field(default_factory=dict)

    def artifact(self, environment: str, name: str) -> LockedArtifact | None:
        """Return the artifact's entry, or None."""
        found = self.entries.get((environment, "artifacts", name))
        return found if isinstance(found, LockedArtifact) else None

    def image(self, environment: str, reference: str) -> LockedImage | None:
        """Return the image's entry, or None."""
        found = self.entries.get((environment, "images", reference))
        return found if isinstance(found, LockedImage) else None

    def rollout(self, environment: str, job: str, model: str) -> LockedRollout | None:
        """Return the state of the rollout of a model in a job, or None."""
        found = self.entries.get((environment, "rollouts", f"{job}/{model}"))
        return found if isinstance(found, LockedRollout) else None

    def target(self, environment: str, model: str) -> LockedTarget | None:
        """Return what a selection chose, or None."""
        found = self.entries.get((environment, "targets", model))
        return found if isinstance(found, LockedTarget) else None

    def dataset(self, environment: str, name: str) -> LockedDataset | None:
        """Return what was counted in `NAME:VERSION`, or None."""
        found = self.entries.get((environment, "datasets", name))
        return found if isinstance(found, LockedDataset) else None

    def span(self, environment: str, section: str, name: str) -> Span | None:
        """Return the line of an entry."""
        return self.spans.get((environment, section, name))

    def of(self, environment: str, section: str) -> dict[str, SpecModel]:
        """Return the entries of one section of an environment by name."""
        return {
            name: entry
            for (where, which, name), entry in self.entries.items()
            if (where, which) == (environment, section)
        }


def read(data: Mapping[str, Any], marks: Marks, diagnostics: Diagnostics) -> Lock:
    """Turn the parsed file into a Lock; every bad entry is reported and left out."""
    if data.get("lock") != VERSION:
        at = marks.value_span("lock") if "lock" in data else marks.span
        diagnostics.add(
            codes.LOCK_VERSION,
            f"lock is {data.get('lock')!r}; this compiler reads {VERSION}",
            at,
            f"write lock: {VERSION} at the top, or compile with the release that wrote the file",
        )
    entries: dict[tuple[str, str, str], SpecModel] = {}
    spans: dict[tuple[str, str, str], Span] = {}
    for key, value in data.items():
        if key == "lock":
            continue
        place = _place(key, marks.key_span(key), diagnostics)
        if place is None:
            continue
        entry = _entry(place[1], key, value, marks, diagnostics)
        if entry is not None:
            entries[place] = entry
            spans[place] = marks.key_span(key)
    return Lock(entries, spans)


def check_numbers(lock: Lock, environment: str, diagnostics: Diagnostics) -> None:
    """Report a serveVersion that two digests of one model have."""
    seen: dict[tuple[str, int], tuple[str, str]] = {}
    for name, entry in sorted(lock.of(environment, "artifacts").items()):
        if not isinstance(entry, LockedArtifact) or entry.serve_version is None:
            continue
        key = (name.partition(":")[0], entry.serve_version)
        first, digest = seen.setdefault(key, (name, entry.sha256))
        if digest == entry.sha256:
            continue
        other = lock.span(environment, "artifacts", first)
        diagnostics.add(
            codes.SERVE_VERSION_TWICE,
            f"{first} and {name} both have serveVersion {entry.serve_version}",
            lock.span(environment, "artifacts", name),
            "run `edgewright lock --repair`",
            (Related(other, "first used here"),) if other else (),
        )


def dump(lock: Lock) -> str:
    """Return the text of the file: sorted blocks, one blank line between them."""
    return "\n".join([HEAD, *(block(place, lock.entries[place]) for place in sorted(lock.entries))])


def block(place: tuple[str, str, str], entry: SpecModel) -> str:
    """Return the text of one entry."""
    body = entry.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    fields = {key: list(v) if isinstance(v, tuple) else v for key, v in sorted(body.items())}
    return emit.dump({".".join(place): fields})


def _place(key: str, span: Span, diagnostics: Diagnostics) -> tuple[str, str, str] | None:
    environment, _, rest = key.partition(".")
    section, _, name = rest.partition(".")
    if not environment or not name:
        diagnostics.add(
            codes.LOCK_KEY,
            f"{key} is not <environment>.<section>.<name>",
            span,
            "run `edgewright lock --repair`, or delete the entry",
        )
        return None
    if section not in SECTIONS:
        diagnostics.add(
            codes.LOCK_KEY,
            f"{section} is not a section of the lock; there are {', '.join(SECTIONS)}",
            span,
            did_you_mean(section, SECTIONS),
        )
        return None
    return environment, section, name


def _entry(
    section: str, key: str, value: Any, marks: Marks, diagnostics: Diagnostics
) -> SpecModel | None:
    try:
        return SECTIONS[section].model_validate(value)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            path = [str(part) for part in problem["loc"]]
            field_name = ".".join(path) or "the entry"
            diagnostics.add(
                codes.LOCK_ENTRY,
                f"{field_name} of {key}: {_words(problem, SECTIONS[section])}",
                marks.at((key, *path)),
                "run `edgewright lock --repair`, or restore the entry from Git",
            )
        return None


def _words(problem: Any, model: type[SpecModel]) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "string_pattern_mismatch" and "{64}" not in context["pattern"]:
        return "not a kind of problem and its number, such as empty-box: 3"
    if kind == "string_pattern_mismatch":
        prefix = "sha256: and " if "sha256:" in context["pattern"] else ""
        return f"not {prefix}64 lower-case hexadecimal digits"
    if kind == "extra_forbidden":
        return f"no key here; there are {', '.join(map(key_of, model.model_fields))}"
    if kind == "missing":
        return "missing"
    if kind == "greater_than_equal":
        return f"below {context['ge']}"
    return f"{problem['msg'][:1].lower()}{problem['msg'][1:]}"
