"""Judges every rendered object before it is written, as the API server and the fleet would.

`check` looks at directories one by one and touches nothing outside them, so that processes can
share the work; `check_across` looks at what they left for the whole cluster and reports all
faults. Immutable fields and deletions need the older tree and are not judged here, nor are the
answers of admission webhooks, quotas, the keys inside a ConfigMap that is referred to, ports of
hosts for pods that are bound to a site of several hosts, and the pods that Argo Workflows,
KServe and Trainer make.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import islice
from typing import Any

from compiler.model.codes import check as codes
from compiler.model.contract import held
from compiler.model.diagnostics import Diagnostics
from compiler.model.figures import Figures
from compiler.model.fleet import Cluster, Site
from compiler.model.layout import CONFIG_FILE
from compiler.model.manifest import Directory, Identity, Object
from compiler.model.record import dataclass
from compiler.model.tenants import Placed, placed
from compiler.stages.check import across
from compiler.stages.check.contract import check_contract
from compiler.stages.check.holding import check_disks
from compiler.stages.check.kinds import check_kind
from compiler.stages.check.loading import check_workers
from compiler.stages.check.marks import Duplicate, unmarked, walk
from compiler.stages.check.names import check_annotations, check_labels, check_names
from compiler.stages.check.pods import (
    Template,
    check_selector,
    check_template,
    pods_of,
    templates,
)
from compiler.stages.check.references import references, scale, selection, service_ports
from compiler.stages.check.resources import check_resources
from compiler.stages.check.schemas import (
    Form,
    Judge,
    Refusal,
    Schemas,
    definition_problem,
    given,
    pod_forms,
    version_refusal,
)
from compiler.stages.check.summary import Finding, Pods, Reference, Scale, Selection, Summary
from compiler.stages.check.volumes import check_volumes
from compiler.stages.check.words import Wrong, describe, path_text

__all__ = ["CheckFacts", "Summary", "check", "check_across", "definitions_in", "settled"]

_NOBODY = Identity("", "", "", "")
_FAULTS_SHOWN = 40
"""Faults reported of one object by the validator; a wholly foreign object would have thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFacts:
    """What the objects are judged against.

    `clusters` are by target path and `sites` by name. `definitions` are parsed
    CustomResourceDefinitions, ours and those of `schemas:`; ones that lie in the checked
    directories themselves are found without being named. `assumed` exist in the cluster
    although no output has them. `figures` tell of each environment what spec and lock say of
    artifacts.
    """

    clusters: Mapping[str, Cluster]
    sites: Mapping[str, Site]
    definitions: tuple[Mapping[str, Any], ...] = ()
    assumed: frozenset[Identity] = frozenset()
    figures: Mapping[str, Figures] = field(default_factory=dict)


def check(directories: Sequence[Directory], facts: CheckFacts) -> tuple[Summary, ...]:
    """One summary for each directory, in order, with everything that is wrong inside it.

    Raises:
        KeyError: a directory's target is none of `facts.clusters`: a fault of the caller.
    """
    found = definitions_in(directories)
    schemas = Schemas((*facts.definitions, *found)) if found else given(facts.definitions)
    return tuple(_directory(directory, facts, schemas) for directory in directories)


def check_across(summaries: Sequence[Summary], facts: CheckFacts, diagnostics: Diagnostics) -> None:
    """Record every fault of `summaries` and of the clusters that they make up together."""
    for definition, problem in given(facts.definitions).problems:
        name = (definition.get("metadata") or {}).get("name", "a definition without a name")
        marks = getattr(definition, "marks", None)
        diagnostics.add(codes.DEFINITION, f"{name} {problem}", marks.span if marks else None)
    across.report(summaries, facts.clusters, facts.sites, facts.assumed, diagnostics)
    check_disks(summaries, facts.sites, facts.figures, diagnostics)
    check_workers(summaries, facts.sites, facts.figures, diagnostics)


def settled(summaries: Sequence[Summary], facts: CheckFacts) -> bool:
    """Whether nothing outside these sites' directories can change what is to say of them.

    True only where there is nothing to say: no finding, every reference and selection is met
    among them, and every pod is bound to a host of their own, on which it fits. What remains to
    be judged of them elsewhere is that no other directory has an object of the same name.
    """
    if any(summary.findings or not _bound(summary) for summary in summaries):
        return False
    own = {summary.unit.name: facts.sites[summary.unit.name] for summary in summaries}
    found = Diagnostics()
    across.report(summaries, facts.clusters, own, facts.assumed, found)
    check_disks(summaries, own, facts.figures, found)
    check_workers(summaries, own, facts.figures, found)
    return not found.found


def _bound(summary: Summary) -> bool:
    return all(pods.node and not pods.daemon for pods in summary.pods)


def definitions_in(directories: Sequence[Directory]) -> tuple[Mapping[str, Any], ...]:
    """The CustomResourceDefinitions among the objects of directories, as parsed."""
    return tuple(
        one.data
        for directory in directories
        for one in directory.objects
        if one.data.get("kind") == "CustomResourceDefinition"
    )


@dataclass(slots=True)
class _Work:
    """What judges one directory, and what it adds up to while its objects are read."""

    versions: tuple[str, ...]
    schemas: Schemas
    figures: Mapping[str, Figures]
    findings: list[Finding] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    pods: list[Pods] = field(default_factory=list)
    scales: list[Scale] = field(default_factory=list)
    services: dict[tuple[str, str], tuple[str | int, ...]] = field(default_factory=dict)
    tenants: list[Placed] = field(default_factory=list)


def _directory(directory: Directory, facts: CheckFacts, schemas: Schemas) -> Summary:
    versions = tuple(facts.clusters[directory.unit.target].kubernetes)
    usable = version_refusal(versions) is None
    found = _Work(versions, schemas, facts.figures)
    identities = tuple(_identity(one) for one in directory.objects)
    for number, one in enumerate(directory.objects):
        if usable:
            _object(number, one, identities[number], found)
    return Summary(
        unit=directory.unit,
        origins=tuple(one.origin for one in directory.objects),
        files=tuple(one.file for one in directory.objects),
        raw=tuple(not one.template for one in directory.objects),
        identities=identities,
        findings=tuple(found.findings),
        references=tuple(found.references),
        selections=tuple(found.selections),
        pods=tuple(found.pods),
        scales=tuple(found.scales),
        services=found.services,
        tenants=tuple(found.tenants),
    )


def _object(number: int, one: Object, identity: Identity, found: _Work) -> None:
    data, (group, kind) = one.data, (identity.group, identity.kind)
    api_version = data.get("apiVersion")
    if not isinstance(api_version, str) or not kind or not _named(data):
        found.findings.append(Finding(number, _incomplete(data)))
        return
    judge = found.schemas.judge(found.versions, api_version, kind)
    if isinstance(judge, Refusal):
        found.findings.append(Finding(number, Wrong(judge.code, judge.text, judge.hint)))
        return
    wrong = list(_shape(judge, data, kind))
    sound = not wrong
    if kind == "CustomResourceDefinition" and (problem := definition_problem(data)):
        wrong.append(Wrong(codes.DEFINITION, f"the definition {problem}"))
    wrong.extend(check_names(group, kind, data, one.text, judge.namespaced))
    if sound:
        if kind == "ConfigMap" and not group:
            wrong.extend(_config(data, found))
        wrong.extend(check_kind(group, kind, data))
        pods = templates(group, kind, data)
        wrong.extend(_pods(group, kind, data, pods, found.versions))
        _collect(number, identity, data, pods, found)
    found.findings.extend(Finding(number, each) for each in wrong)


def _config(data: Mapping[str, Any], found: _Work) -> list[Wrong]:
    """What is wrong with a sidecar's config; one that is sound is a tenant of its host."""
    document = held(data)
    if document is None:
        return []
    wrong = list(check_contract(document, len(data["data"][CONFIG_FILE].encode())))
    if not wrong:
        found.tenants.append(placed(document, found.figures.get(document["node"]["environment"])))
    return wrong


def _identity(one: Object) -> Identity:
    metadata = one.data.get("metadata")
    # An author's own file can hold anything there.
    return one.identity if isinstance(metadata, Mapping) else _NOBODY


def _named(data: Mapping[str, Any]) -> bool:
    metadata = data.get("metadata")
    return isinstance(metadata, Mapping) and bool(metadata.get("name"))


def _incomplete(data: Mapping[str, Any]) -> Wrong:
    metadata = data.get("metadata")
    named = isinstance(metadata, dict) and metadata.get("name")
    missing = [key for key in ("apiVersion", "kind") if not isinstance(data.get(key), str)]
    missing += [] if named else ["metadata.name"]
    generated = isinstance(metadata, dict) and "generateName" in metadata
    hint = "generateName cannot be applied from Git; write a name." if generated else ""
    return Wrong(codes.NO_KIND, f"the object has no {', '.join(missing)}", hint)


def _shape(judge: Judge, data: Mapping[str, Any], kind: str) -> Iterator[Wrong]:
    if "status" in data:
        yield Wrong(codes.STATUS_WRITTEN, "status is written by the cluster; leave it out")
    seen: set[Wrong] = set()
    for form in judge.forms:
        for wrong in _against(form, data, f"{kind} ({form.versions})", ()):
            if wrong not in seen and wrong.code is not codes.STATUS_WRITTEN:
                seen.add(wrong)
                yield wrong


def _against(form: Form, data: Any, kind: str, below: tuple[str | int, ...]) -> Iterator[Wrong]:
    try:
        sound = form.validator.is_valid(data)
        errors = [] if sound else list(islice(form.validator.iter_errors(data), _FAULTS_SHOWN))
    except ValueError:
        yield Wrong(codes.WRONG_TYPE, _strange(data, below))
        return
    for error in errors:
        yield from describe(error, form.schema, data, kind, below)
    if not sound or unmarked(form.mark, data):
        return
    for mark in walk(form.mark, data, below):
        where = path_text(mark.path)
        if isinstance(mark, Duplicate):
            text = f"{where} has the {mark.key} of entry {mark.first} of the same list"
            yield Wrong(codes.DUPLICATE_ENTRY, text)
        else:
            words = mark.rule.message or f"the rule {mark.rule.text}"
            text = f"{where} breaks a rule of {kind}: {words}"
            hint = f"The rule is {mark.rule.text}" if mark.rule.message else ""
            yield Wrong(codes.RULE_BROKEN, text, hint)


def _strange(data: Any, path: tuple[str | int, ...] = ()) -> str:
    """Where a parsed object holds what JSON cannot: a key that is no text, or an odd number."""
    below: list[tuple[Any, Any]] = []
    if isinstance(data, dict):
        for key in data:
            if not isinstance(key, str):
                return f"{path_text(path)} has the key {key!r}, which must be a text in quotes"
        below = list(data.items())
    elif isinstance(data, list):
        below = list(enumerate(data))
    elif isinstance(data, float) and not math.isfinite(data):
        return f"{path_text(path)} is no number that JSON knows"
    found = (_strange(value, (*path, key)) for key, value in below)
    return next((text for text in found if text), "")


def _pods(
    group: str,
    kind: str,
    data: Mapping[str, Any],
    pods: Sequence[Template],
    versions: tuple[str, ...],
) -> Iterator[Wrong]:
    for template in pods:
        if "." in group:
            # A controller makes these pods later, where nobody sees the refusal.
            for form in pod_forms(versions):
                yield from _against(form, template.spec, f"a pod ({form.versions})", template.path)
        yield from check_template(template, _claims(kind, data))
        yield from check_volumes(template)
        yield from check_resources(template.containers)
        yield from check_selector(kind, data, template)
        above = (*template.path[:-1], "metadata")
        yield from check_labels(template.labels, (*above, "labels"))
        yield from check_annotations(template.annotations, (*above, "annotations"))


def _claims(kind: str, data: Mapping[str, Any]) -> frozenset[str]:
    if kind != "StatefulSet":
        return frozenset()
    claims = (data.get("spec") or {}).get("volumeClaimTemplates") or ()
    return frozenset(str((claim.get("metadata") or {}).get("name")) for claim in claims)


def _collect(
    number: int, identity: Identity, data: Mapping[str, Any], pods: list[Template], found: _Work
) -> None:
    group, kind = identity.group, identity.kind
    found.pods.extend(pods_of(number, kind, data, template) for template in pods)
    found.references.extend(references(number, group, kind, data, pods))
    if (chosen := selection(number, group, kind, data)) is not None:
        found.selections.append(chosen)
    if (group, kind) == ("", "Service"):
        found.services[(identity.namespace, identity.name)] = service_ports(data)
    elif (group, kind) == ("autoscaling", "HorizontalPodAutoscaler"):
        found.scales.append(scale(data))
