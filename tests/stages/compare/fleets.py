"""The fleets that edits are made to: a small one of every kind of change, and the examples."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.model.changes import Comparison
from compiler.model.diagnostics import Diagnostics
from compiler.model.manifest import Tree
from compiler.pipeline import Request, compile_tree
from compiler.stages.compare.compare import compare
from compiler.stages.render.skeleton import parse_object
from compiler.stages.write.hand import HandedOutput, hand, together
from tests.stages.resolving import HEAD, REPO

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ("helmet-detection", "thousand-stores")

SPEC = f"""{HEAD}stores:
  main: {{url: 's3://bucket', endpoint: 'https://s3.example.com', read: {{secret: reader}}}}
fleet:
  timezone: Europe/Vienna
  clusters:
    hub: {{kubernetes: "1.32", gitops: {{engine: flux}}, {REPO}}}
  profiles:
    box: {{arch: amd64, cpu: 16, memory: 32Gi, disk: 64Gi}}
  sites:
    cloud: {{cluster: hub, layer: cloud, profile: box, hosts: {{cloud-a: {{}}, cloud-b: {{}}}}}}
    north-1:
      cluster: hub
      layer: edge
      profile: box
      hosts: {{north-1-a: {{}}}}
      labels: {{region: north}}
      link: {{rate: 8Mbit/s, window: "01:00-05:00"}}
    west-1:
      cluster: hub
      layer: edge
      profile: box
      hosts: {{west-1-a: {{}}}}
      labels: {{region: west}}
      link: {{rate: 8Mbit/s}}
models:
  detector:
    framework: onnx
    license: MIT
    versions:
      "1": {{uri: "main:d/1.onnx", sha256: {"a" * 64}}}
      "2": {{uri: "main:d/2.onnx", sha256: {"b" * 64}}}
    target: "2"
  counter:
    framework: onnx
    versions:
      "1": {{uri: "main:c/1.onnx", sha256: {"c" * 64}}}
      "2": {{uri: "main:c/2.onnx", sha256: {"d" * 64}}}
    target: "1"
jobs:
  watch:
    kind: serve
    models: [detector]
    worker:
      image: r.example.com/ovms:1
      server: ovms
      env: {{LEVEL: info}}
      params: {{confidence: 0.5}}
      resources: {{cpu: "1", memory: 1Gi}}
    place: {{layer: edge}}
  steady:
    kind: serve
    models: [counter]
    update: rolling
    worker: {{image: "r.example.com/steady:1", server: ovms, resources: {{cpu: "1", memory: 1Gi}}}}
    place: {{site: cloud}}
    expose: mesh
  alone:
    kind: serve
    models: [counter]
    update: rolling
    worker:
      image: r.example.com/alone:1
      server: ovms
      volumes: [{{path: /scratch, claim: 2Gi}}, {{path: /fast, memory: 1Gi}}]
    place: {{where: {{site: north-1}}}}
  twice:
    kind: serve
    models: [detector]
    replicas: 2
    worker: {{image: "r.example.com/twice:1", server: ovms, env: {{LEVEL: info}}}}
    place: {{site: cloud}}
  wide:
    kind: serve
    models: [counter]
    update: rolling
    replicas: {{min: 1, max: 4, cpu: 70}}
    worker: {{image: "r.example.com/wide:1", server: ovms, resources: {{cpu: "1", memory: 1Gi}}}}
    place: {{site: cloud}}
objects: [{{from: k8s/raw.yaml, place: {{layer: cloud}}}}]
# end
"""

_POD = """labels: {{app: {0}}}}}
    spec:
      containers:
      - name: one
        image: r.example.com/{0}:1
        resources: {{limits: {{cpu: 100m, memory: 64Mi}}, requests: {{cpu: 100m, memory: 64Mi}}}}"""


def _workload(kind: str, name: str, more: str = "") -> str:
    return f"""apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: shop, labels: {{team: {name}-one}}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
{more}  template:
    metadata: {{{_POD.format(name)}
---
"""


_ON_TWO = """    spec:
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions:
              - {key: kubernetes.io/hostname, operator: In, values: [cloud-a, cloud-b]}
"""
SURGES = "  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n"
RAW = (
    _workload("Deployment", "plain", "  replicas: 3\n  minReadySeconds: 0\n" + SURGES)
    + _workload("StatefulSet", "kept", "  serviceName: kept\n  replicas: 2\n")
    + _workload("DaemonSet", "everywhere").replace("    spec:\n", _ON_TWO)
    + """apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: shop}
spec:
  backoffLimit: 2
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: one, image: "r.example.com/once:1", resources: {limits: {cpu: 100m, memory: 64Mi}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - {name: one, image: "r.example.com/nightly:1", resources: {limits: {memory: 64Mi}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {level: info}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: frozen, namespace: shop}
immutable: true
data: {level: info}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: archive, namespace: shop}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: fast
  resources: {requests: {storage: 2Gi}}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {selector: {app: plain}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reads, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: robot, namespace: shop}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: enough, namespace: shop}
spec: {minAvailable: 1, selector: {matchLabels: {app: plain}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: inside, namespace: shop}
spec: {podSelector: {matchLabels: {app: plain}}, policyTypes: [Ingress]}
"""
)


@dataclass(frozen=True, slots=True)
class Sources:
    """A fleet before anything is compiled: its files by name."""

    files: Mapping[str, str]
    environments: tuple[str, ...] = ()

    def tree(self, folder: Path) -> Tree:
        """Compile it in a folder of its own."""
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        request = Request(root=folder, environments=self.environments)
        return compile_tree(request, Diagnostics())


SHOP = Sources({"spec.yaml": SPEC, "k8s/raw.yaml": RAW})


def example(name: str, *environments: str) -> Sources:
    """An example of `specs/`, some of its environments."""
    folder = ROOT / "specs" / name
    files = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return Sources(files, environments)


FLEETS = {
    "shop": SHOP,
    "sedna": example("helmet-detection", "sedna"),
    "plain": example("helmet-detection", "plain"),
    "stores": example("thousand-stores", "sample"),
}


def output(tree: Tree) -> HandedOutput:
    """A compiled tree as something to compare."""
    return HandedOutput(together(hand(one, {}) for one in tree.directories.values()))


def compared(old: Tree, new: Tree, moved: tuple[tuple[str, str], ...] = ()) -> Comparison:
    """What the change from one tree to the other does."""
    return compare(output(old), output(new), parse_object, moved)
