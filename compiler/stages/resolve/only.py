"""Which names `--only` may give: the sites and jobs of the environments that were chosen.

Says only what is wrong with a name; which objects a name selects is decided where they are built.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from compiler.model.codes import fleet as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.resolved import Resolved
from compiler.model.suggest import did_you_mean


def check_only(chosen: Sequence[Resolved], only: Collection[str], diagnostics: Diagnostics) -> None:
    """Refuse a name that is neither a site nor a job of the `chosen` environments.

    Raises:
        CompileError: there is one.
    """
    known = {name for one in chosen for name in (*one.sites, *one.spec.jobs)}
    elsewhere = {name for one in chosen for name in one.spec.fleet.sites} - known
    for name in sorted(set(only) - known):
        text = f"--only {name} is neither a site nor a job of what is compiled"
        hint = did_you_mean(name, known)
        if name in elsewhere:
            environments = ", ".join(one.environment for one in chosen)
            text = f"--only {name} is a site of the fleet, and not one of {environments}"
            hint = "Choose its environment with --env."
        diagnostics.add(codes.UNKNOWN_ONLY, text, None, hint)
    diagnostics.raise_errors()
