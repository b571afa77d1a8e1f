"""A fleet as a Mermaid flowchart: models and datasets, the jobs that use them, groups of sites.

Draws what it is given and counts nothing. No text of a spec can leave its label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from compiler.model.record import dataclass

PLAIN = re.compile(r"[^A-Za-z0-9 ._,:+/()×-]")


@dataclass(frozen=True, slots=True)
class Group:
    """Sites that are drawn as one: of one cluster of one environment, with one profile.

    `title` heads the box that groups of one cluster share; `label` says who they are.
    """

    title: str
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn. Jobs map to a second line for their box; uses and runs carry a label.

    `uses` is keyed by (kind, name, job), where kind is `model` or `dataset`; `runs` by (job,
    group).
    """

    jobs: Mapping[str, str]
    uses: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    runs: Mapping[tuple[str, Group], str] = field(default_factory=dict)


def render(picture: Picture) -> str:
    """The flowchart, ending in a line break."""
    return "\n".join(["flowchart LR", *_lines(picture)]) + "\n"


def escape(text: str) -> str:
    """Text for a quoted label: every character that Mermaid could read as its own is a code."""
    return PLAIN.sub(lambda match: f"#{ord(match[0])};", text)


def _lines(picture: Picture) -> Iterator[str]:
    jobs = {name: f"job{number}" for number, name in enumerate(picture.jobs)}
    inputs = dict.fromkeys((kind, name) for kind, name, _ in picture.uses)
    ids = {key: f"{key[0]}{number}" for number, key in enumerate(inputs)}
    groups = dict.fromkeys(group for _, group in picture.runs)
    places = {group: f"sites{number}" for number, group in enumerate(groups)}
    for (kind, name), identity in ids.items():
        left, right = ("[(", ")]") if kind == "dataset" else ("([", "])")
        yield f'  {identity}{left}"{escape(name)}"{right}'
    for name, identity in jobs.items():
        more = picture.jobs[name]
        yield f'  {identity}["{escape(name)}{f"<br/>{escape(more)}" if more else ""}"]'
    yield from _boxes(places)
    for (kind, name, job), label in picture.uses.items():
        yield f"  {ids[kind, name]} {_arrow(label)} {jobs[job]}"
    for (job, group), label in picture.runs.items():
        yield f"  {jobs[job]} {_arrow(label)} {places[group]}"


def _boxes(places: Mapping[Group, str]) -> Iterator[str]:
    titles = dict.fromkeys(group.title for group in places)
    for number, title in enumerate(titles):
        yield f'  subgraph cluster{number}["{escape(title)}"]'
        for group, identity in places.items():
            if group.title == title:
                yield f'    {identity}["{escape(group.label)}"]'
        yield "  end"


def _arrow(label: str) -> str:
    return f'-->|"{escape(label)}"|' if label else "-->"
