"""`edgewright init`: a small, commented fleet that compiles at once. Overwrites nothing."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from pathlib import Path

import click

from compiler.commands import common, lock_merge

STARTER = ("fleet.yaml", "jobs.yaml")
PROJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
FALLBACK_NAME = "my-fleet"


@click.command("init")
@click.argument(
    "folder",
    metavar="[DIR]",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    required=False,
)
@click.option("--name", help="The project's name. [default: the folder's name]")
@click.option(
    "--engine",
    type=click.Choice(["flux", "argocd"]),
    default="flux",
    show_default=True,
    help="What will apply the output on the cluster.",
)
def command(folder: Path, name: str | None, engine: str) -> None:
    """Make a small fleet in DIR (default: here) that compiles at once.

    Three sites, two kinds of hardware, one model and one job, in DIR/specs. Nothing that is
    there already is touched.
    """
    project = _project(folder, name)
    specs = folder / "specs"
    if specs.exists() and (not specs.is_dir() or any(specs.iterdir())):
        raise click.UsageError(
            f"{specs} is there already, and init only starts new fleets; "
            "name another folder: edgewright init DIR"
        )
    try:
        written = _write(folder, project, engine)
    except OSError as error:
        click.echo(f"{error.filename or specs}: {error.strerror}; nothing was replaced", err=True)
        sys.exit(common.OUTSIDE_WORLD)
    click.echo(
        "\n".join([*(f"wrote {path}" for path in written), "", _next(folder), "", _driver(folder)])
    )


def _project(folder: Path, name: str | None) -> str:
    if name is None:
        made = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
        return made if PROJECT_NAME.fullmatch(made) else FALLBACK_NAME
    if not PROJECT_NAME.fullmatch(name):
        raise click.BadParameter(
            f"{name!r} is no project name: lower-case letters, digits and '-', beginning and "
            "ending with a letter or digit, at most 63",
            param_hint="--name",
        )
    return name


def _write(folder: Path, project: str, engine: str) -> list[Path]:
    """Write every file anew, the schema last: it names what the others define."""
    specs = folder / "specs"
    specs.mkdir(parents=True, exist_ok=True)
    written = [_new(specs / name, _starter(name, project, engine)) for name in STARTER]
    written.append(_new(specs / "schema.json", _schema(specs)))
    ignore = folder / ".gitignore"
    if not ignore.exists():
        written.append(_new(ignore, "/.edgewright/\n"))
    attributes = folder / ".gitattributes"
    if not attributes.exists():
        written.append(_new(attributes, f"{lock_merge.ATTRIBUTE}\n"))
    return written


def _driver(folder: Path) -> str:
    """Tell Git how to merge locks, or how to tell it once there is a repository."""
    from compiler.adapters.git import Git, GitError

    try:
        Git(folder).run("config", "merge.edgewright.driver", lock_merge.DRIVER)
    except GitError:
        command = f'git config merge.edgewright.driver "{lock_merge.DRIVER}"'
        return f"So that Git merges edgewright.lock by entry, once in each clone:\n  {command}"
    return "This clone merges edgewright.lock by entry (merge.edgewright.driver)."


def _starter(name: str, project: str, engine: str) -> str:
    source = files("compiler") / "commands" / "starter" / name
    text = source.read_text(encoding="utf-8")
    text = text.replace("@PROJECT@", project).replace("@ENGINE@", engine)
    # Digests of one repeated letter: valid in form, and nobody takes them for real.
    return re.sub(r"@([a-f])@", lambda match: match[1] * 64, text)


def _schema(specs: Path) -> str:
    from compiler.commands.schema import spec_schema, text_of

    return text_of(spec_schema(specs))


def _new(path: Path, text: str) -> Path:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path


def _next(folder: Path) -> str:
    place = "" if folder == Path() else f"cd {folder}\n  "
    return f"""Next:
  {place}edgewright check             # what is wrong, by file and line; writes nothing
  edgewright compile           # specs/ into generated/, which you commit
  edgewright explain watch     # what the job becomes on which site, and why
  edgewright graph             # the fleet as a Mermaid picture

In specs/jobs.yaml, set target: "1.1.0", compile again and look at the difference.
Lines marked CHANGE hold made-up values. After adding names, refresh what your editor
proposes: edgewright schema --output specs/schema.json"""
