"""The offline check and a real API server agree on spoilt objects, class by class.

Each object of the compiled trees and of `agreement.yaml` is spoilt at random from a seed, and
goes to `check` and to the server's strict dry run; the pods that controllers would make of it go
to the server too. Where the two differ for a reason, the reason is listed here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ryaml import loads_all  # type: ignore[attr-defined]
from urllib3.exceptions import ProtocolError

from compiler.stages.check.check import CheckFacts, check
from compiler.stages.check.pods import Template, templates
from tests.cluster import control_plane, definitions, prepared
from tests.cluster.api import Api, RefusedError
from tests.cluster.mutations import Data, Mutant, mutants
from tests.cluster.trees import everything, manifests
from tests.stages.check.objects import directory, facts, obj

QUICK, LONG = 1200, 10_000
SEED, OTHER_SEED = 20, 21
OF_A_KIND = 6
"""Compiled objects of one kind that are spoilt; further ones have the same shape."""

BETWEEN = "\0"
"""Parts the findings of one object; no finding has it."""

SERVER_KNOWS_MORE = {
    r"no PriorityClass with name": "classes belong to the cluster, which nobody may ask offline",
    r"RuntimeClass .* not found|without corresponding RuntimeClass": "so do runtime classes",
    r"clusterIPs.* (not in the valid range|already allocated)": "addresses belong to the cluster",
    r"ipFamilies.*not configured on this cluster": "so do its address families",
    r"nodePort.*(provided port is|not in the valid range)": "so does its range of node ports",
    r"for a windows pod": "no edge system that is compiled for runs Windows",
    r"unsupported scope applied to resource": "which resource a scope fits is a list of the server",
    r"deletionGracePeriodSeconds.*field is immutable": "the test's namespace is there already",
    r"spec\.(validation|versions\[\d+\]\.schema)|JSONSchemaProps|ValidationRule|spec\.names\."
    r"|additionalPrinterColumns":
        "a definition's own schema is read for what it says of objects, not for its form",
}  # fmt: skip
"""What the server alone can refuse, by its words, with the reason."""

WE_ASK_MORE = {
    r"E5012 (value|roleRef\.apiGroup) is required": "the server fills it in, and Git would differ",
    r"E5012 spec\.(limits|dataSource\.kind|podFailurePolicy\.rules) is required":
        "the published definition requires it; "
    "the server stores nothing of use",
    r"E5012 .*\.preference is required": "the published definition requires it",
    r"E5012 .*imagePullSecrets\[\d+\]\.name is required": "the server warns of an empty name",
    r"E5014 .*\.((period|timeout)Seconds|(success|failure)Threshold|targetPort|hostPort) is 0;":
        "the server writes its default over a zero or drops it, and Git would differ",
    r"E5013 .* must be one of .*, not \"\"$": "the server writes its default over an empty word",
    r"E5014 .* is 9223372036854775808;": "the server reads it as another number: replicas become 0",
    r"E5014 .* is 2147483648;": "the definition says int32, to which the server does "
    "not hold custom resources, or the server reads it as another number",
    r"E5014 .*terminationGracePeriodSeconds is -1;": "the server warns: it is taken for 1",
    r"E5016 .*targetPort must be": "the server writes port over an empty targetPort",
    r"E5020 .*the port name '' is empty|E5014 spec\.ports.*\.name is \"\";":
        "the server drops an empty name, and Git would differ",
    r"E5020 .*the variable ": "a server before Kubernetes 1.32 refuses such names",
    r"E5031 .*mountPath is .*path without :": "container runtimes divide a mount at the colon",
    r"E5016 .*emptyDir.medium": "the kubelet fails with an unknown storage medium",
    r"E5016 .*hostAliases.*ip must be": "the server warns that later it will refuse it",
    r"E5020 .*52 are allowed": "a longer StatefulSet gets no pods: the label of its revision",
    r"E5014 .*binaryData.*base64": "the server drops the line breaks, and Git would differ",
    r"E5014 .*clientIP.timeoutSeconds|E5016 .*sessionAffinityConfig":
        "the server drops it without sessionAffinity ClientIP, and Git would differ",
    r"E5014 .*nodePort is": "no node has such a port; the type ExternalName is not asked",
    r"E5011 .*not null": "the server writes an empty text for it, and Git would differ",
    r"E5014 metadata.creationTimestamp": "the server writes its own time over it",
    r"E5004 |E501\d spec.versions": "a definition that no validator can use judges nothing",
    r"E5010 spec\..*([wW]orker|Spec).*\.template\.metadata\.":
        "the definition has no such field there",
    r"E5014 .*rules\[\d+\]\.host is \"\";": "the server drops an empty host, and Git would differ",
    r"E5014 .*topologySpreadConstraints\[\d+\]\.topologyKey is":
        "no node can have a label of that name, and no pod would find a place",
    r"E5020 metadata\.name: .* are allowed because":
        "Sedna puts the name into a label of its pods, or makes it longer; the server takes any",
    r"E5016 .*lifecycle, which needs": "the server drops stopSignal, whose feature is off",
}  # fmt: skip
"""What only the offline check refuses, by its words, with the reason."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What both said of one spoilt object; an empty text is consent."""

    mutant: Mutant
    offline: str
    server: str

    @property
    def column(self) -> str:
        """Where it is counted."""
        if bool(self.offline) is bool(self.server):
            return "both refuse" if self.server else "both accept"
        return "server alone" if self.server else "check alone"

    @property
    def listed(self) -> bool:
        """Whether they agree, or differ for a reason that is listed."""
        if self.column.startswith("both"):
            return True
        if self.server:
            return _has_reason(self.server, SERVER_KNOWS_MORE)
        # One finding with a reason excuses no other.
        return all(_has_reason(one, WE_ASK_MORE) for one in self.offline.split(BETWEEN))


def _has_reason(text: str, reasons: Mapping[str, str]) -> bool:
    return any(re.search(words, text, re.S) for words in reasons)


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The administrator's client of a server with every published definition."""
    store = prepared.store(definitions.SYSTEMS)
    plane = control_plane.start(tmp_path_factory.mktemp("agreement"), store)
    api = plane.api()
    try:
        for name in sorted({str(one["metadata"].get("namespace", "agreement")) for one in bases()}):
            api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        yield api
    finally:
        plane.stop()


@cache
def bases() -> tuple[Data, ...]:
    """The objects to spoil: compiled ones of different shapes, and those of `agreement.yaml`."""
    found = list(loads_all(Path(__file__).with_name("agreement.yaml").read_text(encoding="utf-8")))
    kinds: Counter[tuple[str, str]] = Counter()
    shapes: set[str] = set()
    for target in everything():
        for manifest in (one for unit in target.ordered() for one in manifests(unit)):
            data = dict(manifest.data)
            kind, text = (data["apiVersion"], data["kind"]), repr(shape(data))
            # The kinds of acme.example.com are an author's own; no system publishes them.
            known = not kind[0].startswith("acme")
            if known and text not in shapes and kinds[kind] < OF_A_KIND:
                shapes.add(text)
                kinds[kind] += 1
                found.append(data)
    return tuple(found)


def shape(value: Any) -> Any:
    """The keys and types of a value."""
    if isinstance(value, Mapping):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    return [shape(item) for item in value] if isinstance(value, list) else type(value).__name__


@cache
def known() -> CheckFacts:
    """What the check knows besides: our own definitions, as a spec has them that installs them."""
    return facts(definitions=tuple(definitions.own()))


def offline(data: Data) -> str:
    """What `check` finds in one object, or nothing."""
    (summary,) = check([directory(obj(data))], known())
    return BETWEEN.join(f"{one.wrong.code.id} {one.wrong.text}" for one in summary.findings)


def server(api: Api, data: Data) -> str:
    """Why the server refuses an object or a pod that a controller would make of it."""
    refusal = refused(api, data)
    if refusal or data["kind"] == "Pod":
        return refusal
    group = data["apiVersion"].rpartition("/")[0]
    pods = (pod(data, one) for one in templates(group, data["kind"], data))
    return next((text for text in (refused(api, one) for one in pods) if text), "")


def refused(api: Api, data: Data) -> str:
    """Why a strict dry run of server-side apply is refused, or nothing."""
    query = {"fieldManager": "judge", "fieldValidation": "Strict", "force": "true", "dryRun": "All"}
    metadata = data["metadata"]
    try:
        namespace = str(metadata.get("namespace", "default"))
        path = api.path(data["apiVersion"], data["kind"], str(metadata["name"]), namespace)
        body = json.dumps(data).encode()
        api.call("PATCH", path, body, "application/apply-patch+yaml", query)
    except RefusedError as error:
        return str(error)
    except KeyError as error:
        return f"no {error}"
    except ProtocolError:
        # An Indexed Job without completions and with a success policy ends the server's handler.
        return "the server gave no answer"
    return ""


def pod(data: Data, template: Template) -> Data:
    """The pod that a controller would make of a template; a claim is an empty folder here."""
    spec = template.spec
    own = data["spec"].get("volumeClaimTemplates") if data["kind"] == "StatefulSet" else ()
    claims = [{"name": claim["metadata"]["name"], "emptyDir": {}} for claim in own or ()]
    # As the controller does: a claim takes the place of a volume of its name.
    named = {one.get("name"): one for one in (*(spec.get("volumes") or ()), *claims)}
    volumes = list(named.values()) if claims else spec.get("volumes")
    namespace = data["metadata"].get("namespace", "default")
    metadata = {
        "name": "pod",
        "namespace": namespace,
        "labels": dict(template.labels),
        "annotations": dict(template.annotations),
    }
    whole = {**spec, **({"volumes": volumes} if volumes else {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": whole}


def table(found: list[Verdicts]) -> str:
    """The verdicts counted, one line for each class."""
    columns = ("both refuse", "both accept", "server alone", "check alone")
    counts = Counter((one.mutant.name, one.column) for one in found)
    names = dict.fromkeys(one.mutant.name for one in found)
    lines = [f"{'class':22}" + "".join(f"{column:>14}" for column in columns)]
    lines += [f"{n:22}" + "".join(f"{counts[(n, c)]:14}" for c in columns) for n in names]
    total = "".join(f"{sum(one.column == c for one in found):14}" for c in columns)
    return "\n".join([*lines, f"{'all':22}{total}"])


def test_both_accept_every_object_before_it_is_spoilt(everywhere: Api) -> None:
    said = [(one["metadata"]["name"], offline(one), server(everywhere, one)) for one in bases()]
    assert [one for one in said if one[1] or one[2]] == []
    assert len({one["kind"] for one in bases()}) >= 50


def test_the_check_and_the_server_agree_on_spoilt_objects(
    everywhere: Api, campaign: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    seed, count = (OTHER_SEED, LONG) if campaign else (SEED, QUICK)
    found = [
        Verdicts(one, offline(one.data), server(everywhere, one.data))
        for one in mutants(bases(), seed, count)
    ]
    with capsys.disabled():
        print(f"\n{table(found)}")
    unlisted = [one for one in found if not one.listed]
    told = [f"{o.mutant.where[:300]}: {o.column}: {o.server or o.offline}"[:700] for o in unlisted]
    assert told == []
    columns = Counter(one.column for one in found)
    assert columns["both refuse"] > count / 3
    assert columns["both accept"] > count / 5


def test_a_disagreement_without_a_reason_is_noticed(everywhere: Api) -> None:
    good = next(one for one in bases() if one["kind"] == "Deployment")
    bad = {**good, "spec": {**good["spec"], "replicas": -1}}
    theirs = server(everywhere, bad)
    assert "replicas" in theirs
    assert not Verdicts(Mutant("x", "", bad), "", theirs).listed
    assert not Verdicts(Mutant("x", "", good), "E5014 spec.replicas", "").listed
