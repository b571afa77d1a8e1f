"""The page of the language: every key with its type, default and meaning, from the models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from compiler import kinds
from compiler.model.spec.placeholders import BY_SITE, shown
from compiler.model.spec.reference import Entry, entries

SPEC_INTRO = f"""\
# The spec, key by key

A spec is every `.yaml` file right in one folder, read as one document: sections may be spread over
files as you like, and a name that is defined twice is an error that shows both places. The text is
YAML 1.2, so `no` is a word and `012` the number 12; a version such as `"1.10"` needs quotes.

**Default**: what a key means when it is left out; empty where leaving it out means nothing.
`NAME` in a path is a name of your own, `[]` an entry of a list. A type in *italics* is a form of
text; [the forms](#forms-of-text) are at the end of the page.

**Placeholders**: {shown(BY_SITE)} stand for
values of the place where something runs. They are replaced only where a key's text
here says *placeholders*. A key without it refuses braces that look like one.

`where` selects sites: a mapping (all of it holds) or a list of mappings (any of them holds) over
labels and the keys `site`, `profile`, `layer`, `cluster`. Each key has one value, a list of values,
or `{{not: …}}`, which also holds where the label is absent.
"""

SHARED_INTRO = """\
# What several kinds of jobs share

Each of these means the same wherever it stands. Where a job has `workers:`, the job's own `place`,
`replicas` and `expose` are defaults for all roles.
"""

JOBS_INTRO = """\
# The kinds of jobs

`jobs:` Jobs by name. Every job has a `kind`, which says what its other keys are.
"""

SHARED_TITLES = {"aggregate": "workers.ROLE", "workers": "workers of a loop"}
"""Titles of shared parts whose last key would not say what they are."""
SHORT = {"expose": ("how",), "replicas": ("perHost", "count"), "update": ("how", "poll")}
"""Keys that nobody writes, by shared part: the ways of writing it stand for them."""

NOT_YET = """\
**Checked, not compiled yet:** every key is read and judged; planning refuses the job with E3001.

"""


def spec_page() -> str:
    """The language: sections of the root, what jobs share, then the kinds."""
    listed = list(entries(kinds.REGISTRY))
    shared = _shared(listed)
    forms = _Forms(listed)
    parts = [SPEC_INTRO, _contents(listed, shared)]
    for section, rows in _sections(listed):
        parts.append(f"## {section}\n")
        parts.append(_lead(rows[0]))
        parts.append(_spec_table(rows, section, shared, forms))
    parts.append(SHARED_INTRO)
    parts += [_shared_part(path, listed, shared, forms) for path in shared]
    parts.append(JOBS_INTRO)
    parts += [_kind(name, listed, shared, forms) for name in kinds.REGISTRY.names]
    parts.append(forms.page())
    return "\n".join(parts).rstrip("\n") + "\n"


def _shared_part(path: str, listed: list[Entry], shared: Mapping[str, str], forms: _Forms) -> str:
    """A section of what jobs share; the ways of writing it stand above its keys."""
    title = shared[path]
    rows = [entry for entry in listed if _below(entry.path, path) or entry.path == path]
    text = f"## {title}\n\n"
    if not rows[0].type.startswith("mapping"):
        text += f"Written as {rows[0].type}.\n\n"
    keys = [row for row in rows[1:] if row.path.rpartition(".")[2] not in SHORT.get(title, ())]
    return text + (_spec_table(keys, path, shared, forms) if keys else "")


def _kind(name: str, listed: list[Entry], shared: Mapping[str, str], forms: _Forms) -> str:
    """A section of one kind of job."""
    path = f"jobs.NAME ({name})"
    kind = kinds.REGISTRY.load(name)
    rows = [entry for entry in listed if _below(entry.path, path)]
    first = (kind.spec.__doc__ or "").strip().split("\n")[0]
    state = "" if kind.plan else NOT_YET
    return f"## {name}\n\n{first}\n\n{state}{_spec_table(rows, path, shared, forms)}"


def _sections(listed: list[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """The keys of the root with everything below them, jobs left out."""
    for entry in listed:
        if "." not in entry.path and "[" not in entry.path and entry.path != "jobs":
            yield entry.path, [e for e in listed if e is entry or _below(e.path, entry.path)]


def _below(path: str, above: str) -> bool:
    return path.startswith(f"{above}.") or path.startswith(f"{above}[]")


def _shared(listed: list[Entry]) -> dict[str, str]:
    """What jobs share: the path where it is described, and its title; by title."""
    likes = {entry.type.removeprefix("like ") for entry in listed if entry.type.startswith("like ")}
    paths = [
        entry.path
        for entry in listed
        if _plain(entry.path) in {_plain(like) for like in likes}
        and (entry.path.startswith("jobs.NAME (") or entry.path == "objects[].place")
    ]
    outer = [path for path in paths if not any(_below(path, other) for other in paths)]
    titles = {path: _title(path) for path in outer}
    return dict(sorted(titles.items(), key=lambda item: item[1].lower()))


def _plain(path: str) -> str:
    """A path without what only says that something is a list's or mapping's entry."""
    return re.sub(r"(\.NAME|\[\])$", "", path)


def _title(path: str) -> str:
    last = path.rpartition(".")[2]
    return SHARED_TITLES.get(last, last)


def _contents(listed: list[Entry], shared: Mapping[str, str]) -> str:
    sections = [link(section) for section, _ in _sections(listed)]
    names = [link(name) for name in kinds.REGISTRY.names]
    return (
        f"Sections: {', '.join(sections)}.\n\n"
        f"Shared by jobs: {', '.join(link(title) for title in shared.values())}.\n\n"
        f"Kinds of jobs: {', '.join(names)}.\n"
    )


def link(title: str) -> str:
    """A Markdown link to a heading of the same page."""
    anchor = re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
    return f"[{title}](#{anchor})"


def _lead(entry: Entry) -> str:
    needed = " Required." if entry.default == "required" else ""
    return f"{entry.description}{needed}\n"


def _spec_table(rows: list[Entry], above: str, shared: Mapping[str, str], forms: _Forms) -> str:
    hidden = [path for path in shared if path != above]
    lines = []
    for entry in rows:
        if entry.path == above or any(_below(entry.path, path) for path in hidden):
            continue
        key = re.sub(r"^\.", "", entry.path[len(above) :])
        kind = _spec_type(entry, shared, forms)
        lines.append((f"`{key}`", kind, _default(entry), _meaning(entry)))
    if not lines and len(rows) == 1:
        return f"Type: {_spec_type(rows[0], {}, forms)}.\n"
    return table(("key", "type", "default", "meaning"), lines)


def _spec_type(entry: Entry, shared: Mapping[str, str], forms: _Forms) -> str:
    if entry.path in shared:
        return f"see {link(shared[entry.path])}"
    if not entry.type.startswith("like "):
        return forms.shown(entry.type)
    like = entry.type.removeprefix("like ")
    for path, title in shared.items():
        if _plain(like) == _plain(path):
            return f"see {link(title)}"
        if _below(like, path):
            return f"as `{like[len(path) + 1 :]}` of {link(title)}"
    return f"as `{like}`"


def _default(entry: Entry) -> str:
    if entry.default == "required":
        return "**required**"
    if entry.type.startswith("a percentage") and entry.default:
        return f"`{float(entry.default):g}%`"
    return f"`{entry.default}`" if entry.default else ""


def _meaning(entry: Entry) -> str:
    parts = [entry.description]
    if entry.placeholders:
        every = entry.placeholders == shown(BY_SITE)
        parts.append("*Placeholders.*" if every else f"*Placeholders* {entry.placeholders}.")
    return " ".join(parts)


class _Forms:
    """The forms of text: a noun in the tables, its rule once at the end of the page."""

    _PREFIXES = ("mapping of names to ", "list of ")

    def __init__(self, listed: list[Entry]) -> None:
        self.rules: dict[str, dict[str, str]] = {}
        for entry in listed:
            found = self._split(entry.type)
            if found is not None:
                self.rules.setdefault(found[1], {}).setdefault(found[2], entry.example)

    def shown(self, words: str) -> str:
        """A type for a cell; a form with one rule by its noun alone."""
        found = self._split(words)
        if found is None:
            return re.sub(r"^an? (.+) \(.+\), or a list of them$", r"*\1* or a list of them", words)
        prefix, noun, rule = found
        one = len(self.rules[noun]) == 1
        return f"{prefix}*{noun}*" if one else f"{prefix}{rule}"

    def page(self) -> str:
        """The table of forms."""
        rows = [
            (f"*{noun}*", rule, f"`{example}`" if example else "")
            for noun, rules in sorted(self.rules.items())
            for rule, example in rules.items()
            if len(rules) == 1
        ]
        return "# Forms of text\n\n" + table(("form", "rule", "such as"), rows)

    def _split(self, words: str) -> tuple[str, str, str] | None:
        prefix = next((p for p in self._PREFIXES if words.startswith(p)), "")
        noun, colon, rule = words[len(prefix) :].partition(": ")
        if not colon or "{" in noun or words.startswith("like "):
            return None
        return prefix, noun, rule


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"
