"""Replaces a directory file by file, for file systems that cannot exchange directories.

The new files are made in a folder inside the directory; renaming that folder to `.journal`
decides. From then on the replace is only ever rolled forward, by this run or by the next,
with the ledger as the last file. Between a kill and the next run the directory may be mixed:
that is what an exchange avoids, and why this is only the second choice.
"""

from __future__ import annotations

import errno
import os

from compiler.model.ledger import LEDGER_FILE
from compiler.stages.write.disk import (
    OWN_PREFIX,
    Listing,
    create_file,
    list_directory,
    read_file,
    read_ledger,
)

_PARTIAL = ".partial"
_JOURNAL = ".journal"


def replace_by_journal(staged: str, live: str, token: str) -> None:
    """Make `live` hold the files that the ledger of `staged` names; foreign files stay."""
    os.makedirs(live, exist_ok=True)
    partial = f"{live}/{OWN_PREFIX}{token}{_PARTIAL}"
    os.mkdir(partial)
    for name in (*read_ledger(staged).digests, LEDGER_FILE):
        create_file(f"{partial}/{name}", read_file(f"{staged}/{name}"))
    journal = partial.removesuffix(_PARTIAL) + _JOURNAL
    os.rename(partial, journal)
    _roll_forward(live, journal)


def remove_by_file(live: str) -> None:
    """Delete the owned files of a directory, the ledger last, and the directory if it can go."""
    for name in read_ledger(live).digests:
        _unlink(f"{live}/{name}")
    _unlink(f"{live}/{LEDGER_FILE}")
    try:
        os.rmdir(live)
    except OSError as fault:
        if fault.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY}:
            raise


def list_mended(live: str) -> Listing | None:
    """The listing of a directory after any interrupted replace in it was brought to its end."""
    listing = list_directory(live)
    if listing is None or not any(name.startswith(OWN_PREFIX) for name in listing.folders):
        return listing
    for name in listing.folders:
        if name.startswith(OWN_PREFIX) and name.endswith(_JOURNAL):
            _roll_forward(live, f"{live}/{name}")
        elif name.startswith(OWN_PREFIX) and name.endswith(_PARTIAL):
            _discard(f"{live}/{name}")
    return list_directory(live)


def _roll_forward(live: str, journal: str) -> None:
    """Move every file of the journal into place and drop what the new ledger no longer owns."""
    names = os.listdir(journal)
    if LEDGER_FILE in names:
        stay = read_ledger(journal).digests
        for name in read_ledger(live).digests:
            if name not in stay:
                _unlink(f"{live}/{name}")
        for name in names:
            if name != LEDGER_FILE:
                os.replace(f"{journal}/{name}", f"{live}/{name}")
        os.replace(f"{journal}/{LEDGER_FILE}", f"{live}/{LEDGER_FILE}")
    os.rmdir(journal)


def _discard(partial: str) -> None:
    for name in os.listdir(partial):
        os.unlink(f"{partial}/{name}")
    os.rmdir(partial)


def _unlink(path: str) -> None:
    """Delete a file; one that is gone already was deleted by a run that was killed."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
