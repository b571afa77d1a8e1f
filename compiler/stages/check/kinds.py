"""Kubernetes' rules over several fields that no schema can hold: numbers compared, lists matched.

Each rule belongs to one kind of object, whose shape is known to be right. Pods are judged in
`pods`, and what a schema can say in `rules_pods` and `rules_kinds`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from itertools import combinations
from typing import Any

from compiler.model.codes import check as codes
from compiler.model.quantity import parse_quantity
from compiler.stages.check.cron import schedule_problem, time_zone_problem
from compiler.stages.check.summary import Path
from compiler.stages.check.words import Wrong, path_text

Data = Mapping[str, Any]
_PROGRESS = 600
"""Seconds that a Deployment may take where it does not say."""
_SYSTEM = ("system-node-critical", "system-cluster-critical")
_COUNTED = ("pods", "services", "secrets", "configmaps", "persistentvolumeclaims",
            "replicationcontrollers", "resourcequotas", "services.nodeports",
            "services.loadbalancers")  # fmt: skip
_MEASURED = ("cpu", "memory", "storage", "ephemeral-storage")


def check_kind(group: str, kind: str, data: Data) -> Iterator[Wrong]:
    """The faults of an object that only its kind's own rules show."""
    judge = _JUDGES.get((group, kind))
    if judge is not None:
        for path, problem in judge(data.get("spec") or {}, data):
            yield Wrong(codes.RULE_BROKEN, f"{path_text(path)} {problem}")


_RISING = ("min", "defaultRequest", "default", "max")
_LEVELS = ("privileged", "baseline", "restricted")
_MODES = ("enforce", "audit", "warn")
_VERSIONS = tuple(f"{mode}-version" for mode in _MODES)
_RELEASE = re.compile(r"latest|v1\.\d+")
Problems = Iterator[tuple[Path, str]]


def _namespace(_spec: Data, data: Data) -> Problems:
    for key, value in (data["metadata"].get("labels") or {}).items():
        prefix, _, mode = key.partition("/")
        if prefix != "pod-security.kubernetes.io":
            continue
        if mode in _MODES and value not in _LEVELS:
            yield ("metadata", "labels", key), f"must be one of {', '.join(_LEVELS)}"
        if mode in _VERSIONS and not _RELEASE.fullmatch(str(value)):
            yield ("metadata", "labels", key), "must be latest or a release such as v1.34"


def _definition(spec: Data, data: Data) -> Problems:
    wanted = f"{(spec.get('names') or {}).get('plural')}.{spec.get('group')}"
    if data["metadata"]["name"] != wanted:
        yield ("metadata", "name"), f"must be {wanted}, its plural and its group"
    versions: Sequence[Data] = spec.get("versions") or ()
    yield from _twice(("spec", "versions"), versions, "name")
    if sum(one.get("storage") is True for one in versions) != 1:
        yield ("spec", "versions"), "needs exactly one version with storage true"


def _deployment(spec: Data, _data: Data) -> Problems:
    ready, limit = spec.get("minReadySeconds") or 0, spec.get("progressDeadlineSeconds")
    if (_PROGRESS if limit is None else limit) <= ready:
        words = "" if limit is not None else f" ({_PROGRESS} where it is not set)"
        yield ("spec", "progressDeadlineSeconds"), f"must be more than minReadySeconds{words}"


def _job(spec: Data, _data: Data) -> Problems:
    yield from _job_below(("spec",), spec)
    if spec.get("manualSelector") and not spec.get("selector"):
        yield ("spec", "selector"), "is required with manualSelector true"


def _cron_job(spec: Data, _data: Data) -> Problems:
    if problem := schedule_problem(str(spec.get("schedule", ""))):
        yield ("spec", "schedule"), problem
    zone = spec.get("timeZone")
    if zone is not None and (problem := time_zone_problem(str(zone))):
        yield ("spec", "timeZone"), problem
    template = (spec.get("jobTemplate") or {}).get("spec") or {}
    yield from _job_below(("spec", "jobTemplate", "spec"), template)


def _job_below(path: Path, spec: Data) -> Problems:
    completions = spec.get("completions")
    if completions is not None and (spec.get("maxFailedIndexes") or 0) > completions:
        yield (*path, "maxFailedIndexes"), f"must not be more than completions, {completions}"
    for number, one in enumerate((spec.get("podFailurePolicy") or {}).get("rules") or ()):
        where = (*path, "podFailurePolicy", "rules", number, "onExitCodes")
        yield from _exit_codes(where, one.get("onExitCodes") or {}, spec)
    for number, one in enumerate((spec.get("successPolicy") or {}).get("rules") or ()):
        where = (*path, "successPolicy", "rules", number)
        yield from _success(where, one, completions)


def _exit_codes(path: Path, codes_: Data, spec: Data) -> Problems:
    values = codes_.get("values") or []
    if values != sorted(values):
        yield (*path, "values"), "must be in ascending order"
    pod = (spec.get("template") or {}).get("spec") or {}
    known = [c.get("name") for f in ("initContainers", "containers") for c in pod.get(f) or ()]
    name = codes_.get("containerName")
    if name is not None and name not in known:
        yield (*path, "containerName"), f"is {name!r}, and the pod has no such container"


def _success(path: Path, one: Data, completions: int | None) -> Problems:
    indexes = one.get("succeededIndexes")
    most = completions
    if indexes is not None and completions is not None:
        found = _indexes(indexes, completions)
        if found is None:
            text = f"must be indexes below {completions} in ascending order, such as 0,2-4"
            yield (*path, "succeededIndexes"), text
            return
        most = found
    if most is not None and (one.get("succeededCount") or 0) > most:
        yield (*path, "succeededCount"), f"must not be more than {most}"


def _indexes(text: str, limit: int) -> int | None:
    """How many indexes a text such as `0,2-4` names; None where it is malformed."""
    count, last = 0, -1
    for part in text.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not all(end.isascii() and end.isdigit() for end in ends):
            return None
        first, end = int(ends[0]), int(ends[-1])
        if first <= last or end >= limit or (len(ends) == 2 and first >= end):
            return None
        count, last = count + end - first + 1, end
    return count


def _service(spec: Data, _data: Data) -> Problems:
    ports: Sequence[Data] = spec.get("ports") or ()
    yield from _twice(("spec", "ports"), ports, "name")
    yield from _node_ports(ports)


def _node_ports(ports: Sequence[Data]) -> Problems:
    seen: set[tuple[str, int]] = set()
    for number, port in enumerate(ports):
        key = (port.get("protocol") or "TCP", port.get("nodePort") or 0)
        if key[1] and key in seen:
            yield ("spec", "ports", number, "nodePort"), f"is {key[1]}, as of another port"
        seen.add(key)


def _endpoint_slice(_spec: Data, data: Data) -> Problems:
    yield from _twice((), [{"name": p.get("name") or ""} for p in data.get("ports") or ()], "name")
    family = {"IPv4": 4, "IPv6": 6}.get(str(data.get("addressType")))
    for number, endpoint in enumerate(data.get("endpoints") or ()):
        for i, address in enumerate(endpoint.get("addresses") or () if family else ()):
            if problem := _address_problem(address, family):
                yield ("endpoints", number, "addresses", i), problem


def _address_problem(text: str, family: int | None) -> str:
    try:
        found = ip_address(text)
    except ValueError:
        return "must be an IP address"
    if found.version != family:
        return f"must be an address of IPv{family}"
    unusable = found.is_loopback or found.is_link_local or found.is_unspecified
    return "must be an address that others reach" if unusable or found.is_multicast else ""


def _network_policy(spec: Data, _data: Data) -> Problems:
    for way, peers in (("ingress", "from"), ("egress", "to")):
        for number, one in enumerate(spec.get(way) or ()):
            where = ("spec", way, number)
            for i, port in enumerate(one.get("ports") or ()):
                if _ends_early(port):
                    yield (*where, "ports", i, "endPort"), f"must be at least port, {port['port']}"
            for i, peer in enumerate(one.get(peers) or ()):
                yield from _block((*where, peers, i, "ipBlock"), peer.get("ipBlock") or {})


def _ends_early(port: Data) -> bool:
    first, last = port.get("port"), port.get("endPort")
    return isinstance(first, int) and isinstance(last, int) and last < first


def _block(path: Path, block: Data) -> Problems:
    try:
        whole = ip_network(block.get("cidr", ""), strict=False)
        parts = [ip_network(text, strict=False) for text in block.get("except") or ()]
    except ValueError:
        return
    for number, part in enumerate(parts):
        same = part.version == whole.version
        if not same or part == whole or not part.subnet_of(whole):  # type: ignore[arg-type]
            yield (*path, "except", number), f"must be a part of {whole}"


def _autoscaler(spec: Data, _data: Data) -> Problems:
    least, most = spec.get("minReplicas") or 1, spec.get("maxReplicas") or 0
    if least > most:
        yield ("spec", "maxReplicas"), f"must be at least minReplicas, {least}"


def _priority_class(_spec: Data, data: Data) -> Problems:
    name = str(data["metadata"]["name"])
    if name.startswith("system-") and name not in _SYSTEM:
        yield ("metadata", "name"), "begins with system-, which only Kubernetes' own classes do"


def _secret(_spec: Data, data: Data) -> Problems:
    key = {
        "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
        "kubernetes.io/dockercfg": ".dockercfg",
    }.get(str(data.get("type")))
    encoded = (data.get("data") or {}).get(key)
    plain = (data.get("stringData") or {}).get(key)
    if key is None or (encoded is None and plain is None):
        return
    try:
        found = json.loads(plain if plain is not None else base64.b64decode(str(encoded)))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        yield ("data", key), "must hold a JSON object"


def _limits(spec: Data, _data: Data) -> Problems:
    items: Sequence[Data] = spec.get("limits") or ()
    yield from _twice(("spec", "limits"), items, "type")
    for number, one in enumerate(items):
        where = ("spec", "limits", number)
        yield from _order(where, one)
        for name, ratio in (one.get("maxLimitRequestRatio") or {}).items():
            if _amount(ratio) < _amount(1):
                yield (*where, "maxLimitRequestRatio", name), "must be at least 1"
        for field in (*_RISING, "maxLimitRequestRatio"):
            for name in one.get(field) or ():
                if "/" not in name and name not in _MEASURED and not name.startswith("hugepages-"):
                    yield (*where, field, name), "is no resource that can be limited"


def _order(where: Path, limit: Data) -> Problems:
    for low, high in combinations((f for f in _RISING if limit.get(f)), 2):
        for name in limit[low].keys() & limit[high].keys():
            if _amount(limit[low][name]) > _amount(limit[high][name]):
                yield (*where, low, name), f"must not be more than {high}"


def _quota(spec: Data, _data: Data) -> Problems:
    for name, amount in (spec.get("hard") or {}).items():
        bare = name.removeprefix("requests.").removeprefix("limits.")
        huge = bare.startswith("hugepages-")
        if "/" not in name and name not in _COUNTED and bare not in _MEASURED and not huge:
            yield ("spec", "hard", name), "is nothing that a quota counts"
        elif (name in _COUNTED or "/" in name) and _amount(amount) % _amount(1):
            yield ("spec", "hard", name), "must be a whole number"


def _twice(path: Path, items: Sequence[Data], key: str) -> Problems:
    seen: dict[Any, int] = {}
    for number, item in enumerate(items):
        value = item.get(key)
        if value is not None and seen.setdefault(value, number) != number:
            yield (*path, number, key), f"is {value!r}, as of entry {seen[value]}"


def _amount(value: Any) -> int:
    try:
        return parse_quantity(value if isinstance(value, int) else str(value))
    except ValueError:
        return 0


_JUDGES: Mapping[tuple[str, str], Callable[[Data, Data], Problems]] = {
    ("", "Namespace"): _namespace,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apps", "Deployment"): _deployment,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _cron_job,
    ("", "Service"): _service,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("scheduling.k8s.io", "PriorityClass"): _priority_class,
    ("", "Secret"): _secret,
    ("", "LimitRange"): _limits,
    ("", "ResourceQuota"): _quota,
}
