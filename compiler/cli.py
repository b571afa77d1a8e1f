"""The command line: picks the command, maps errors to exit codes, and nothing else.

Exit codes: 0 ok, 1 the spec is wrong, 2 usage, 3 a policy or gate failed, 4 output stale,
5 Git conflict, 6 the outside world failed, 130 interrupted. Commands are imported
when they are called.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module

import click

COMMANDS = {
    "bundle": "Put what a site without a network needs into one archive.",
    "check": "Check a spec without writing anything.",
    "compile": "Compile a spec into generated/.",
    "dataset": "Count samples, classes, parts and problems of a dataset.",
    "diff": "Say what a change does to the fleet.",
    "explain": "Explain a job, a site, a model, a generated line or a code.",
    "graph": "Draw jobs, models, datasets and sites as a Mermaid graph.",
    "lock": "Resolve artifacts, images and datasets, and write edgewright.lock.",
    "init": "Make a small fleet that compiles at once.",
    "models": "List, show and record models, versions and what was measured.",
    "promote": "Take a rollout one step on, or back where its sites fail.",
    "publish": "Bring a commit's output to the branches that engines read.",
    "rollback": "Send every site back to another version at once.",
    "schema": "Print the JSON Schema of the spec for editors.",
    "status": "Show what is wanted, published, applied, accepted and running.",
}


OUTSIDE_WORLD = 6
INTERRUPTED = 130
"""What shells report of a command that Ctrl-C ended."""

LATER = (
    "import",
)  # fmt: skip
"""Commands of the language's plan that this release does not have."""


class LazyCommands(click.Group):
    """Imports the module of a command only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names, sorted."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None when there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"compiler.commands.{cmd_name}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"compiler.commands.{cmd_name}.command is not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a planned one is named as such, a misspelt one gets a proposal."""
        if args and args[0] in LATER:
            ctx.fail(f"`{args[0]}` is not part of this release.")
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            proposal = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"There is no command `{args[0]}`.{proposal}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edgewright", prog_name="edgewright")
def program() -> None:
    """Compile one spec of models, datasets and jobs into what an edge-AI fleet runs."""
    try:
        os.getcwd()  # noqa: PTH109 - no path is wanted, only whether there is one
    except OSError as error:
        # Every command shows paths relative to it, and half of its work may be done by then.
        click.echo(f"the current folder: {error.strerror}; change to one that exists", err=True)
        sys.exit(OUTSIDE_WORLD)


def main() -> None:
    """Run the program; the console script's entry point.

    The process ends at once when the command has: to take its memory apart first, object by
    object, would take a small compile as long as a third of its work.
    """
    status = _run()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error of ours or the spec's.
        status = 0
    os._exit(status)


def _run() -> int:
    try:
        answer = program.main(prog_name="edgewright", standalone_mode=False)
    except BrokenPipeError:
        return 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        # Exit code 1 says that the spec is wrong, which nobody has found.
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return answer if isinstance(answer, int) else 0
