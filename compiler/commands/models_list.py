"""`edgewright models list`: the versions that fit what is asked, with what was measured of them.

Decides nothing: values that cannot be compared stand apart, and where versions run is what
planning says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compiler.commands import common
from compiler.commands.models_names import known
from compiler.model.diagnostics import Diagnostics
from compiler.model.record import dataclass

if TYPE_CHECKING:
    from compiler.commands.models_deployed import Deployed
    from compiler.model.spec.amounts import Measure
    from compiler.workflows.recording import Opened

Row = dict[str, Any]
BOUND = re.compile(r"(?P<name>[^<>=]+)(?:(?P<sign>>=|<=|>|<|=)(?P<value>.+))?")
SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
    "=": lambda one, other: one == other,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric that is asked for, and what its value must be, if anything."""

    name: str
    sign: str = ""
    value: Measure | None = None

    def holds(self, metric: Mapping[str, Any]) -> bool:
        """Whether a measured value is what is asked; one in another unit is not."""
        if metric["name"] != self.name:
            return False
        if self.value is None:
            return True
        same = metric["unit"] == self.value.unit
        return same and SIGNS[self.sign](metric["number"], self.value.number)


@click.command("list")
@common.spec_argument
@common.environment_option
@click.option("--task", metavar="WORD", help="What the model does.")
@click.option("--class", "classes", multiple=True, metavar="NAME", help="It tells this class "
              "apart; repeatable.")  # fmt: skip
@click.option("--framework", metavar="WORD", help="A build for this framework.")
@click.option("--license", "licence", metavar="ID", help="The licence.")
@click.option("--input-shape", metavar="1,640,640,3", help="An input of this shape; -1 is any.")
@click.option("--arch", metavar="WORD", help="A build that runs on this architecture.")
@click.option("--metric", "bounds", multiple=True, metavar="NAME[>=VALUE]",
              help="It was measured (and is >=, <=, >, < or = a value); repeatable.")  # fmt: skip
@click.option("--base", metavar="NAME[:VERSION]", help="It comes from this, at any distance.")
@click.option("--trained-on", metavar="DATASET[:VERSION]",
              help="It, or what it comes from, was trained on this.")  # fmt: skip
@click.option("--deployed", is_flag=False, flag_value="", metavar="[SITE]",
              help="It runs somewhere, or at this site; last, or --deployed=SITE.")  # fmt: skip
@click.option("--sort", default="name", show_default=True, metavar="name|sites|METRIC",
              help="The order; of a metric the best first.")  # fmt: skip
@common.templates_option
@common.format_option
@common.guarded
def listing(
    spec: Path,
    environments: tuple[str, ...],
    deployed: str | None,
    sort: str,
    templates: Path | None,
    output_format: str,
    **asked: Any,
) -> None:
    """List the versions of models of SPEC (default: specs) that fit everything that is asked."""
    from compiler import pipeline
    from compiler.commands import models_deployed
    from compiler.commands.models_facts import version_facts
    from compiler.reports import models_table
    from compiler.workflows import recording

    diagnostics = Diagnostics()
    opened = recording.open_spec(spec, diagnostics)
    bounds = [_bound(word) for word in asked.pop("bounds")]
    request = pipeline.Request(
        root=spec, environments=environments, templates=common.own_templates(spec, templates)
    )
    places = models_deployed.deployed(request)
    if deployed is not None and places.stopped is not None:
        raise places.stopped
    rows = [
        {**version_facts(opened, name, version), "sites": places.sites(name, version)}
        for name, model in opened.spec.models.items()
        for version in model.versions
    ]
    _check_words(opened, rows, asked, deployed)
    rows = [row for row in rows if _fits(opened, row, asked, bounds, deployed)]
    rows = _sorted(opened, rows, sort)
    if output_format == "text":
        shown = [bound.name for bound in bounds] or (
            [sort] if sort not in ("name", "sites") else []
        )
        click.echo(models_table.render(rows, shown, placed=places.stopped is None), nl=False)
        _tell(places)
    result = {"versions": rows, "deployedKnown": places.stopped is None}
    common.finish(output_format, result, diagnostics, 0)


def _tell(places: Deployed) -> None:
    if places.stopped is not None:
        count = len(places.stopped.diagnostics)
        found = f"{count:,} finding{'' if count == 1 else 's'}"
        click.echo(f"where versions run is not known: {found}; see `edgewright check`", err=True)


def _bound(word: str) -> Bound:
    from pydantic_core import PydanticCustomError

    from compiler.model.spec.amounts import parse_measure

    match = BOUND.fullmatch(word)
    if match is None:
        raise click.UsageError(f"--metric {word}: write NAME, or NAME>=VALUE")
    if match["value"] is None:
        return Bound(match["name"].strip())
    try:
        value = parse_measure(match["value"].strip())
    except PydanticCustomError as error:
        raise click.UsageError(f"--metric {word}: {error.message()}") from None
    return Bound(match["name"].strip(), match["sign"], value)


def _check_words(
    opened: Opened, rows: Sequence[Row], asked: Mapping[str, Any], deployed: str | None
) -> None:
    """Refuse a word that no version has: it is misspelt more often than meant."""
    builds = [build for row in rows for build in row["builds"]]
    there = {
        "task": {row["task"] for row in rows},
        "framework": {build["framework"] for build in builds},
        "licence": {row["license"] for row in rows},
        "classes": {name for build in builds for name in build["classes"]},
    }
    for key, names in there.items():
        given = asked[key]
        for word in given if isinstance(given, tuple) else [given] if given else []:
            known({"licence": "license", "classes": "class"}.get(key, key), word,
                  dict.fromkeys(sorted(filter(None, names))))  # fmt: skip
    for noun, key, entries in (
        ("model", "base", opened.spec.models), ("dataset", "trained_on", opened.spec.datasets),
    ):  # fmt: skip
        name, _, version = (asked[key] or "").partition(":")
        if name:
            known(noun, name, entries)
        if version:
            known("version", version, entries[name].versions, of=name)
    if deployed:
        known("site", deployed, opened.spec.fleet.sites)


def _fits(
    opened: Opened,
    row: Row,
    asked: Mapping[str, Any],
    bounds: Iterable[Bound],
    deployed: str | None,
) -> bool:
    """Whether a version is everything that is asked; one build of it has to be all of it."""
    if deployed is not None and not (row["sites"] if not deployed else deployed in row["sites"]):
        return False
    if asked["task"] not in (None, row["task"]) or asked["licence"] not in (None, row["license"]):
        return False
    if not _descends(opened, row, asked["base"], asked["trained_on"]):
        return False
    # A value of the version stands for each build of it that was not measured itself.
    of_version: list[Row] = next((b["metrics"] for b in row["builds"] if not b["variant"]), [])
    return any(_build_fits(build, of_version, asked, bounds) for build in row["builds"])


def _build_fits(
    build: Row, of_version: Sequence[Row], asked: Mapping[str, Any], bounds: Iterable[Bound]
) -> bool:
    values = build["metrics"] or of_version
    arch = build["needs"].get("arch") or ()
    shapes = [tensor["shape"] for tensor in build["inputs"]]
    return (
        asked["framework"] in (None, build["framework"])
        and set(asked["classes"]) <= set(build["classes"])
        and (asked["arch"] is None or not arch or asked["arch"] in arch)
        and (asked["input_shape"] is None or any(_same(asked["input_shape"], s) for s in shapes))
        and all(any(bound.holds(one) for one in values) for bound in bounds)
    )


def _same(asked: str, shape: Sequence[int]) -> bool:
    words = re.split(r"[,x×]", re.sub(r"[\[\]\s]", "", asked))
    if not all(re.fullmatch(r"-?\d+", word) for word in words):
        raise click.UsageError(f"--input-shape {asked}: write numbers, such as 1,640,640,3")
    pairs = list(zip(map(int, words), shape, strict=False))
    return len(words) == len(shape) and all(a == b or -1 in (a, b) for a, b in pairs)


def _descends(opened: Opened, row: Row, base: str | None, trained_on: str | None) -> bool:
    from compiler.commands.models_facts import ancestors

    line = list(ancestors(opened, row["model"], row["version"]))
    if base and not any(base in (name, f"{name}:{version}") for name, version in line):
        return False
    if not trained_on:
        return True
    entries = [
        opened.spec.models[n].versions[v] for n, v in [(row["model"], row["version"]), *line]
    ]
    data = [one for entry in entries if entry.lineage for one in entry.lineage.trained_on]
    return any(trained_on in (one, one.partition(":")[0]) for one in data)


def _sorted(opened: Opened, rows: list[Row], sort: str) -> list[Row]:
    if sort == "name":
        return rows
    if sort == "sites":
        return sorted(rows, key=lambda row: -len(row["sites"]))
    from compiler.model import metrics

    known_metric = metrics.metric(sort, metrics.defined(opened.spec.metrics))
    if known_metric is None:
        raise _no_order(opened, rows, sort)
    sign = -1 if known_metric.higher else 1

    def order(row: Row) -> tuple[Any, ...]:
        found = [one for b in row["builds"] for one in b["metrics"] if one["name"] == sort]
        best = min(found, key=lambda one: sign * one["number"], default=None)
        if best is None:
            return (1,)
        ways = ("unit", "dataset", "digest", "split", "profile")
        way = tuple(best[key] for key in ways)
        return 0, way, sorted(best["params"].items()), sign * best["number"]

    return sorted(rows, key=order)


def _no_order(opened: Opened, rows: Sequence[Row], sort: str) -> click.UsageError:
    names = {one["name"] for row in rows for b in row["builds"] for one in b["metrics"]}
    if sort in names:
        hint = f"add metrics: {{{sort}: {{better: higher}}}} to the spec, or lower"
        return click.UsageError(f"nobody says which way {sort} is better; {hint}")
    known("order", sort, dict.fromkeys(["name", "sites", *sorted({*opened.spec.metrics, *names})]))
    return click.UsageError(f"there is no order {sort}")
