"""The job kinds, by name; a kind's module is imported when a spec first uses it.

To add a kind: one module with a `KIND`, one line here.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from compiler.model.kind import Kind, Kinds

KINDS = (
    "compress",
    "convert",
    "evaluate",
    "federated-learning",
    "incremental-learning",
    "joint-inference",
    "lifelong-learning",
    "pipeline",
    "serve",
    "sync",
    "train",
)


@cache
def kind(name: str) -> Kind:
    """The kind of that name; raises KeyError when there is none."""
    if name not in KINDS:
        raise KeyError(name)
    found: Kind = import_module(f"{__name__}.{name.replace('-', '_')}").KIND
    return found


REGISTRY = Kinds(KINDS, kind)
