"""Sedna's Models and Datasets: what a member's inputs are called and where Sedna finds them.

No controller of Sedna watches a Model, so one is never edited in place: its name ends in a hash
of what it says, and whoever uses it changes with it. Nothing here is fetched or verified;
Sedna's own download knows no digest.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from compiler.model.backend import EmitContext
from compiler.model.fleet import Cluster
from compiler.model.inputs import Artifact, HostData, Input, Location, Port, Slot
from compiler.model.manifest import Draft, Origin
from compiler.model.names import LABEL_LIMIT, name, short_hash, with_suffix
from compiler.model.plan import Node, Share
from compiler.model.sync import FIRST

MODEL_SCHEMES = ("s3", "http", "https")
"""What Sedna's storage initializer downloads; without a scheme a URL is a path on the host."""

DATA_SCHEMES = ("s3",)
"""What Sedna's local controller reads and writes besides a path on the host."""

_HOST = "host:"


class Inputs:
    """Collects the Models and Datasets of one node; the same input becomes one object.

    `site` is empty where the node spans several.
    """

    def __init__(self, node: Node, cluster: Cluster, context: EmitContext, site: str) -> None:
        self._node = node
        self._unit = context.inputs_unit(cluster, node.job)
        self._origin = Origin(f"jobs.{node.job}", site, node.span)
        self._common = {
            "namespace": context.namespace,
            "labels": labels(context, node, site),
            # Argo CD syncs inputs and job as one Application; Flux waits for the inputs' unit.
            "annotations": dict(FIRST) if cluster.gitops.engine == "argocd" else {},
        }
        self._drafts: dict[str, Draft] = {}

    def model(self, given: Input) -> str:
        """The name of the Model of an input."""
        facts = {"url": url(given), "format": model_format(given), "secret": read_secret(given)}
        bytes_ = given.sha256 if isinstance(given, Artifact) else ""
        return self._add("sedna/model.yaml.j2", given_name(given), facts, bytes_)

    def dataset(self, share: Share, host: str) -> str:
        """The name of the Dataset of a share that is read on `host`."""
        facts = {
            "url": url(share.input),
            "format": share.format,
            "node_name": host,
            "secret": read_secret(share.input),
        }
        # Other bytes at the same place are no other Dataset: it is meant to grow.
        return self._add("sedna/dataset.yaml.j2", share.name, facts)

    def drafts(self) -> tuple[Draft, ...]:
        """The drafts of everything that was named, in the order of naming."""
        return tuple(self._drafts.values())

    def _add(self, template: str, base: str, facts: Mapping[str, Any], bytes_: str = "") -> str:
        digest = short_hash(f"{template} {sorted(facts.items())} {bytes_}")
        own = with_suffix(name(self._node.name, base), digest, LABEL_LIMIT)
        values = {"name": own, **self._common, **facts}
        self._drafts[own] = Draft(self._unit, self._origin, template, values)
        return own


def problem(given: Input) -> tuple[str, str] | None:
    """Why Sedna cannot read a model, and what would help; None where it can."""
    if not isinstance(given, Artifact | HostData):
        return f"Sedna reads no {type(given).__name__.lower()} here", "name a version of the model"
    found = scheme(url(given))
    if found and found not in MODEL_SCHEMES:
        known = ", ".join(MODEL_SCHEMES)
        return f"Sedna cannot read {found}:// addresses here", f"it reads {known}"
    if isinstance(given, Artifact) and given.unpack:
        return (
            f"Sedna unpacks {given.unpack} archives but hands the worker the archive's old path",
            "store the file unpacked, or use backend: kubernetes",
        )
    if not model_format(given):
        return f"Sedna needs the format of {given.name}", "give its file an extension such as .pb"
    return None


def labels(context: EmitContext, node: Node, site: str) -> dict[str, str]:
    """The labels of an object of Sedna's, of one site or (empty) of several."""
    found = {
        "app.kubernetes.io/part-of": context.project,
        "app.kubernetes.io/managed-by": "edgewright",
        "edgewright.io/project": context.project,
        "edgewright.io/environment": context.environment,
        "edgewright.io/job": node.job,
    }
    return {**found, "edgewright.io/site": site} if site else found


def url(given: Input) -> str:
    """Where Sedna finds an input: a URL, or an absolute path on the host."""
    if isinstance(given, HostData):
        return given.path
    return location_url(given.location) if isinstance(given, Artifact | Slot) else ""


def location_url(location: Location) -> str:
    """A location as Sedna writes it: `host:/path` is a bare path."""
    return location.url.removeprefix(_HOST)


def scheme(text: str) -> str:
    """The scheme of a URL; empty for a path on the host."""
    before, found, _ = text.partition("://")
    return before.lower() if found else ""


def model_format(given: Input) -> str:
    """The `format` that Sedna compares with what training reports: a file extension."""
    stated = given.format if isinstance(given, HostData | Slot) else ""
    extension = posixpath.splitext(url(given))[1].removeprefix(".")
    framework = given.framework if isinstance(given, Artifact) else ""
    return stated or extension or framework


def read_secret(given: Input) -> str:
    """The Secret that Sedna reads an input with, or the empty text."""
    if isinstance(given, Artifact):
        return given.location.read_secret
    return given.location.write_secret if isinstance(given, Slot) else ""


def given_name(given: Input) -> str:
    """The name of an input; a version and a variant tell two of one name apart."""
    if isinstance(given, Artifact):
        return name(given.name, given.version, given.variant)
    return f"{given.step}-{given.name}" if isinstance(given, Port) else given.name
