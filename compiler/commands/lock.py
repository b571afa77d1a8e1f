"""`edgewright lock`: asks stores and registries what the spec leaves open, and writes the lock."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compiler.commands import common, credentials, lock_merge, trust
from compiler.model.diagnostics import Diagnostics

if TYPE_CHECKING:
    from compiler.stages.lock.nouns import Change

SHOWN = 40


@click.command("lock")
@common.spec_argument
@common.environment_option
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Only what has this name; other entries stay as they are; repeatable.",
)
@click.option(
    "--update",
    multiple=True,
    metavar="NAME",
    help="Ask again about this name, such as an image whose tag was pushed again; repeatable.",
)
@click.option(
    "--accept-changed",
    multiple=True,
    metavar="NAME",
    help="Take other bytes than were locked under this name; repeatable.",
)
@click.option("--offline", is_flag=True, help="Ask nobody: only what spec and lock say themselves.")
@common.dry_run_option
@click.option("--keep-going", is_flag=True, help="Go on asking a store that has failed.")
@click.option("--repair", is_flag=True, help="Mend numbers that two entries have, and bad entries.")
@click.option(
    "--push-chunks", is_flag=True,
    help="Upload what devices need beside the bytes: digests of parts of what is above 64 MiB, "
    "and the list of the files of a prefix.",
)  # fmt: skip
@click.option(
    "--merge",
    nargs=3,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="BASE OURS THEIRS",
    help="Merge three locks into OURS, as Git's merge driver; exit 5 where both changed an entry.",
)
@credentials.profile_option
@trust.host_option
@trust.branch_option
@common.format_option
@common.guarded
def command(
    spec: Path,
    environments: tuple[str, ...],
    only: tuple[str, ...],
    update: tuple[str, ...],
    accept_changed: tuple[str, ...],
    offline: bool,
    dry_run: bool,
    keep_going: bool,
    repair: bool,
    push_chunks: bool,
    merge: tuple[Path, Path, Path] | None,
    profiles: tuple[str, ...],
    hosts: tuple[str, ...],
    main_branch: str | None,
    output_format: str,
) -> None:
    """Write edgewright.lock beside SPEC (a folder, default: specs)."""
    if merge is not None:
        sys.exit(lock_merge.merge(*merge))
    from compiler.adapters.registry import Registries
    from compiler.stages.lock.lock import Choices
    from compiler.workflows import locking
    from compiler.workflows.asking import Wishes, World

    diagnostics = Diagnostics()
    opened = locking.open_spec(spec, environments, repair, diagnostics)
    everything = locking.Trust(everything=True)
    trusted = everything if offline else trust.trusted(spec, main_branch, hosts)
    stores = credentials.stores(profiles, (one.resolved for one in opened.asked))
    choices = Choices(
        only=frozenset(only),
        accept=frozenset(accept_changed),
        environments=frozenset(environments),
        repair=repair,
    )
    with common.progress("locking") as told:
        wishes = Wishes(
            only=choices.only,
            update=frozenset(update),
            offline=offline,
            keep_going=keep_going,
            push_chunks=push_chunks and not dry_run,
            progress=told,
        )
        world = World(stores=stores, registry=Registries())
        made = locking.make(opened, choices, wishes, world, trusted, diagnostics)
    written = not dry_run and locking.write(opened, made, diagnostics)
    result = {
        "lock": made.file,
        "written": written,
        "entries": len(made.lock.entries),
        "changes": [_as_dict(change) for change in made.changes],
    }
    if output_format == "text":
        _print(result, made.changes, dry_run)
    status = common.status_of(diagnostics.in_order()) if diagnostics.has_errors else 0
    common.finish(output_format, result, diagnostics, status)


def _as_dict(change: Change) -> dict[str, Any]:
    fields = {name: {"from": old, "to": new} for name, (old, new) in change.fields.items()}
    return {"entry": change.key, "how": change.how, "fields": fields}


def _print(result: dict[str, Any], changes: tuple[Change, ...], dry_run: bool) -> None:
    counts = [
        f"{sum(change.how == how for change in changes)} {how}"
        for how in ("added", "changed", "removed")
        if any(change.how == how for change in changes)
    ]
    would = "would be " if dry_run and counts else ""
    told = f"{would}{', '.join(counts)}" if counts else "nothing changed"
    click.echo(f"{result['lock']}: {told} ({result['entries']} entries)")
    for change in changes[:SHOWN]:
        click.echo(f"  {change.how}: {change.key}{_words(change)}")
    if len(changes) > SHOWN:
        click.echo(f"  and {len(changes) - SHOWN} more")


def _words(change: Change) -> str:
    if change.how != "changed":
        return ""
    shown = [f"{name} {_short(a)} -> {_short(b)}" for name, (a, b) in change.fields.items()]
    return f" ({', '.join(shown)})"


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return f"{text[:12]}…" if len(text) > 24 else text
