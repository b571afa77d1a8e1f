"""`edgewright explain`: why a job, a site, a model, a line of the output or an error is what it is.

Finds out what is meant and shows what the compiler knows. Writes nothing and asks nobody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from compiler.commands import common
from compiler.model.codes import all_codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.suggest import did_you_mean

CODE = re.compile(r"[A-Za-z]\d{4}")
LINE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(:\d+)?")
PREFIXES = {"jobs": "job", "sites": "site", "models": "model"}


@click.command("explain")
@click.argument("target")
@common.spec_argument
@common.environment_option
@click.option("--site", default="", metavar="NAME", help="Of a job or model: only this site.")
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
    """Explain TARGET: a job, a site, a model, a generated file, or a code such as E2301.

    A job: its backends with every reason, the version of each site, and what becomes of each
    field. A site: all that comes to it, why, and what it costs. A model (MODEL or MODEL:VERSION):
    where it runs and why, its gates and lineage, and how it spreads. A file (FILE or FILE:LINE):
    the line of the spec, of the template and of the lock that made it. Where a name is several of
    these, write jobs.NAME, sites.NAME or models.NAME. SPEC is the spec's folder (default: specs).
    """
    diagnostics = Diagnostics()
    if CODE.fullmatch(target):
        facts, text = _code(target.upper())
    else:
        from compiler import pipeline

        request = pipeline.Request(
            root=spec,
            environments=environments,
            templates=common.own_templates(spec, templates),
        )
        prepared = pipeline.prepare(request, diagnostics)
        if "/" in target or re.search(r"\.ya?ml\b", target):
            facts, text = _file(target, prepared)
        else:
            facts, text = _named(target, site, prepared, spec)
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
            return found if len(found) <= common.FEW else [*found[: common.FEW], "…"]
    return ["E1001", "E1002", "…"]


def _paragraphs(*texts: str) -> str:
    return "\n".join(click.wrap_text(text, width=88) + "\n" for text in texts)


def _named(target: str, site: str, prepared: Any, spec: Path) -> tuple[dict[str, Any], str]:
    """The job, site or model that a name stands for."""
    fronts = prepared.workshop.fronts
    names = {
        "job": {job for front in fronts for job in front.resolved.base.jobs},
        "site": {name for front in fronts for name in front.context.sites},
        "model": set(prepared.spec.models),
    }
    noun, name = _meant(target, names)
    if site:
        common.check_name("site", site, names["site"])
    if noun == "job":
        return _job(name, site, fronts)
    if noun == "site":
        return _site(name, prepared)
    from compiler.commands.explain_model import model_facts, render

    facts = model_facts(prepared, spec, name, site)
    return facts, render(facts)


def _meant(target: str, names: Mapping[str, Collection[str]]) -> tuple[str, str]:
    """Which of the nouns a name is, and the name.

    Raises:
        click.UsageError: it is none of them, or more than one.
    """
    prefix, _, rest = target.partition(".")
    if prefix in PREFIXES and rest:
        noun = PREFIXES[prefix]
        common.check_name(noun, rest.partition(":")[0] if noun == "model" else rest, names[noun])
        return noun, rest
    bare = target.partition(":")[0]
    found = [
        noun for noun, known in names.items()
        if (target if noun != "model" else bare) in known
    ]  # fmt: skip
    if len(found) == 1:
        return found[0], target
    if found:
        listed = " and a ".join(found)
        ways = " or ".join(f"{noun}s.{target}" for noun in found)
        raise click.UsageError(f"{target} is a {listed}; write {ways}")
    every = sorted({name for known in names.values() for name in known})
    few = (
        f"; the jobs are: {', '.join(sorted(names['job']))}"
        if len(names["job"]) <= common.FEW
        else ""
    )
    hint = did_you_mean(bare, every)
    raise click.UsageError(f"there is no job, site or model {target}{few}. {hint}".rstrip())


def _job(name: str, site: str, fronts: Iterable[Any]) -> tuple[dict[str, Any], str]:
    from compiler.commands.explain_job import job_facts, render

    there = [front for front in fronts if not site or site in front.context.sites]
    found = [facts for front in there if (facts := job_facts(front, name, site))]
    return {"environments": found}, "\n".join(render(facts) for facts in found)


def _site(name: str, prepared: Any) -> tuple[dict[str, Any], str]:
    from compiler.commands.explain_site import render, site_facts

    there = [front for front in prepared.workshop.fronts if name in front.context.sites]
    found = [site_facts(prepared, front, name) for front in there]
    return {"environments": found}, "\n".join(render(facts) for facts in found)


def _file(target: str, prepared: Any) -> tuple[dict[str, Any], str]:
    from compiler.commands.explain_file import NoSuchFileError, file_facts, render

    match = LINE.fullmatch(target)
    path, line = (match["file"], int(match["line"])) if match else (target, 0)
    try:
        facts = file_facts(prepared, path, line)
    except NoSuchFileError as error:
        raise click.UsageError(str(error)) from None
    return facts, render(facts)
