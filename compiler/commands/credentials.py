"""Which credentials a store is asked with: the chain's, or a profile that a flag gives it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from compiler.model.suggest import did_you_mean

if TYPE_CHECKING:
    from compiler.adapters.stores import AllStores
    from compiler.model.resolved import Resolved

profile_option = click.option(
    "--profile", "profiles", multiple=True, metavar="STORE=NAME",
    help="Ask this S3 store with a profile of ~/.aws/config; repeatable.",
)  # fmt: skip


def stores(words: Iterable[str], environments: Iterable[Resolved]) -> AllStores:
    """Every store, each with its own credentials.

    Raises:
        click.UsageError: a word names no S3 store of the spec.
    """
    from compiler.adapters.stores import AllStores

    known = {
        name
        for one in environments
        for name, store in one.spec.stores.items()
        if store.url.startswith("s3://")
    }
    found: dict[str, str] = {}
    for word in words:
        store, separator, name = word.partition("=")
        if not (separator and name):
            raise click.UsageError(f"--profile {word}: write STORE=NAME")
        if store not in known:
            hint = did_you_mean(store, sorted(known)) or "`stores:` has none"
            raise click.UsageError(f"--profile {word}: there is no S3 store {store}. {hint}")
        if found.setdefault(store, name) != name:
            raise click.UsageError(f"--profile {store}: it is there twice")
    return AllStores(found)
