"""Sedna 0.7: joint inference and incremental learning as its own custom resources.

Takes a Cascade and a single-task Loop; lifelong learning and federated learning are refused as
not supported yet. Models go by Sedna's own delivery, which verifies nothing; every report says
so. `sedna_*` modules hold the parts, `templates/sedna` the manifests. Order matters to Sedna and
is the sync units' business: Models and Datasets lie in `inputs/`.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.backends import sedna_cascade, sedna_loop
from compiler.backends.sedna_answers import answers
from compiler.backends.sedna_problems import problems
from compiler.backends.sedna_refusals import refusal
from compiler.model.backend import Backend, EmitContext
from compiler.model.manifest import Draft
from compiler.model.member import Member
from compiler.model.plan import Cascade, Federation, Loop, Node

__all__ = ["BACKEND", "pods"]


def emit(node: Node, context: EmitContext) -> Iterable[Draft]:
    """The drafts of a node that was taken.

    Raises:
        TypeError: the node is of a kind that this backend does not take.
    """
    if isinstance(node, Cascade):
        return sedna_cascade.drafts(node, context)
    if isinstance(node, Loop):
        return sedna_loop.drafts(node, context)
    raise TypeError(f"the sedna backend does not take a {type(node).__name__}")


def pods(node: Node, member: Member) -> int:
    """How many pods a member really becomes: Sedna makes a cloud worker for every edge."""
    return len(node.edges) if isinstance(node, Cascade) and member is node.cloud else 1


BACKEND = Backend(
    name="sedna",
    takes=(Cascade, Loop, Federation),
    refusal=refusal,
    answers=answers,
    emit=emit,
    provides="sedna",
    problems=problems,
)
