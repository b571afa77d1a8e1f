"""Milliseconds to check an object, against cached `jsonschema` validators in the same run.

    python tests/bench/bench_check.py [objects]

Every object is distinct. The check includes loading and compiling schemas, pruning, names,
references and fit; the rival only validates, with the same strict schemas, loaded before.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import jsonschema

from compiler.model.diagnostics import Diagnostics
from compiler.model.manifest import Directory, Unit, UnitRole
from compiler.stages.check.check import check, check_across
from compiler.stages.check.schemas import Judge, Schemas
from tests.stages.check import objects as make

OWN_KIND = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "models.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"kind": "Record", "plural": "records"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"model": {"type": "string"}},
                                "x-kubernetes-validations": [{"rule": "has(self.model)"}],
                            }
                        },
                    }
                },
            }
        ],
    },
}


def main(count: int) -> None:
    """Print what each way takes for each object."""
    sites = [make.site(f"store-{n}", [f"edge-{n}"]) for n in range(count // 8 + 1)]
    facts = make.facts(*sites, definitions=(OWN_KIND,))
    tree = [directory(site.name) for site in sites]
    total = sum(len(one.objects) for one in tree)
    diagnostics = Diagnostics()
    start = time.perf_counter()
    summaries = check(tree, facts)
    middle = time.perf_counter()
    check_across(summaries, facts, diagnostics)
    end = time.perf_counter()
    if diagnostics.found:
        raise SystemExit(str(diagnostics.in_order()[:3]))
    rival = jsonschema_time(tree)
    print(f"{total:,} distinct objects, {os.cpu_count()} cores, one process")
    print(f"  edgewright   {(end - start) / total * 1000:.4f} ms an object "
          f"({middle - start:.2f} s directories, {end - middle:.2f} s across)")  # fmt: skip
    print(f"  jsonschema   {rival / total * 1000:.4f} ms an object, validation only")
    print(f"  ratio        {rival / (end - start):.1f} x")


def directory(site: str) -> Directory:
    """Eight objects of one site."""
    unit = Unit(make.TARGET, UnitRole.SITES, site)
    return make.directory(*(make.obj(data, site=site) for data in objects(site)), unit=unit)


def objects(site: str) -> Iterator[dict[str, Any]]:
    """A Deployment as edges have it, and what goes with it."""
    name = f"watch-{site}"
    mount = [{"name": "config", "mountPath": "/etc/app"}, {"name": "cache", "mountPath": "/cache"}]
    env = [{"name": "SITE", "value": site}, {"name": "LANG", "value": "de"}]
    web = make.container("web", env=env, volumeMounts=mount)
    sidecar = make.container("sidecar", volumeMounts=mount, ports=[], restartPolicy="Always")
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": site.replace("store", "edge")},
        "automountServiceAccountToken": False,
        "initContainers": [sidecar],
        "tolerations": [{"key": "node.kubernetes.io/unreachable", "operator": "Exists"}],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [
            {"name": "config", "configMap": {"name": name}},
            {"name": "cache", "hostPath": {"path": "/var/lib/x", "type": "DirectoryOrCreate"}},
        ],
    }
    yield make.deployment(name, web, **pod)
    yield make.service(name)
    yield make.config_map(name, data={"app.yaml": f"site: {site}\n" * 20})
    yield make.config_map(f"{name}-sidecar", data={"config.json": f'{{"site": "{site}"}}' * 20})
    yield make.model(f"small-{site}")
    yield make.model(f"big-{site}")
    yield {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {
            "interval": "10m", "prune": True, "path": f"./{site}",
            "sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "elsewhere"},
        },
    }  # fmt: skip
    yield {
        "apiVersion": "example.com/v1",
        "kind": "Record",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"model": site},
    }


def jsonschema_time(tree: list[Directory]) -> float:
    """Seconds that prepared `jsonschema` validators take for the same objects."""
    schemas = Schemas((OWN_KIND,))
    validators: dict[tuple[str, str], Any] = {}
    everything = [one.data for directory in tree for one in directory.objects]
    for data in everything:
        judge = schemas.judge(("1.34",), data["apiVersion"], data["kind"])
        assert isinstance(judge, Judge)
        key = (data["apiVersion"], data["kind"])
        if key not in validators:
            validators[key] = jsonschema.Draft202012Validator(judge.forms[0].schema)
    start = time.perf_counter()
    if not all(validators[(d["apiVersion"], d["kind"])].is_valid(d) for d in everything):
        raise SystemExit("the rival refuses an object")
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6000)
