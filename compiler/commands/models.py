"""`edgewright models`: what versions there are, what is known of them, and what is written of them.

Only the group; each of its commands is a module beside it.
"""

from __future__ import annotations

import click

from compiler.commands.models_edit import add, record
from compiler.commands.models_list import listing
from compiler.commands.models_show import show


@click.group("models")
def command() -> None:
    """List, show and record the models of a spec and their versions."""


for _one in (add, listing, record, show):
    command.add_command(_one)
