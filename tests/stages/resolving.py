"""The front half of the compiler over a text: for tests of resolution, planning and lowering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler import backends, lowerings
from compiler.kinds import REGISTRY
from compiler.model import lock as locks
from compiler.model import source
from compiler.model.backend import Assignment, EmitContext
from compiler.model.diagnostics import Diagnostic, Diagnostics, Span
from compiler.model.lock import Lock
from compiler.model.marks import Map
from compiler.model.merge import overlay
from compiler.model.plan import Node
from compiler.model.resolved import Resolved
from compiler.pipeline import vocabularies
from compiler.stages.draft import emit_context
from compiler.stages.lower import lower
from compiler.stages.plan.plan import plan
from compiler.stages.resolve.resolve import check_environments, environment_names, resolve
from compiler.stages.validate.validate import validate, validate_fragment

HEAD = "edgewright: v1\nproject: {name: shop}\nsidecar: {image: 'r.example.com/s:1', contract: 1}\n"
STORES = "stores: {main: {url: 's3://bucket', endpoint: 'https://s3.example.com'}}\n"
REPO = "repo: {url: 'https://git.example.com/f.git', branch: main, path: generated}"
FLEET = f"""fleet:
  clusters:
    hub: {{kubernetes: "1.32", provides: {{kubeedge: "1.23"}}, gitops: {{engine: argocd}}, {REPO}}}
  profiles:
    box: {{arch: amd64, cpu: 8, memory: 16Gi, disk: 64Gi}}
  sites:
    cloud: {{cluster: hub, layer: cloud, profile: box, hosts: {{cloud-a: {{}}}}}}
    north-1:
      {{cluster: hub, layer: edge, profile: box,
       hosts: {{north-1-a: {{}}}}, labels: {{region: north}}}}
    west-1:
      {{cluster: hub, layer: edge, profile: box,
       hosts: {{west-1-a: {{}}}}, labels: {{region: west}}}}
"""
MODELS = f"""models:
  detector:
    framework: onnx
    versions:
      "1": {{uri: "main:d/1.onnx", sha256: {"a" * 64}}}
      "2": {{uri: "main:d/2.onnx", sha256: {"b" * 64}}}
    target: "2"
"""
JOBS = """jobs:
  watch:
    kind: serve
    models: [detector]
    worker: {image: "r.example.com/ovms:1", server: ovms, env: {LEVEL: info}}
    place: {layer: edge}
"""
SHOP = HEAD + STORES + FLEET + MODELS + JOBS


@dataclass(frozen=True, slots=True)
class Front:
    """What the stages before drafting made of a text."""

    resolved: Resolved
    context: EmitContext
    nodes: tuple[Node, ...]
    assignments: tuple[Assignment, ...]
    found: tuple[Diagnostic, ...]

    @property
    def errors(self) -> list[Diagnostic]:
        """What speaks against the text."""
        return [d for d in self.found if d.code.id.startswith("E")]


def read_map(text: str, file: str = "spec.yaml") -> Map:
    """The mapping that a text holds; it must be good YAML."""
    diagnostics = Diagnostics()
    documents = source.parse(file, text, diagnostics)
    diagnostics.raise_errors()
    (document,) = documents
    assert isinstance(document.data, Map)
    return document.data


def read_lock(text: str, diagnostics: Diagnostics) -> Lock:
    """The lock that a text holds."""
    data = read_map(text, locks.FILE)
    return locks.read(data, data.marks, diagnostics)


def resolved(
    text: str, diagnostics: Diagnostics, environment: str = "default", lock: str = ""
) -> Resolved:
    """One environment of a text; what resolving finds is left in `diagnostics`."""
    data = read_map(text)
    spec = validate(data, REGISTRY, diagnostics, vocabularies=vocabularies())
    diagnostics.raise_errors()
    assert spec is not None
    entry = spec.environments.get(environment)
    if entry is not None and entry.set:
        data = overlay(data, Map(entry.set))
        spec = validate(data, REGISTRY, diagnostics, vocabularies=vocabularies())
        diagnostics.raise_errors()
        assert spec is not None

    def fragment(section: str, name: str, changed: object) -> object:
        return validate_fragment(
            section, name, changed, REGISTRY, diagnostics, vocabularies=vocabularies()
        )

    found = read_lock(lock, diagnostics) if lock else None
    return resolve(spec, data, environment, found, fragment, diagnostics)


def front(
    text: str,
    environment: str = "default",
    lock: str = "",
    files: Mapping[str, str] | None = None,
) -> Front:
    """Every stage up to lowering, whatever they find."""
    diagnostics = Diagnostics()
    one = resolved(text, diagnostics, environment, lock)

    def read(file: str, path: str, span: Span) -> str | None:
        del file, span
        return (files or {}).get(path)

    nodes = plan(one, REGISTRY, read, diagnostics)
    context = emit_context(one)
    there = {name: backends.backend(name) for name in backends.BACKENDS}
    assignments = lower(nodes, context, there, lowerings.lowerings(), diagnostics)
    return Front(one, context, nodes, assignments, diagnostics.in_order())


def environments(text: str) -> tuple[list[Resolved], tuple[Diagnostic, ...]]:
    """Every environment of a text, judged together."""
    diagnostics = Diagnostics()
    spec = validate(read_map(text), REGISTRY, Diagnostics(), vocabularies=vocabularies())
    assert spec is not None
    found = [resolved(text, diagnostics, name) for name in environment_names(spec)]
    check_environments(found, diagnostics)
    return found, diagnostics.in_order()


def said(found: tuple[Diagnostic, ...] | list[Diagnostic], code: str) -> Diagnostic:
    """The one finding with a code."""
    (one,) = [d for d in found if d.code.id == code]
    return one


def at_mark(text: str) -> tuple[str, Span]:
    """A text that marks one place with `§`, without the mark, and that place."""
    before, _, _ = text.partition("§")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return text.replace("§", ""), Span("spec.yaml", line, column)
