"""What backends draft and the render stage makes of it: units, drafts, objects, the tree.

A *write unit* is one directory of the output; a *draft* is a template with its values; an
*object* is the Kubernetes object that came out, with its final name, text and file. Nothing
here renders or writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from compiler.model.diagnostics import Span
from compiler.model.record import dataclass


class UnitRole(StrEnum):
    """The directory of a cluster's output that a unit lies in."""

    ROOT = "root"
    APPS = "apps"
    BOOTSTRAP = "bootstrap"
    BASE = "base"
    INPUTS = "inputs"
    JOBS = "jobs"
    SITES = "sites"
    SHARDS = "shards"


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One directory of the output, replaced as a whole.

    `target` is `<project>/<environment>/<cluster>`, with `/<site>` where each site is a
    cluster of its own. `name` is the job (inputs, jobs), the site (sites) or the two-digit
    shard (shards), and empty for the rest.
    """

    target: str
    role: UnitRole
    name: str = ""

    @property
    def path(self) -> str:
        """The directory relative to the output folder, with forward slashes."""
        parts = (self.target, self.role.value, self.name)
        return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Origin:
    """Why an object exists: the part of the spec it came from, the site, and the line.

    `subject` is a dotted spec path such as `jobs.watch-shelves` or `fleet.clusters.hub`.
    `span` never reaches the output: a moved line must not touch a file.
    """

    subject: str
    site: str = ""
    span: Span | None = field(default=None, compare=False)

    @property
    def header(self) -> str:
        """The comment line at the top of a generated file, without a line break."""
        where = f" @ {self.site}" if self.site else ""
        return f"# edgewright: {self.subject}{where}, do not edit"


class Naming(StrEnum):
    """How an object gets its final name."""

    FIXED = "fixed"
    """The template's `metadata.name` is the name."""
    CONTENT = "content"
    """`metadata.name` plus `-` and eight hex digits of the sha256 of the final content."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Stands in a draft's values for the final name of another draft of the same unit."""

    key: str


@dataclass(frozen=True, slots=True)
class Draft:
    """One object to be rendered: `template` is a path below `templates/`, `values` its holes.

    `values` holds only dicts with string keys, lists, tuples, strings, ints, floats, bools,
    None and `Reference`. `key` names the draft for references (unique within the unit, empty
    when nothing refers to it). `raw` is set instead of template and values for an object that
    the user wrote (`objects:`): a mapping that is taken as it is.
    """

    unit: Unit
    origin: Origin
    template: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    naming: Naming = Naming.FIXED
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two objects the same object to an API server."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Object:
    """A rendered object: parsed data, final text (header line included) and file name."""

    unit: Unit
    origin: Origin
    data: Mapping[str, Any]
    text: str
    file: str
    template: str = ""

    @property
    def identity(self) -> Identity:
        """Group, kind, namespace and name, as the text has them."""
        group, _, _ = str(self.data.get("apiVersion", "")).rpartition("/")
        metadata = self.data.get("metadata") or {}
        return Identity(
            group,
            str(self.data.get("kind", "")),
            str(metadata.get("namespace", "")),
            str(metadata.get("name", "")),
        )


@dataclass(frozen=True, slots=True)
class Directory:
    """A rendered write unit: its objects in file order, and every file's bytes by name.

    `files` includes `kustomization.yaml` and `.edgewright.ledger`.
    """

    unit: Unit
    objects: tuple[Object, ...]
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Tree:
    """The whole output: directories by path, sorted."""

    directories: Mapping[str, Directory]
