"""Gather: the newest report of every sidecar at some sites, read from the store of reports.

An object that is no report is named and left out; the others count all the same. It asks through
the port that it is handed, and judges nothing of what the reports say.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import unquote

from compiler.model import report
from compiler.model.codes import rollout as codes
from compiler.model.codes import world
from compiler.model.diagnostics import CompileError, Diagnostic, Diagnostics, Span
from compiler.model.inputs import Location
from compiler.model.ports import Stores
from compiler.model.report import Report, ReportError
from compiler.model.stored import Stored, StoreError, below

AT_ONCE = 16
"""Objects read at the same time."""


def gather(
    stores: Stores,
    at: Location,
    sites: Collection[str],
    span: Span | None,
    diagnostics: Diagnostics,
) -> list[Report]:
    """The reports of some sites, in the order of their names. `span` is the line of `reports:`.

    Raises:
        CompileError: the store does not say what it holds.
    """
    prefix = replace(at, url=f"{at.url.rstrip('/')}/")
    try:
        found = [
            replace(one, location=below(prefix, one.name))
            for one in stores.list(prefix)
            if _site(one) in sites
        ]
    except StoreError as error:
        if error.code is world.STORE_ABSENT:
            return []
        raise CompileError((Diagnostic(error.code, error.message, span, error.hint),)) from error
    with ThreadPoolExecutor(AT_ONCE) as pool:
        read = list(pool.map(lambda one: _read(stores, one), found))
    reports = []
    for stored, answer in zip(found, read, strict=True):
        if isinstance(answer, Report):
            reports.append(answer)
        elif isinstance(answer, ReportError):
            diagnostics.add(codes.REPORT_MALFORMED, f"{stored.location.url}: {answer}", span)
        elif isinstance(answer, StoreError):
            diagnostics.add(answer.code, answer.message, span, answer.hint)
    return reports


def _site(stored: Stored) -> str:
    """The site of an object called SITE/HOST/TENANT.json, or nothing."""
    parts = stored.name.split("/")
    return unquote(parts[0]) if len(parts) == 3 and parts[2].endswith(".json") else ""


def _read(stores: Stores, stored: Stored) -> Report | ReportError | StoreError | None:
    """The report, or why there is none; None where it went meanwhile."""
    if stored.size > report.LARGEST:
        return ReportError(f"it has {stored.size:,} bytes; {report.LARGEST:,} are the most")
    try:
        with stores.open(stored.location) as stream:
            data = stream.read(report.LARGEST + 1)
        found = report.read(stored.name, data, stored.modified)
    except StoreError as error:
        return None if error.code is world.STORE_ABSENT else error
    except ReportError as error:
        return error
    if found.site != _site(stored):
        return ReportError(f"it speaks of site {found.site}, not of the one in its name")
    return found
