"""`edgewright rollback`: every site goes back to another version at once.

Edits the spec (target, yanked) and the lock (rollouts at their last step). Asks nobody: it has to
work on a bad night.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compiler.commands import common
from compiler.commands.rollout_words import named, size_words
from compiler.model.diagnostics import Diagnostics

if TYPE_CHECKING:
    from compiler.model.resolved import Resolved
    from compiler.workflows.retargeting import Retarget
    from compiler.workflows.rolling import Moved, Opened


@click.command("rollback")
@click.argument("model")
@common.spec_argument
@click.option("--to", default="", metavar="VERSION", help="The version. [default: the one before]")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is written as `yanked:`.")
@click.option("--no-yank", is_flag=True, help="Let the version that is left be used again.")
@common.environment_option
@common.dry_run_option
@common.templates_option
@common.format_option
@common.guarded
def command(
    model: str,
    spec: Path,
    to: str,
    reason: str,
    no_yank: bool,
    environments: tuple[str, ...],
    dry_run: bool,
    templates: Path | None,
    output_format: str,
) -> None:
    """Send every site that has MODEL of SPEC (default: specs) back to another version at once.

    No step, soak or window is waited for. A site whose store still has the version switches as
    soon as the commit reaches it.
    """
    gc.disable()
    from compiler import pipeline
    from compiler.workflows import rolling
    from compiler.workflows.retargeting import retargeted

    diagnostics = Diagnostics()
    request = pipeline.Request(
        root=spec, environments=environments, templates=common.own_templates(spec, templates)
    )
    opened = _opened(request, model, diagnostics)
    bad, version = _versions(opened, model, to, diagnostics)
    chosen = [one.environment for one in opened.environments]
    why = reason or f"rolled back to {version}"
    plan = retargeted(
        opened, model, bad, version, environments=chosen, reason=why, yank=not no_yank
    )
    change = rolling.changed(opened, plan.states, plan.spec, plan.lock, diagnostics)
    after = rolling.judged(request, change, diagnostics) if change.texts else opened
    places = _Places(opened, after, model, version)
    if not dry_run:
        change.write(diagnostics)
    result = {
        "model": model,
        "from": bad,
        "to": version,
        "yanked": plan.yanks,
        "written": [] if dry_run else list(change.texts),
        **places.as_dict(),
    }
    if output_format == "text":
        for line in _lines(result, plan, places, dry_run, bool(change.texts)):
            click.echo(line)
    common.finish(output_format, result, diagnostics, 0)


def _opened(request: Any, model: str, diagnostics: Diagnostics) -> Opened:
    """The spec, also where an earlier run was killed between the spec and the lock."""
    from compiler.model.suggest import did_you_mean
    from compiler.workflows import rolling

    opened = rolling.open_half(request, model, diagnostics)
    known = sorted({name for one in opened.environments for name in one.base.models})
    if model not in known:
        raise click.UsageError(f"there is no model {model}. {did_you_mean(model, known)}".rstrip())
    return opened


def _versions(opened: Opened, model: str, to: str, diagnostics: Diagnostics) -> tuple[str, str]:
    """The version that is left, and the one that every site gets."""
    from compiler.model.codes import fleet
    from compiler.model.codes import rollout as codes
    from compiler.stages.roll import before

    first = opened.environments[0]
    spec = first.base.models[model]
    states = [one.state for one in opened.rollouts(model=model) if one.state is not None]
    now = _current(first, model)
    moved = [one for one in states if one.to != now]
    bad = moved[0].to if moved else now
    known = [before(state, bad, spec.versions) for state in states if state.to == bad]
    version = to or (now if moved else next((one for one in known if one), ""))
    entry = spec.versions.get(version)
    if not version:
        usable = [v for v, one in spec.versions.items() if one.yanked is None and v != bad]
        hint = f"name it with --to; there is {', '.join(reversed(usable))}" if usable else ""
        diagnostics.fail(
            codes.NO_VERSION_BEFORE, f"the lock does not know what {model} was before {bad}",
            spec.span_of("target") or spec.span, hint,
        )  # fmt: skip
    if entry is None:
        raise click.UsageError(
            f"{model} has no version {version}; it has {', '.join(spec.versions)}"
        )
    if entry.yanked is not None:
        diagnostics.fail(
            fleet.YANKED_VERSION, f"{model}:{version} is yanked: {entry.yanked}",
            spec.versions[version].span_of("yanked"), "name another version with --to",
        )  # fmt: skip
    return bad, version


def _current(resolved: Resolved, model: str) -> str:
    spec = resolved.base.models[model]
    locked = resolved.lock.target(resolved.environment, model) if resolved.lock else None
    return spec.target or (locked.version if locked else "")


class _Places:
    """The sites that change, and how long the last of them takes at worst."""

    def __init__(self, old: Opened, new: Opened, model: str, version: str) -> None:
        from compiler.workflows import rolling

        self.rows: list[tuple[Moved, bool]] = []
        self.pinned: list[str] = []
        for one in rolling.users(old, model):
            state = one.state
            kept = state is not None and version in (state.from_, state.was, state.to)
            moved = rolling.moved_sites(old, new, one)
            self.rows += [(site, kept and site.keeps) for site in moved]
            self.pinned += rolling.pinned(old, one)

    @property
    def moved(self) -> list[Moved]:
        """The sites whose model becomes another."""
        return [one for one, _ in self.rows]

    @property
    def fetching(self) -> list[Moved]:
        """Those that may not have the version in their store any more."""
        return [one for one, kept in self.rows if not kept]

    @property
    def worst(self) -> int:
        """Seconds until the last hot site has switched."""
        return max((_seconds(one, kept) for one, kept in self.rows if one.hot), default=0)

    def as_dict(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "sites": [
                {"site": one.site, "hot": one.hot, "bytes": 0 if kept else one.size}
                for one, kept in self.rows
            ],
            "pinned": sorted(set(self.pinned)),
            "worstSeconds": self.worst,
        }


def _seconds(moved: Moved, kept: bool) -> int:
    from compiler.model.contract_parts import bytes_per_second
    from compiler.model.transfer import switched

    rate = bytes_per_second(moved.rate) if moved.rate else 0
    return switched(moved.engine, 0 if kept else moved.size or 0, rate, moved.window)


def _lines(
    result: dict[str, Any], plan: Retarget, places: _Places, dry_run: bool, changed: bool
) -> Iterator[str]:
    if not changed:
        yield f"{result['model']}: {result['to']} is the target already; nothing to change"
        return
    would = "would go" if dry_run else "goes"
    yield f"{result['model']}: {would} back from {result['from']} to {result['to']} at once"
    moved = places.moved
    sites = sorted({one.site for one in moved})
    count = f"{len(sites):,} site{'' if len(sites) == 1 else 's'}"
    yield f"  {count} change: {named(sites)}" if sites else "  no site has another version now"
    yield f"  {_fetched(places)}"
    hot = [one for one in moved if one.hot]
    if hot:
        yield (
            f"  worst time until the last of {len(hot):,} hot sites has switched: "
            f"{places.worst // 60} min {places.worst % 60} s after the publish, and what the "
            "server takes to load it"
        )
    yield from _warnings(plan, places, moved)
    if not dry_run:
        yield "  next: edgewright compile, publish"


def _fetched(places: _Places) -> str:
    kept = len(places.rows) - len(places.fetching)
    if not places.fetching:
        return (
            "nothing to fetch: the version is still in the store of each of them"
            if kept
            else "nothing to fetch"
        )
    return f"{size_words(places.fetching)} to fetch at {len(places.fetching):,} of them"


def _warnings(plan: Retarget, places: _Places, moved: Sequence[Moved]) -> Iterator[str]:
    unknown = [one.site for one in places.fetching if not one.rate]
    if unknown:
        yield f"  the time to fetch it is not counted at {named(unknown)}: no link: {{rate}} there"
    rolling = [one.site for one in moved if not one.hot]
    if rolling:
        yield f"  pods restart at {len(rolling):,} rolling sites: {named(rolling)}"
    if places.pinned:
        yield f"  an override decides at {named(sorted(set(places.pinned)))}: nothing changes there"
    if not plan.yanks:
        used = f", and {' and '.join(plan.users)} still has it" if plan.users else ""
        yield f"  the version that is left is not yanked: it may be used again{used}"
