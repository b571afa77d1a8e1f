"""Rendering against its lower bounds, in one process; prints a table, asserts nothing.

Run it as `python tests/bench/bench_render.py [SITES]`.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from compiler.model import emit
from compiler.model.diagnostics import Diagnostics
from compiler.model.manifest import Draft, Naming, Origin, Reference, Unit, UnitRole
from compiler.stages.render.render import render
from compiler.stages.render.skeleton import json_text, plain_data
from compiler.stages.render.templates import Templates, TemplateSource

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ name }}
  namespace: {{ namespace }}
  labels: {{ labels }}
spec:
  replicas: {{ replicas }}
  selector:
    matchLabels: {{ selector }}
  strategy:
    type: Recreate
  template:
    metadata:
      labels: {{ labels }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      tolerations: {{ tolerations }}
      containers:
      {% for container in containers %}
      - name: {{ container.name }}
        image: {{ container.image }}
        {% if container.args %}
        args: {{ container.args }}
        {% endif %}
        env:
        {% for variable in container.env %}
        - name: {{ variable.name }}
          {% if variable.secret %}
          valueFrom:
            secretKeyRef: {name: {{ variable.secret }}, key: {{ variable.key }}}
          {% else %}
          value: {{ variable.value }}
          {% endif %}
        {% endfor %}
        ports:
        {% for port in container.ports %}
        - name: {{ port.name }}
          containerPort: {{ port.port }}
        {% endfor %}
        resources: {{ container.resources }}
        volumeMounts: {{ container.mounts }}
        securityContext:
          readOnlyRootFilesystem: true
          allowPrivilegeEscalation: false
          capabilities:
            drop: [ALL]
      {% endfor %}
      volumes: {{ volumes }}
"""
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ name }}
  namespace: {{ namespace }}
data:
  {% for entry in entries %}
  {{ entry.key }}: {{ entry.value }}
  {% endfor %}
"""


def drafts_of(sites: int) -> list[Draft]:
    """Seven drafts for each site: two Deployments and five ConfigMaps, one named by content."""
    return [draft for number in range(sites) for draft in site(f"store-{number:05}")]


def site(name: str) -> list[Draft]:
    unit, origin = Unit("shop/prod/hub", UnitRole.SITES, name), Origin("jobs.watch", name)
    deployments = [
        Draft(unit, origin, "deployment.yaml.j2", deployment(name, role)) for role in ("a", "b")
    ]
    configs = [
        Draft(
            unit,
            origin,
            "configmap.yaml.j2",
            {
                "name": f"config-{name}-{number}",
                "namespace": "shop",
                "entries": [
                    {"key": "a.json", "value": f'{{\n  "site": "{name}",\n  "n": {number}\n}}\n'}
                ],
            },
            key=f"config-{number}",
            naming=Naming.CONTENT if number == 0 else Naming.FIXED,
        )
        for number in range(5)
    ]
    return deployments + configs


def deployment(name: str, role: str) -> dict[str, Any]:
    labels = {"edgewright.io/job": "watch", "edgewright.io/site": name}
    return {
        "name": f"watch-{role}-{name}",
        "namespace": "shop",
        "labels": labels,
        "selector": labels,
        "replicas": 1,
        "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}] * 2,
        "containers": [container("main"), container("sidecar")],
        "volumes": [
            {"name": "store", "hostPath": {"path": "/var/lib/edgewright", "type": "Directory"}},
            {"name": "config", "configMap": {"name": Reference("config-0")}},
        ],
    }


def container(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": f"registry.example.com/{name}@sha256:{'a1' * 32}",
        "args": ["--config", "/etc/app/app.yaml"],
        "env": [
            {"name": "RTSP_URL", "secret": "camera", "key": "url"},
            {"name": "LANG", "secret": "", "value": "de"},
        ],
        "ports": [{"name": "http", "port": 8080}],
        "resources": {"requests": {"cpu": "2", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
        "mounts": [{"name": "store", "mountPath": "/edgewright", "readOnly": True}],
    }


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of three runs, after a collection each, without the collector."""
    times = []
    for _ in range(3):
        gc.collect()
        gc.disable()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
        gc.enable()
    return min(times)


def main(sites: int) -> None:
    drafts = drafts_of(sites)
    with TemporaryDirectory() as folder:
        for name, text in (("deployment", DEPLOYMENT), ("configmap", CONFIG_MAP)):
            Path(folder, f"{name}.yaml.j2").write_text(text)
        templates = Templates(TemplateSource(shipped=Path(folder)))
        found = render(drafts, templates, Diagnostics(), namespace="shop")
        objects = [item for directory in found for item in directory.objects]
        texts = [item.text.encode() for item in objects]

        def plainly() -> None:
            for draft in drafts[: len(drafts) // 10]:
                run = templates.get(draft.template).run(draft.values)
                holes = [_named(hole) for hole in run.holes]
                emit.dump(plain_data(run.structure, holes))

        def wholly() -> None:
            render(drafts, templates, Diagnostics(), namespace="shop")

        def only_run() -> None:
            for draft in drafts:
                templates.get(draft.template).run(draft.values)

        rows = {
            "render, whole": fastest(wholly),
            "run templates only": fastest(only_run),
            "plain way (text, JSON, ryaml, emit), × 10 of a tenth": 10 * fastest(plainly),
            "emit.dump of ready data": fastest(lambda: [emit.dump(i.data) for i in objects]),
            "json of ready data": fastest(lambda: [json_text(i.data) for i in objects]),
            "sha256 of ready bytes": fastest(lambda: [hashlib.sha256(t) for t in texts]),
        }
    whole = rows["render, whole"]
    print(f"{len(objects)} objects, {sum(map(len, texts)) / 1e6:.1f} MB, {os.cpu_count()} cores")
    for name, seconds in rows.items():
        each = seconds / len(objects) * 1e6
        ratio = f"render / this {whole / seconds:6.2f}"
        print(f"{name:55} {seconds:7.3f} s {each:7.1f} µs an object  {ratio}")


def _named(hole: Any) -> Any:
    if isinstance(hole, list):
        return [_named(item) for item in hole]
    if isinstance(hole, dict):
        return {key: _named(item) for key, item in hole.items()}
    return "config-0" if isinstance(hole, Reference) else hole


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
