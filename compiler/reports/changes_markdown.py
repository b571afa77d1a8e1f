"""A comparison as Markdown for a pull request: under 60,000 characters whatever the change.

What destroys comes first and is never left out before what does not. No text of a spec can end
its place, call a person or point at an issue: all of it stands in `code`, as character codes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from compiler.model.changes import Comparison, Cost, Effect, Row
from compiler.reports import mermaid
from compiler.reports.changes import (
    QUIET,
    cost,
    counted,
    fields,
    gates,
    objects,
    policies,
    sites,
    totals,
    warnings,
    where,
    words,
)
from compiler.reports.mermaid import Group, Picture

LIMIT = 60_000
"""GitHub takes 65,536 characters of a comment."""
_ROWS = 34_000
_QUIET_ROWS = 6_000
_COSTS = 8_000
FIELDS = 6
WARNINGS = 12
JOBS = 16
GROUPS = 12
GATES = 24
POLICIES = 1_000
"""Characters of the line that names them."""
_PLAIN = re.compile(r"[^A-Za-z0-9 .,;/=%?'()–→…-]")
_LINKING = "@#"
_BREAK = "&#8203;"
"""A space of no width."""
_SIGNS = {
    Effect.IMMUTABLE: "🛑", Effect.DATA_LOSS: "🛑", Effect.OUTAGE: "🔴", Effect.REMOVED: "🔴",
    Effect.RE_CREATE: "🟠", Effect.LOOP_RESTART: "🟠", Effect.ROLLING_RESTART: "🟡",
    Effect.SIDECAR_CHANGE: "🟡", Effect.SCALE: "🟡",
}  # fmt: skip
_CALM = "🟢"


def render(found: Comparison) -> str:
    """The comment, ending in a line break."""
    parts = [
        *_head(found),
        *_first(found),
        *_rows(found),
        *_costs(found),
        *_held(found),
        *_picture(found),
    ]
    text = "\n".join(parts) + "\n"
    # Every part has its own share, so this is for names of a length that nobody writes.
    return text if len(text) < LIMIT else f"{text[: LIMIT - 200].rpartition(chr(10))[0]}\n\n…\n"


def escape(text: str) -> str:
    """A text of a spec: every character that Markdown or GitHub could read as its own is a code."""
    return _PLAIN.sub(_coded, " ".join(text.split())).replace("&#58;//", f"&#58;{_BREAK}//")


def code(text: str) -> str:
    """A text of a spec in `code`, where no mention and no reference is looked for."""
    return f"<code>{escape(text)}</code>" if text else "none"


def _coded(match: re.Match[str]) -> str:
    if not match[0].isprintable():
        return "&#65533;"
    # Mentions, references and addresses are looked for once the codes are characters again.
    return f"&#{ord(match[0])};{_BREAK if match[0] in _LINKING else ''}"


def _head(found: Comparison) -> Iterator[str]:
    yield f"### {escape(totals(found))}"
    yield ""
    yield f"{escape(found.head)}, compared with {escape(found.base)}."
    yield ""


def _first(found: Comparison) -> Iterator[str]:
    listed = warnings(found)
    if not listed:
        return
    yield "> [!CAUTION]"
    for what, which in listed[:WARNINGS]:
        yield f"> - **{escape(what)}**: {code(which)}"
    if len(listed) > WARNINGS:
        yield f"> - and {len(listed) - WARNINGS} more below"
    yield ""


def _rows(found: Comparison) -> Iterator[str]:
    """The table of what somebody notices, and behind a fold what nobody does."""
    loud = [row for row in found.rows if row.effect not in QUIET]
    quiet = found.rows[len(loud) :]
    if loud:
        yield from _table(loud, _ROWS)
    if quiet:
        title = f"{counted(len(quiet), 'row')} that nothing that runs notices"
        yield f"<details><summary>{title}</summary>"
        yield ""
        yield from _table(quiet, _QUIET_ROWS)
        yield "</details>"
        yield ""


def _table(rows: Sequence[Row], left: int) -> Iterator[str]:
    yield "| | What | Where | Why |"
    yield "|---|---|---|---|"
    shown = 0
    for row in rows:
        line = _row(row)
        if len(line) > left:
            break
        left, shown = left - len(line), shown + 1
        yield line
    yield ""
    yield from _rest(rows[shown:])
    yield from _folds(rows[:shown], left)


def _row(row: Row) -> str:
    shown, more = fields(row, FIELDS)
    lines = [f"<br>{code(one.path)}: {code(one.old)} → {code(one.new)}" for one in shown]
    if more:
        lines.append(f"<br>and {counted(more, 'more field')}")
    hint = f"<br>**To do:** {escape(row.hint)}" if row.hint else ""
    what = f"{code(row.subject)}: {escape(row.summary)}{''.join(lines)}{hint}"
    effect = f"{_SIGNS.get(row.effect, _CALM)} **{escape(words(row.effect))}**"
    cause = code(f"{row.cause.file}:{row.cause.line}") if row.cause else ""
    cells = (f"{effect}<br>{escape(objects(row))}", what, escape(where(row.places)), cause)
    return f"| {' | '.join(cells)} |"


def _rest(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    counts: Counter[Effect] = Counter()
    for row in rows:
        counts[row.effect] += 1
    parts = ", ".join(f"{counts[effect]:,} {words(effect)}" for effect in Effect if counts[effect])
    yield f"And {counted(len(rows), 'row')} more ({escape(parts)}): `edgewright diff` shows them."
    yield ""


def _folds(rows: Sequence[Row], left: int) -> Iterator[str]:
    """The sites behind each row of several, as far as there is room."""
    for row in rows:
        names = sites(row.places)
        if row.effect in QUIET or sum(bool(place.site) for place in row.places) < 2:
            continue
        title = f"{words(row.effect)} of {row.subject}: {where(row.places)}"
        summary = f"<summary>{escape(title)}</summary>"
        text = f"<details>{summary}\n\n{code(', '.join(names))}\n\n</details>"
        left -= len(text)
        if left < 0:
            return
        yield text
    yield ""


def _costs(found: Comparison) -> Iterator[str]:
    if not found.costs:
        return
    yield "#### What it asks of each site"
    yield ""
    yield "| Sites | Fetches | Takes | Disk | Memory | Way back |"
    yield "|---|---|---|---|---|---|"
    left, shown = _COSTS, 0
    for one in found.costs:
        line = _cost(one)
        left -= len(line)
        if left < 0:
            break
        shown += 1
        yield line
    if shown < len(found.costs):
        more = sum(len(one.places) for one in found.costs[shown:])
        yield f"| and {more:,} more sites | | | | | |"
    yield ""


def _cost(one: Cost) -> str:
    said = dict(cost(one))
    keys = ("fetches", "takes", "disk", "memory", "way back")
    cells = [escape(where(one.places)), *(escape(said.get(key, "")) for key in keys)]
    return f"| {' | '.join(cells)} |"


def _held(found: Comparison) -> Iterator[str]:
    judged, named = gates(found), policies(found)
    if not judged and not named:
        return
    yield "#### Gates and policies"
    yield ""
    yield from (f"- {code(what)} {escape(said)}" for what, said in judged[:GATES])
    if len(judged) > GATES:
        yield f"- and {counted(len(judged) - GATES, 'more gate')}"
    if named:
        yield f"- {escape(named[:POLICIES])}"
    yield ""


def _picture(found: Comparison) -> Iterator[str]:
    """What is touched, drawn: models, jobs and the clusters whose sites change."""
    rows = [row for row in found.rows if row.effect not in QUIET]
    if not rows:
        return
    jobs = list(dict.fromkeys(row.subject for row in rows))[:JOBS]
    uses: dict[tuple[str, str, str], str] = {}
    runs: dict[tuple[str, Group], str] = {}
    for row in rows:
        if row.subject not in jobs:
            continue
        for one in row.fields:
            kind, _, name = one.path.partition(" ")
            if kind in ("model", "dataset") and "." not in name:
                uses[kind, name, row.subject] = f"{_version(one.old)} → {_version(one.new)}"
        for (environment, cluster), count in _clusters(row).items():
            group = Group(f"{environment} / {cluster}", counted(count, "site") if count else "all")
            if len({group for _, group in runs} | {group}) <= GROUPS:
                runs.setdefault((row.subject, group), words(row.effect))
    yield "<details><summary>Picture</summary>"
    yield ""
    yield "```mermaid"
    yield mermaid.render(Picture(dict.fromkeys(jobs, ""), uses, runs)).rstrip("\n")
    yield "```"
    yield ""
    yield "</details>"


def _version(text: str) -> str:
    return text.partition(" ")[0] or "none"


def _clusters(row: Row) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for place in row.places:
        counts[place.environment, place.cluster] += int(bool(place.site))
    return counts
