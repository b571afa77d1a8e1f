"""A comparison as one page that needs nothing else: no network, no other file.

Everything stands in it as text and tables; the script only hides and groups what is there. The
policy in the page lets exactly that script and that style in, so no text of a spec can run, and
everything of a spec is escaped all the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import groupby

from compiler.model.changes import Comparison, Cost, Effect, Place, Row
from compiler.model.readable import amount
from compiler.reports.annotations import level
from compiler.reports.changes import (
    cost,
    counted,
    gates,
    objects,
    policies,
    sites,
    totals,
    warnings,
    where,
    words,
)

WARNINGS = 40
"""What to look at first that is named; the rest stands below anyway."""


def render(found: Comparison) -> str:
    """The whole page."""
    style, script = _own("changes_page.css"), _own("changes_page.js")
    parts = [
        _head(style, script),
        _header(found),
        *_first(found),
        *_held(found),
        _filters(found),
        *_changes(found),
        *_sites(found),
        *_costs(found),
        f"</main><script>{script}</script></html>\n",
    ]
    return "\n".join(parts)


def _own(name: str) -> str:
    return (files("compiler") / "reports" / name).read_text(encoding="utf-8")


def _head(style: str, script: str) -> str:
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>What a change does to the fleet</title><style>{style}</style></head><body>"
        '<a class="skip" href="#changes">To the changes</a><main>'
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(text: str) -> str:
    """A text of a spec: escaped, and without what turns or hides the text around it."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))


def _badge(effect: Effect) -> str:
    return f'<span class="badge {level(effect).value}">{words(effect)}</span>'


def _header(found: Comparison) -> str:
    tally = "".join(
        f"<li>{_badge(effect)} <span class=number>{count:,}</span></li>"
        for effect, count in found.effects.items()
    )
    return (
        f"<header><h1>{_text(totals(found).partition(':')[0])}</h1>"
        f'<p class="quiet">{_text(found.head)}, compared with {_text(found.base)}</p>'
        f'<ul class="tally" aria-label="Objects by effect">{tally}</ul></header>'
    )


def _first(found: Comparison) -> Iterator[str]:
    listed = warnings(found)
    if not listed:
        return
    lines = [f"<li><b>{_text(what)}</b>: {_text(which)}</li>" for what, which in listed[:WARNINGS]]
    if len(listed) > WARNINGS:
        lines.append(f"<li>and {len(listed) - WARNINGS:,} more below</li>")
    yield (
        '<section class="first" aria-labelledby="first"><h2 id="first">Look first</h2>'
        f"<ul>{''.join(lines)}</ul></section>"
    )


def _held(found: Comparison) -> Iterator[str]:
    judged, named = gates(found), policies(found)
    if not (judged or named):
        return
    lines = [f"<li><code>{_text(what)}</code> {_text(said)}</li>" for what, said in judged]
    lines += [f"<li>{_text(named)}</li>"] if named else []
    yield (
        '<section aria-labelledby="held"><h2 id="held">Gates and policies</h2>'
        f"<ul>{''.join(lines)}</ul></section>"
    )


def _filters(found: Comparison) -> str:
    """The form, hidden until the script shows it: nothing in it works without."""
    clusters = sorted({_cluster(place) for row in found.rows for place in row.places})
    labels = sorted({label for place in found.labels for label in _labels(found, place)})
    effects = [(effect.value, words(effect)) for effect in found.effects]
    keys = sorted({key for one in found.labels.values() for key in one})
    return (
        '<form id="filters" hidden role="search" aria-label="Filter changes and sites">'
        '<label class="wide">Search<input type="search" name="search" autocomplete="off" '
        'placeholder="a site, job, model or field"></label>'
        f"{_select('cluster', 'Cluster', 'all clusters', [(one, one) for one in clusters])}"
        f"{_select('label', 'Label', 'all labels', [(one, one) for one in labels])}"
        f"{_select('effect', 'Effect', 'all effects', effects)}"
        f"{_select('group', 'Group sites by', 'cluster', [(key, key) for key in keys])}"
        '<button type="reset">Clear</button><output id="found" aria-live="polite"></output></form>'
    )


def _select(name: str, title: str, none: str, options: Iterable[tuple[str, str]]) -> str:
    listed = "".join(f'<option value="{_text(v)}">{_text(shown)}</option>' for v, shown in options)
    return (
        f'<label>{title}<select name="{name}"><option value="">{none}</option>{listed}'
        "</select></label>"
    )


def _changes(found: Comparison) -> Iterator[str]:
    yield '<section aria-labelledby="changes"><h2 id="changes">Changes</h2>'
    for number, row in enumerate(found.rows):
        yield _change(number, row)
    hidden = " hidden" if found.rows else ""
    yield f'<p class="empty" id="none"{hidden}>Nothing changes here.</p></section>'


def _change(number: int, row: Row) -> str:
    clusters = sorted({_cluster(place) for place in row.places})
    at = sum(bool(place.site) for place in row.places)
    count = f'<span class="quiet" data-count>{counted(at, "site")}</span>' if at else ""
    hint = f'<p class="do"><b>To do:</b> {_text(row.hint)}</p>' if row.hint else ""
    cause = ""
    if row.cause:
        cause = f'<p class="quiet">from <code>{_text(str(row.cause))}</code></p>'
    return (
        f'<article data-row="{number}" data-effect="{row.effect.value}" '
        f'data-shared="{0 if at else 1}" data-clusters="{_json(clusters)}">'
        f"<h3>{_badge(row.effect)} <code>{_text(row.subject)}</code> {count}</h3>"
        f"<p>{_text(objects(row))}: {_text(row.summary)}</p>{hint}{_fields(row)}{cause}"
        f"<details data-where><summary>Where</summary><p>{_text(where(row.places))}</p>"
        f"<p><code>{_text(', '.join(sites(row.places)))}</code></p></details></article>"
    )


def _fields(row: Row) -> str:
    if not row.fields:
        return ""
    lines = "".join(
        f"<tr><th scope=row><code>{_text(one.path)}</code></th><td><code>{_value(one.old)}</code>"
        f"</td><td><code>{_value(one.new)}</code></td></tr>"
        for one in row.fields
    )
    opened = " open" if len(row.fields) <= 6 else ""
    return (
        f"<details{opened}><summary>{counted(len(row.fields), 'field')}</summary>"
        "<table class=values><thead><tr><th scope=col>Field<th scope=col>Before<th scope=col>After"
        f"</tr></thead><tbody>{lines}</tbody></table></details>"
    )


def _value(text: str) -> str:
    return _text(text) if text else "none"


def _sites(found: Comparison) -> Iterator[str]:
    """Every site once, by cluster, with what happens there."""
    rows: dict[Place, list[int]] = defaultdict(list)
    for number, row in enumerate(found.rows):
        for place in row.places:
            if place.site:
                rows[place].append(number)
    if not rows:
        return
    costs = {place: one for one in found.costs for place in one.places}
    yield '<section aria-labelledby="sites"><h2 id="sites">Sites</h2><div class="scroll">'
    yield '<table class="sites" id="site-table"><thead><tr><th scope=col>Site</th>'
    yield "<th scope=col>What happens</th><th scope=col>Fetches</th><th scope=col>Takes</th>"
    yield "<th scope=col>Labels</th></tr></thead>"
    for cluster, places in groupby(sorted(rows), key=_cluster):
        listed = list(places)
        total = sum(costs[place].download for place in listed if place in costs)
        fetch = f", {amount(total)} to fetch" if total else ""
        yield (
            f"<tbody><tr class=group><th scope=rowgroup colspan=5>{_text(cluster)} "
            f'<span class="quiet" data-sum>{counted(len(listed), "site")}{fetch}</span></th></tr>'
        )
        for place in listed:
            yield _site(place, rows[place], found, costs.get(place))
        yield "</tbody>"
    yield "</table></div></section>"


def _site(place: Place, rows: Sequence[int], found: Comparison, one: Cost | None) -> str:
    labels = _labels(found, place)
    effects = sorted({found.rows[row].effect for row in rows}, key=lambda effect: effect.severity)
    said = dict(cost(one)) if one else {}
    searched = " ".join([place.site, _cluster(place), *labels]).lower()
    return (
        f'<tr data-rows="{" ".join(map(str, rows))}" data-cluster="{_text(_cluster(place))}" '
        f'data-labels="{_json(labels)}" data-text="{_text(searched)}" '
        f'data-bytes="{one.download if one else 0}"><th scope=row>{_text(place.site)}</th>'
        f"<td>{''.join(map(_badge, effects))}</td>"
        f'<td data-name="fetches">{_text(said.get("fetches", ""))}</td>'
        f'<td data-name="takes">{_text(said.get("takes", ""))}</td>'
        f"<td class=quiet>{_text(', '.join(labels))}</td></tr>"
    )


def _costs(found: Comparison) -> Iterator[str]:
    if not found.costs:
        return
    yield '<section aria-labelledby="costs"><h2 id="costs">What it asks of each site</h2>'
    yield '<div class="scroll"><table><thead><tr>'
    heads = ("Sites", "Fetches", "Takes", "Disk", "Memory", "Way back")
    yield f"{''.join(f'<th scope=col>{head}</th>' for head in heads)}</tr></thead><tbody>"
    for one in found.costs:
        said: Mapping[str, str] = dict(cost(one))
        cells = [said.get(head.lower(), "") for head in heads[1:]]
        inner = "".join(f"<td>{_text(cell)}</td>" for cell in cells)
        yield f"<tr><th scope=row>{_text(where(one.places))}</th>{inner}</tr>"
    yield "</tbody></table></div></section>"


def _cluster(place: Place) -> str:
    return f"{place.environment}/{place.cluster}"


def _labels(found: Comparison, place: Place) -> list[str]:
    return [f"{key}: {value}" for key, value in sorted(found.labels.get(place, {}).items())]


def _json(values: Sequence[str]) -> str:
    return escape(json.dumps(values))
