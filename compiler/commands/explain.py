"""`edgewright explain`: why a job, a line of the output or an error code is what it is.

Finds out which of the three is meant and shows what the compiler knows. Writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from compiler.commands import common
from compiler.model.codes import all_codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.suggest import did_you_mean

CODE = re.compile(r"[A-Za-z]\d{4}")
LINE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(:\d+)?")
JOBS = "jobs."
SHOWN = 12


@click.command("explain")
@click.argument("target")
@common.spec_argument
@common.environment_option
@click.option("--site", default="", metavar="NAME", help="Of a job: only this site.")
@common.templates_option
@common.format_option
@common.guarded
def command(
    target: str,
    spec: Path,
    environments: tuple[str, ...],
    site: str,
    templates: Path | None,
    output_format: str,
) -> None:
    """Explain TARGET: a job, a generated file (FILE or FILE:LINE), or a code such as E2301.

    A job: its backends with every reason, the version of each site, and what becomes of each
    field. A line: the line of the spec, of the template and of the lock that made it.
    SPEC is the spec's folder (default: specs).
    """
    if CODE.fullmatch(target):
        facts, text = _code(target.upper())
        diagnostics = Diagnostics()
    else:
        from compiler import pipeline

        diagnostics = Diagnostics()
        request = pipeline.Request(
            root=spec,
            environments=environments,
            templates=common.own_templates(spec, templates),
        )
        prepared = pipeline.prepare(request, diagnostics)
        if "/" in target or re.search(r"\.ya?ml\b", target):
            facts, text = _file(target, prepared)
        else:
            facts, text = _job(target.removeprefix(JOBS), site, prepared)
    if output_format == "text":
        click.echo(text, nl=False)
        return
    common.finish(output_format, facts, diagnostics, 0)


def _code(name: str) -> tuple[dict[str, Any], str]:
    codes = all_codes()
    if name not in codes:
        raise click.UsageError(
            f"there is no code {name}; there are: {', '.join(_near(name, codes))}"
        )
    code = codes[name]
    facts = {
        "code": code.id,
        "severity": code.severity.value,
        "title": code.title,
        "reason": code.reason,
        "remedy": code.remedy,
    }
    return facts, f"{code.id} ({code.severity.value}): {code.title}\n\n" + _paragraphs(
        code.reason, f"What to do: {code.remedy}"
    )


def _near(name: str, codes: Collection[str]) -> list[str]:
    """The codes that share the longest beginning with a name that is none."""
    for length in range(len(name) - 1, 0, -1):
        found = [code for code in codes if code[:length] == name[:length]]
        if found:
            return found if len(found) <= SHOWN else [*found[:SHOWN], "…"]
    return ["E1001", "E1002", "…"]


def _paragraphs(*texts: str) -> str:
    return "\n".join(click.wrap_text(text, width=88) + "\n" for text in texts)


def _job(name: str, site: str, prepared: Any) -> tuple[dict[str, Any], str]:
    from compiler.commands.explain_job import job_facts, render

    fronts = prepared.workshop.fronts
    if site:
        _known("site", site, {name for front in fronts for name in front.context.sites})
        fronts = [front for front in fronts if site in front.context.sites]
    _known("job", name, {job for front in fronts for job in front.resolved.base.jobs})
    found = [facts for front in fronts if (facts := job_facts(front, name, site))]
    return {"environments": found}, "\n".join(render(facts) for facts in found)


def _known(noun: str, name: str, names: Collection[str]) -> None:
    if name in names:
        return
    listed = sorted(names)
    few = f"; the {noun}s are: {', '.join(listed)}" if 0 < len(listed) <= SHOWN else ""
    hint = did_you_mean(name, listed)
    raise click.UsageError(f"there is no {noun} {name}{few}. {hint}".rstrip())


def _file(target: str, prepared: Any) -> tuple[dict[str, Any], str]:
    from compiler.commands.explain_file import NoSuchFileError, file_facts, render

    match = LINE.fullmatch(target)
    path, line = (match["file"], int(match["line"])) if match else (target, 0)
    try:
        facts = file_facts(prepared, path, line)
    except NoSuchFileError as error:
        raise click.UsageError(str(error)) from None
    return facts, render(facts)
