"""What Sedna makes of each field of a node it takes: enforced, or handed to the worker's code."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.model.backend import Answer, FieldAnswer
from compiler.model.plan import Node

LIBRARY = "sedna-lib"
"""What an image that reads Sedna's environment says it `implements:`."""


def answers(node: Node) -> Mapping[str, FieldAnswer]:
    """One answer for each of the node's fields."""
    return {field: _ANSWERS.get(field, _ENFORCED) for field in node.FIELDS}


_ENFORCED = FieldAnswer(Answer.ENFORCED)


def _enforced(reason: str) -> FieldAnswer:
    return FieldAnswer(Answer.ENFORCED, reason)


def _passed(reason: str) -> FieldAnswer:
    return FieldAnswer(Answer.PASSED, reason, LIBRARY)


def _refused(reason: str) -> FieldAnswer:
    return FieldAnswer(Answer.REFUSED, reason)


_ANSWERS = {
    "worker.server": _refused("Sedna's workers serve by its library"),
    "worker.code": _refused("Sedna brings no code; it is built into the image"),
    "worker.hostNetwork": _enforced("Sedna puts a learning loop's workers on it in any case"),
    "replicas": _enforced("one pod of each worker; every edge gets a cloud worker of its own"),
    "expose": _enforced("the cloud worker is the Service <name>-cloud, port 5000"),
    "model": _enforced("a Model whose name changes with its content"),
    "delivery": _enforced(
        "Sedna fetches by itself, unverified: no digest, no resume, again at every start; its "
        "Secret needs the keys ACCESS_KEY_ID and SECRET_ACCESS_KEY and the annotation s3-endpoint"
    ),
    "hardExamples": _passed("HEM_NAME and HEM_PARAMETERS; the library decides"),
    "update": _passed("a restart, or in a loop the library polls for a new file"),
    "splits": _enforced("by position: the first new samples train, the rest evaluate"),
    "trigger": _enforced("in the node's local time; looked at every 60 seconds"),
    "gate": _enforced("on the first value of the metric that evaluation reports"),
}
