"""One version of a model as a card for the Hugging Face Hub: YAML front matter, then Markdown.

The Hub's `model-index` has no place for a value without a dataset, such as a latency on a device;
those are in the text alone, and so are versions, since an id of the Hub has none. A licence that
the Hub does not know is called `other` there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from compiler.model import emit
from compiler.reports.models_words import metric_words

Facts = Mapping[str, Any]
_LICENSES: Final = frozenset(
    ("afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause",
     "bsd-3-clause-clear", "bsl-1.0", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
     "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0",
     "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0",
     "cc-by-sa-4.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0", "ecl-2.0",
     "epl-1.0", "epl-2.0", "eupl-1.1", "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1", "lgpl-3.0",
     "lppl-1.3c", "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl", "ofl-1.1", "osl-3.0", "postgresql",
     "unlicense", "wtfpl", "zlib")
)  # fmt: skip


def render(facts: Facts) -> str:
    """The README.md of the one version that the facts are of."""
    version = facts["versions"][0]
    front = {key: value for key, value in _front(facts, version).items() if value}
    return f"---\n{emit.dump(front)}---\n\n" + "".join(
        f"{line}\n" for line in _body(facts, version)
    )


def _front(facts: Facts, version: Facts) -> dict[str, Any]:
    build = version["builds"][0] if version["builds"] else {}
    framework = build.get("framework") or ""
    return {
        **_license(version["license"] or ""),
        "library_name": framework,
        "pipeline_tag": version["task"] or "",
        "tags": list(_tags(version)),
        "datasets": [name.partition(":")[0] for name in version["trainedOn"]],
        "metrics": sorted({one["name"] for _, one in _values(version)}),
        "base_model": (version["base"] or "").partition(":")[0],
        "model-index": _index(facts, version),
    }


def _license(name: str) -> dict[str, str]:
    """A licence that the Hub does not know is `other`, with its own name beside it."""
    small = name.lower().removesuffix("-only").removesuffix("-or-later")
    if not name or small in _LICENSES:
        return {"license": small}
    return {"license": "other", "license_name": name.lower()}


def _tags(version: Facts) -> Iterator[str]:
    found: list[str | None] = ["edgewright"]
    for build in version["builds"]:
        accelerator = build["needs"].get("accelerator") or {}
        found += [build["framework"], *build["needs"].get("arch", ()), accelerator.get("name")]
    yield from dict.fromkeys(word for word in found if word)


def _values(version: Facts) -> Iterator[tuple[str, Facts]]:
    for build in version["builds"]:
        for one in build["metrics"]:
            yield build["variant"], one


def _index(facts: Facts, version: Facts) -> list[dict[str, Any]]:
    results: dict[tuple[str, ...], dict[str, Any]] = {}
    for variant, one in _values(version):
        if not one["dataset"] or not version["task"]:
            continue
        name, _, at = one["dataset"].partition(":")
        revision = one["digest"] or at
        data = {"name": one["dataset"], "type": name, "split": one["split"], "revision": revision}
        key = (one["dataset"], one["split"], revision)
        result = results.setdefault(
            key,
            {
                "task": {"type": version["task"]},
                "dataset": {field: value for field, value in data.items() if value},
                "metrics": [],
            },
        )
        result["metrics"].append(_metric(variant, one))
    if not results:
        return []
    return [{"name": f"{facts['model']}:{version['version']}", "results": list(results.values())}]


def _metric(variant: str, one: Facts) -> dict[str, Any]:
    about = {key: one[key] for key in ("profile",) if one[key]} | dict(one["params"])
    name = one["name"] + (f" ({variant})" if variant else "")
    found: dict[str, Any] = {"type": one["name"], "value": _value(one), "name": name}
    return {**found, "args": about} if about else found


def _value(one: Facts) -> Any:
    return one["value"] if one["unit"] else one["number"]


def _body(facts: Facts, version: Facts) -> Iterator[str]:
    yield f"# {facts['model']} {version['version']}"
    yield ""
    if version["yanked"]:
        yield f"**Not to be used:** {version['yanked']}"
        yield ""
    classes = version["builds"][0]["classes"] if version["builds"] else facts["classes"]
    if classes:
        yield f"Tells apart: {', '.join(classes)}."
        yield ""
    values = list(_values(version))
    if values:
        yield "## Measured"
        yield ""
        for variant, one in values:
            yield f"- {metric_words(one)}{f' (variant {variant})' if variant else ''}"
        yield ""
    if version["base"] or version["trainedOn"]:
        yield "## Where it comes from"
        yield ""
        if version["base"]:
            yield f"- base: {version['base']}"
        yield from (f"- trained on: {name}" for name in version["trainedOn"])
        if version["job"]:
            yield f"- made by the job {version['job']}"
        yield ""
    yield "Written by `edgewright models show`."
