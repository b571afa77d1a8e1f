"""The back ends: one module per target, which nodes it takes and which objects it emits.

No backend knows a kind. A backend is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module

from compiler.model.backend import Backend

BACKENDS = ("kubernetes", "sedna")
"""Targets of plan nodes; `argo-workflows` would be the module `argo_workflows`."""

GITOPS = ("argocd", "flux")
"""Writers of what an engine reconciles: they take sync units, not plan nodes."""


def backend(name: str) -> Backend:
    """The backend of a name.

    Raises:
        KeyError: no backend has that name.
    """
    if name not in BACKENDS:
        raise KeyError(name)
    found = import_module(f"{__name__}.{name.replace('-', '_')}").BACKEND
    if not isinstance(found, Backend):
        raise TypeError(f"{name} does not define a Backend")
    return found
