"""Edits of whole fleets, and what each does: the table that people and a real cluster judge.

Data alone. `does` names each kind of object that differs, with its effect; a kind that differs in
two ways stands twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from compiler.model.changes import Effect
from tests.stages.compare.fleets import FLEETS, SURGES, Sources

IMMUTABLE, LOSS, OUTAGE, REMOVED = (
    Effect.IMMUTABLE, Effect.DATA_LOSS, Effect.OUTAGE, Effect.REMOVED,
)  # fmt: skip
RE_CREATE, LOOP, ROLLING, SIDECAR = (
    Effect.RE_CREATE, Effect.LOOP_RESTART, Effect.ROLLING_RESTART, Effect.SIDECAR_CHANGE,
)  # fmt: skip
SCALE, SWAP, RELOAD, MOVED, NEW, METADATA, NO_OP = (
    Effect.SCALE, Effect.HOT_SWAP, Effect.CONFIG_RELOAD, Effect.MOVED, Effect.NEW,
    Effect.METADATA_ONLY, Effect.NO_OP,
)  # fmt: skip

SPEC, RAW, JOBS, MODELS, FLEET, LOCK = (
    "spec.yaml", "k8s/raw.yaml", "jobs.yaml", "models.yaml", "fleet.yaml", "edgewright.lock",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edit:
    """A fleet, the texts that are exchanged in its files, and what that does."""

    name: str
    fleet: str
    changes: Mapping[str, Mapping[str, str]]
    does: frozenset[tuple[str, Effect]]
    moved: tuple[tuple[str, str], ...] = field(default=())

    @property
    def before(self) -> Sources:
        """The fleet as it was."""
        return FLEETS[self.fleet]

    @property
    def after(self) -> Sources:
        """The fleet once it is edited.

        Raises:
            ValueError: a text that is to be exchanged is not there.
        """
        files = dict(self.before.files)
        for file, change in self.changes.items():
            for old, new in change.items():
                if old not in files[file]:
                    raise ValueError(f"{self.name}: {file} has no {old!r}")
                files[file] = files[file].replace(old, new)
        return replace(self.before, files=files)


def _edit(
    name: str,
    fleet: str,
    file: str,
    change: Mapping[str, str],
    *does: tuple[str, Effect],
    moved: tuple[tuple[str, str], ...] = (),
) -> Edit:
    return Edit(name, fleet, {file: change}, frozenset(does), moved)


def _shop(name: str, old: str, new: str, *does: tuple[str, Effect]) -> Edit:
    return _edit(name, "shop", SPEC, {old: new}, *does)


def _raw(name: str, old: str, new: str, *does: tuple[str, Effect]) -> Edit:
    return _edit(name, "shop", RAW, {old: new}, *does)


DEPLOYMENT, CONFIG, MODEL, CLAIM = (
    "Deployment",
    "ConfigMap",
    "InferenceModel",
    "PersistentVolumeClaim",
)
_RECORD = (MODEL, METADATA)
_TRAINING = ("TrainingModel", METADATA)
_ENV = "env: {LEVEL: info}\n      params"
_MEMORY = 'resources: {cpu: "1", memory: 1Gi}\n    place: {layer: edge}'
_PLAIN = "  template:\n    metadata: {labels: {app: plain}}"
_LABELLED = "  template:\n    metadata: {labels: {app: plain, more: a}}"
_CONFIGURED = ((CONFIG, RELOAD), (CONFIG, SIDECAR), (DEPLOYMENT, SIDECAR))
"""Hot jobs read their new config; that of rolling ones has another name."""

EDITS: tuple[Edit, ...] = (
    # models and what the sidecar brings
    _shop("another version of a hot model", 'target: "2"', 'target: "1"',
          (CONFIG, SWAP), _RECORD, _TRAINING),
    _shop("another version of a rolling model", '    target: "1"', '    target: "2"',
          (DEPLOYMENT, ROLLING), (CONFIG, ROLLING), (DEPLOYMENT, OUTAGE), (CONFIG, OUTAGE),
          _RECORD, _TRAINING),
    _shop("other bytes under the same version", "b" * 64, "e" * 64,
          (CONFIG, SWAP), _RECORD, _TRAINING),
    _shop("another place of the same bytes", "main:d/2.onnx", "main:moved/2.onnx",
          (CONFIG, RELOAD), _RECORD, _TRAINING),
    _shop("another licence", "license: MIT", "license: Apache-2.0", _RECORD, _TRAINING),
    _shop("a version more, not used", '    target: "2"\n',
          f'      "3": {{uri: "main:d/3.onnx", sha256: {"f" * 64}}}\n    target: "2"\n', _TRAINING),
    _shop("another rate of a link", "rate: 8Mbit/s, window", "rate: 16Mbit/s, window",
          *_CONFIGURED),
    _shop("another window", "01:00-05:00", "02:00-05:00", *_CONFIGURED),
    _shop("another endpoint of the store", "https://s3.example.com", "https://s4.example.com",
          *_CONFIGURED),
    # workers
    _shop("another image at the edge", "r.example.com/ovms:1", "r.example.com/ovms:2",
          (DEPLOYMENT, RE_CREATE), (CONFIG, RELOAD)),
    _shop("another image of a roll that surges", "r.example.com/steady:1", "r.example.com/steady:2",
          (DEPLOYMENT, ROLLING), (CONFIG, ROLLING)),
    _shop("another image beside a claim", "r.example.com/alone:1", "r.example.com/alone:2",
          (DEPLOYMENT, RE_CREATE), (CONFIG, RE_CREATE)),
    _shop("another image of two pods", "r.example.com/twice:1", "r.example.com/twice:2",
          (DEPLOYMENT, ROLLING), (CONFIG, RELOAD)),
    _shop("another image of what scales itself", "r.example.com/wide:1", "r.example.com/wide:2",
          (DEPLOYMENT, ROLLING), (CONFIG, ROLLING)),
    _shop("an environment variable", _ENV, _ENV.replace("info", "warn"),
          (DEPLOYMENT, RE_CREATE)),
    _shop("a variable more", _ENV, _ENV.replace("info", "info, MORE: a"),
          (DEPLOYMENT, RE_CREATE)),
    _shop("a parameter", "confidence: 0.5", "confidence: 0.6",
          (DEPLOYMENT, RE_CREATE), (CONFIG, RE_CREATE)),
    _shop("more memory", _MEMORY, _MEMORY.replace("1Gi", "2Gi"), (DEPLOYMENT, RE_CREATE)),
    _shop("the same memory in other words", _MEMORY, _MEMORY.replace("1Gi", "1024Mi")),
    _shop("another order and a comment", "# end", "# nothing more"),
    _shop("a volume in memory that grows", "memory: 1Gi}]", "memory: 2Gi}]",
          (DEPLOYMENT, RE_CREATE)),
    _shop("a host folder", "params: {confidence: 0.5}",
          "params: {confidence: 0.5}\n      volumes: [{path: /srv, host: /srv}]",
          (DEPLOYMENT, RE_CREATE)),
    _shop("a claim that grows", "claim: 2Gi", "claim: 3Gi", (CLAIM, RELOAD)),
    _shop("a claim that shrinks", "claim: 2Gi", "claim: 1Gi", (CLAIM, IMMUTABLE)),
    _shop("a claim that goes", "{path: /scratch, claim: 2Gi}, ", "",
          (CLAIM, LOSS), (DEPLOYMENT, ROLLING)),
    _shop("a claim that comes", "{path: /fast", "{path: /more, claim: 1Gi}, {path: /fast",
          (CLAIM, NEW), (DEPLOYMENT, RE_CREATE)),
    # the sidecar
    _shop("another sidecar", "r.example.com/s:1", "r.example.com/s:2", (DEPLOYMENT, SIDECAR)),
    _shop("a sidecar with more memory", "contract: 1}",
          "contract: 1, resources: {limits: {memory: 128Mi}}}", (DEPLOYMENT, SIDECAR)),
    # numbers of pods
    _shop("a pod less", "replicas: 2", "replicas: 1", (DEPLOYMENT, RE_CREATE),
          ("PodDisruptionBudget", REMOVED), _RECORD),
    _shop("other bounds of a scaler", "max: 4", "max: 3", ("HorizontalPodAutoscaler", SCALE)),
    _shop("another aim of a scaler", "cpu: 70", "cpu: 60", ("HorizontalPodAutoscaler", SCALE)),
    # what leads to pods
    _shop("no Service any more", "    expose: mesh\n", "", ("Service", REMOVED)),
    _shop("a Service at a node's port", "expose: mesh", "expose: {node: {port: 30080}}",
          ("Service", RELOAD)),
    # sites and jobs
    _shop("a label of a site", "labels: {region: north}", "labels: {region: north, ring: lab}"),
    _shop("a job less", "  alone:\n    kind: serve\n    models: [counter]\n    update: rolling\n"
          "    worker:\n      image: r.example.com/alone:1\n      server: ovms\n"
          "      volumes: [{path: /scratch, claim: 2Gi}, {path: /fast, memory: 1Gi}]\n"
          "    place: {where: {site: north-1}}\n", "",
          (DEPLOYMENT, REMOVED), (CONFIG, REMOVED), (MODEL, REMOVED), (CLAIM, LOSS), _TRAINING),
    _shop("a job more", "  twice:\n", "  again:\n    kind: serve\n    models: [counter]\n"
          '    worker: {image: "r.example.com/again:1", server: ovms}\n'
          "    place: {site: north-1}\n  twice:\n",
          (DEPLOYMENT, NEW), (CONFIG, NEW), (MODEL, NEW), _TRAINING),
    _edit("a job of another name", "shop", SPEC, {"  watch:\n": "  look:\n"},
          (DEPLOYMENT, MOVED), (CONFIG, MOVED), (MODEL, METADATA), _TRAINING,
          moved=(("jobs.watch", "jobs.look"),)),
    _edit("a job of another name that has a claim", "shop", SPEC, {"  alone:\n": "  lonely:\n"},
          (DEPLOYMENT, MOVED), (CONFIG, MOVED), (MODEL, METADATA), (CLAIM, LOSS), _TRAINING,
          moved=(("jobs.alone", "jobs.lonely"),)),
    _shop("a job of another name, unsaid", "  watch:\n", "  look:\n",
          (DEPLOYMENT, REMOVED), (CONFIG, REMOVED), (MODEL, REMOVED),
          (DEPLOYMENT, NEW), (CONFIG, NEW), (MODEL, NEW), _TRAINING),
    # objects of the author's own
    _raw("an image of three pods", "r.example.com/plain:1", "r.example.com/plain:2",
         (DEPLOYMENT, ROLLING)),
    _raw("two pods more", "replicas: 3", "replicas: 5", (DEPLOYMENT, SCALE)),
    _raw("no pod any more", "replicas: 3", "replicas: 0", (DEPLOYMENT, SCALE)),
    _raw("a label", "team: plain-one", "team: plain-two", (DEPLOYMENT, METADATA)),
    _raw("seconds until a pod counts", "minReadySeconds: 0", "minReadySeconds: 1",
         (DEPLOYMENT, RELOAD)),
    _raw("a selector", "selector: {matchLabels: {app: plain}}\n  replicas",
         "selector: {matchExpressions: [{key: app, operator: In, values: [plain]}]}\n  replicas",
         (DEPLOYMENT, IMMUTABLE)),
    _raw("another way to roll", SURGES, "  strategy: {type: Recreate, rollingUpdate: null}\n",
         (DEPLOYMENT, RELOAD)),
    _raw("a roll that ends all first", SURGES + _PLAIN,
         "  strategy: {type: Recreate, rollingUpdate: null}\n" + _LABELLED,
         (DEPLOYMENT, RE_CREATE)),
    _raw("a pause", "minReadySeconds: 0", "paused: true", (DEPLOYMENT, RELOAD)),
    _raw("a pause and an image", SURGES + _PLAIN, f"{SURGES}  paused: true\n{_LABELLED}",
         (DEPLOYMENT, RELOAD)),
    _raw("what is the default anyway", "      - name: one\n        image: r.example.com/plain:1\n",
         "      - name: one\n        image: r.example.com/plain:1\n"
         "        imagePullPolicy: IfNotPresent\n        terminationMessagePolicy: File\n",
         (DEPLOYMENT, NO_OP)),
    _raw("another pull policy", "        image: r.example.com/plain:1\n",
         "        image: r.example.com/plain:1\n        imagePullPolicy: Always\n",
         (DEPLOYMENT, ROLLING)),
    _raw("an image of a StatefulSet", "r.example.com/kept:1", "r.example.com/kept:2",
         ("StatefulSet", ROLLING)),
    _raw("a way to roll that the server's own stands against", "  serviceName: kept\n",
         "  serviceName: kept\n  updateStrategy: {type: OnDelete}\n", ("StatefulSet", IMMUTABLE)),
    _raw("a pod more of a StatefulSet", "replicas: 2", "replicas: 3", ("StatefulSet", SCALE)),
    _raw("the Service of a StatefulSet", "serviceName: kept", "serviceName: front",
         ("StatefulSet", IMMUTABLE)),
    _raw("an image of a DaemonSet", "r.example.com/everywhere:1", "r.example.com/everywhere:2",
         ("DaemonSet", ROLLING)),
    _raw("a DaemonSet that waits for people",
         _PLAIN.replace("plain", "everywhere"),
         "  updateStrategy: {type: OnDelete}\n" + _LABELLED.replace("plain", "everywhere"),
         ("DaemonSet", RELOAD)),
    _raw("an image of a Job", "r.example.com/once:1", "r.example.com/once:2", ("Job", IMMUTABLE)),
    _raw("tries of a Job", "backoffLimit: 2", "backoffLimit: 3", ("Job", RELOAD)),
    _raw("a timetable", "0 3 * * *", "0 4 * * *", ("CronJob", RELOAD)),
    _raw("an image of a CronJob", "r.example.com/nightly:1", "r.example.com/nightly:2",
         ("CronJob", RELOAD)),
    _raw("a ConfigMap", "metadata: {name: settings, namespace: shop}\ndata: {level: info}",
         "metadata: {name: settings, namespace: shop}\ndata: {level: warn}", (CONFIG, RELOAD)),
    _raw("a frozen ConfigMap", "immutable: true\ndata: {level: info}",
         "immutable: true\ndata: {level: warn}", (CONFIG, IMMUTABLE)),
    _raw("a claim's class", "storageClassName: fast", "storageClassName: slow", (CLAIM, IMMUTABLE)),
    _raw("a port of a Service", "port: 80}", "port: 81}", ("Service", RELOAD)),
    _raw("what a role may do", "verbs: [get]", "verbs: [get, list]", ("Role", RELOAD)),
    _raw("whom a binding is for", "name: reader}\nsubjects", "name: reader2}\nsubjects",
         ("RoleBinding", IMMUTABLE)),
    _raw("a budget", "minAvailable: 1", "minAvailable: 2", ("PodDisruptionBudget", RELOAD)),
    _raw("a network policy", "policyTypes: [Ingress]", "policyTypes: [Ingress, Egress]",
         ("NetworkPolicy", RELOAD)),
    # the examples
    _edit("thousand stores: no Service", "stores", JOBS, {"expose: mesh": "expose: none"},
          ("Service", REMOVED)),
    _edit("thousand stores: more memory", "stores", JOBS, {"memory: 2Gi": "memory: 3Gi"},
          (DEPLOYMENT, RE_CREATE)),
    _edit("thousand stores: a parameter", "stores", JOBS, {"every: 5": "every: 6"},
          (DEPLOYMENT, RE_CREATE), (CONFIG, RE_CREATE)),
    _edit("thousand stores: scratch that grows", "stores", JOBS, {"claim: 2Gi": "claim: 4Gi"},
          (CLAIM, RELOAD)),
    _edit("thousand stores: scratch that shrinks", "stores", JOBS, {"claim: 2Gi": "claim: 1Gi"},
          (CLAIM, IMMUTABLE)),
    _edit("thousand stores: another proxy", "stores", FLEET,
          {"proxy.example.com": "other.example.com"}, (CONFIG, RELOAD), (DEPLOYMENT, RE_CREATE)),
    Edit("thousand stores: back to the version before", "stores",
         {MODELS: {'target: "1.4.0"': 'target: "1.3.0"'}, LOCK: {'  to: "1.4.0"': '  to: "1.3.0"'}},
         frozenset({(CONFIG, SWAP), _RECORD, _TRAINING})),
    _edit("helmets, plain: an image", "plain", JOBS,
          {"helmet-detection-little:v0.3.0": "helmet-detection-little:v0.3.1"},
          (DEPLOYMENT, ROLLING)),
    _edit("helmets, plain: a variable in the cloud", "plain", JOBS, {"544,544": "416,416"},
          (DEPLOYMENT, ROLLING)),
    _edit("helmets, Sedna: an image of a cascade", "sedna", JOBS,
          {"helmet-detection-little:v0.3.0": "helmet-detection-little:v0.3.1"},
          ("JointInferenceService", RE_CREATE)),
    _edit("helmets, Sedna: a loop's image", "sedna", JOBS,
          {"helmet-detection:v0.4.0": "helmet-detection:v0.4.1"},
          ("IncrementalLearningJob", LOOP)),
    _edit("helmets, Sedna: a loop's gate", "sedna", JOBS, {"improvesBy: 0.1": "improvesBy: 0.2"},
          ("IncrementalLearningJob", LOOP)),
)  # fmt: skip
