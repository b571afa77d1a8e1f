"""Whose a generated file is, and which later object succeeds one that is gone.

An object keeps its identity through a content-derived name, another directory of its cluster,
or a job or site that `moved:` renames. Texts and names only: nothing here opens a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

HEADER = re.compile(rb"# edgewright: (\S+?)(?: @ (\S+))?, do not edit")
"""The first line of a generated file: the part of the spec, and the site."""
CONTENT_NAME = re.compile(r"-[0-9a-f]{8}$")
"""How a name ends that follows from the object's content."""


def owner(text: bytes) -> tuple[str, str] | None:
    """(subject, site) that a generated file's header names; None where there is no header."""
    found = HEADER.match(text)
    if found is None:
        return None
    return found[1].decode("utf-8", "replace"), (found[2] or b"").decode("utf-8", "replace")


def site_name(path: str) -> str:
    """The site that a spec path names, as `sites.NAME` or `fleet.sites.NAME`; else empty."""
    parts = path.removeprefix("fleet.").split(".", 1)
    return parts[1] if len(parts) == 2 and parts[0] == "sites" else ""


def successors(
    subject: str, site: str, moved: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """The (subject, site) pairs that an object's owner may have become."""
    for old, new in moved:
        old_site, new_site = site_name(old), site_name(new)
        if subject == old:
            yield new, site
        if old_site and new_site and site == old_site:
            yield (new if site_name(subject) == old_site else subject), new_site
