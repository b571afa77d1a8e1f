"""Flux's objects for one cluster: what an admin applies once, and a Kustomization per unit.

`root/` holds the GitRepository (only this cluster's directory is checked out) and a
Kustomization that reconciles `apps/`. A unit waits for `bootstrap` and for the inputs that it
uses by `dependsOn`, and for nothing else, so that a broken unit stops no other.

Reasons for what the templates hold:

* Deletion happens through Git alone: the root has `deletionPolicy: Orphan`, so losing it stops
  nothing; a unit that leaves `apps/` is deleted by the root and takes its objects along
  (`MirrorPrune`). `bootstrap` is never pruned and orphans its objects.
* The root does not wait for its units: a health check that waits holds up the next revision,
  and one broken site would hold up all others for its timeout.
* A health check keeps one of the controller's workers (four, unless `--concurrent` says more)
  and keeps its unit from the next revision until it ends. A site without power must not do that
  to the others for long, so a unit that nothing waits for gives up after a minute (a shard after
  three) and is looked at again two minutes later; what is being rolled out slowly is told from
  what is broken then.
  With `wait: false` such a unit waits for nothing, which a fleet of sites that come and go needs.
* There is no `postBuild`. Without it Flux substitutes nothing, so `${VAR}` in a rendered script
  is safe and no object needs `kustomize.toolkit.fluxcd.io/substitute: disabled`.
* The expressions of health checks are evaluated with the object's top-level fields as variables;
  naming `status` where the object has none is an error that counts as "not ready". `_WRITTEN`
  therefore stands before every mention: it is false until someone wrote the status, and CEL
  does not look at what follows.
* Sedna's own conditions say `Failed` for healthy services and never take it back, so a
  JointInferenceService counts as healthy once it exists; its Deployments tell more. Of an
  IncrementalLearningJob the last condition counts.

Secrets are named, never read. Nothing here renders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.manifest import Draft, UnitRole
from compiler.model.sync import (
    FAILED_PHASES,
    IN_PROGRESS_PHASES,
    GitopsContext,
)

NAMESPACE = "flux-system"
"""Where Flux lives; a Kustomization reads sources of its own namespace."""


def drafts(context: GitopsContext) -> Iterator[Draft]:
    """Every object of `root/` and `apps/` of one cluster whose engine is flux."""
    yield _repository(context)
    yield _root(context)
    yield from _kustomizations(context)


def check(context: GitopsContext, diagnostics: Diagnostics) -> None:
    """Report what Flux cannot express: a repository address that it does not read."""
    url = context.cluster.repository.url
    if not _ADDRESS.match(source_url(url)):
        diagnostics.add(
            codes.REPOSITORY_URL,
            f"cluster {context.cluster.name} is reconciled by Flux, which cannot read the "
            f"repository address {url!r}; it must begin with https://, http:// or ssh://",
            context.cluster.span,
            hint="write the address as https://HOST/PATH.git or ssh://USER@HOST/PATH.git",
        )


def source_url(url: str) -> str:
    """The repository's address as Flux reads it: `user@host:path` becomes an `ssh://` URL."""
    return _SHORT.sub(r"ssh://\1/\2", url)


_ADDRESS = re.compile(r"(?:https?|ssh)://.")
_SHORT = re.compile(r"^([^/:@\s]+@[^/:\s]+):/?([^/].*)$")


def _repository(context: GitopsContext) -> Draft:
    repository = context.cluster.repository
    values = {
        "name": context.name,
        "namespace": NAMESPACE,
        "labels": context.labels(),
        "url": source_url(repository.url),
        "branch": repository.branch,
        "secret": repository.secret,
        "directory": context.in_repository(context.cluster.target),
    }
    return Draft(context.root, context.origin(), "flux/git-repository.yaml.j2", values)


def _root(context: GitopsContext) -> Draft:
    values = {
        "name": context.root_name,
        "namespace": NAMESPACE,
        "labels": context.labels(),
        "service_account": context.service_account,
        "path": _path(context, context.apps.path),
        "source": context.name,
    }
    return Draft(context.root, context.origin(), "flux/root.yaml.j2", values)


def _kustomizations(context: GitopsContext) -> Iterator[Draft]:
    source = context.name
    checks = _health_checks(context)
    for unit in context.units:
        waits = context.cluster.gitops.wait or unit.role in _AWAITED
        values = {
            "name": unit.name,
            "namespace": NAMESPACE,
            "labels": context.labels(unit),
            "timeout": _TIMEOUTS.get(unit.role, _BRIEF),
            "wait": waits,
            "prune": unit.disposable,
            "deletion_policy": "MirrorPrune" if unit.disposable else "Orphan",
            "service_account": context.service_account,
            "path": _path(context, unit.paths[0]),
            "source": source,
            "depends_on": list(unit.depends_on),
            "health_checks": checks if waits and unit.role in _CHECKED else [],
        }
        site = unit.subject if unit.role is UnitRole.SITES else ""
        yield Draft(context.apps, context.origin(site), "flux/kustomization.yaml.j2", values)


_AWAITED = {UnitRole.BOOTSTRAP, UnitRole.INPUTS}
"""Roles that other units depend on."""

_BRIEF = "1m"
_TIMEOUTS = {UnitRole.SHARDS: "3m", **dict.fromkeys(_AWAITED, "5m")}
"""How long a unit may take to be applied and healthy: longer where others wait for it, and for the
hundreds of objects of a shard, which take a busy controller a minute to look at."""

_CHECKED = {UnitRole.BASE, UnitRole.JOBS, UnitRole.SITES, UnitRole.SHARDS}
"""Roles whose units can hold records or Sedna jobs; inputs have no status worth waiting for."""

_WRITTEN = (
    "has(metadata.managedFields) && metadata.managedFields"
    ".exists(f, has(f.subresource) && f.subresource == 'status')"
)
_LAST = "status.conditions[size(status.conditions) - 1]"


def _health_checks(context: GitopsContext) -> list[dict[str, str]]:
    found = [_record_check(kind) for kind in ("Dataset", "InferenceModel", "TrainingModel")]
    return found + _SEDNA_CHECKS if "sedna" in context.cluster.provides else found


def _record_check(kind: str) -> dict[str, str]:
    phase = f"{_WRITTEN} && has(status.phase) && status.phase in "
    in_progress, failed = _list(IN_PROGRESS_PHASES), _list(FAILED_PHASES)
    return {
        "api_version": "edgewright.io/v1alpha1",
        "kind": kind,
        "in_progress": phase + in_progress,
        "failed": phase + failed,
        "current": "true",
    }


_SEDNA_CHECKS = [
    {
        "api_version": "sedna.io/v1alpha1",
        "kind": "IncrementalLearningJob",
        "in_progress": "",
        "failed": f"{_WRITTEN} && has(status.conditions) && size(status.conditions) > 0"
        f" && {_LAST}.type == 'Failed' && {_LAST}.status == 'True'",
        "current": "true",
    },
    {
        "api_version": "sedna.io/v1alpha1",
        "kind": "JointInferenceService",
        "in_progress": "",
        "failed": "",
        "current": "true",
    },
]


def _list(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{word}'" for word in words) + "]"


def _path(context: GitopsContext, path: str) -> str:
    return f"./{context.in_repository(path)}"
