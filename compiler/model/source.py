"""YAML text to plain data with positions, as YAML 1.2 and within caps.

The one reader of what users write. It drives libyaml's parser event by event and resolves
scalars itself; it never composes nodes, builds no objects from tags, follows no merge keys and
knows nothing of the spec. Faults become diagnostics: a syntax fault ends its file, every other
fault leaves a stand-in and reading goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, Final, NoReturn

from yaml._yaml import CParser
from yaml.error import YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from compiler.model import yaml_faults
from compiler.model.codes import text as codes
from compiler.model.decoding import STANDARD_LIMITS, Limits, decode, report_size
from compiler.model.diagnostics import Code, Diagnostics, Related, Span
from compiler.model.marks import NOWHERE, Entry, List, Map, Marks, child_marks, collector_paused
from compiler.model.record import dataclass
from compiler.model.suggest import did_you_mean
from compiler.model.yaml_faults import lines_of
from compiler.model.yaml_scalars import Float, Int, resolve, surprise

__all__ = [
    "NOWHERE",
    "Document",
    "Float",
    "Int",
    "Limits",
    "List",
    "Map",
    "Marks",
    "decode",
    "lines_of",
    "parse",
    "surprise",
]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document. `marks` are those of `data`, or one place if it is a scalar."""

    file: str
    text: str
    data: Any
    marks: Marks


def parse(
    file: str, text: str, diagnostics: Diagnostics, limits: Limits = STANDARD_LIMITS
) -> list[Document]:
    """The documents of a text; those before a syntax fault if there is one.

    `file` is the name that spans carry. Every fault goes to `diagnostics`; none is raised.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > limits.size:
        report_size(file, len(text), limits, diagnostics)
        return []
    fault = None if text.isascii() else yaml_faults.invisible(file, text)
    fault = fault or yaml_faults.many_directives(file, text, _MOST_DIRECTIVES)
    if fault is not None:
        diagnostics.add(fault.code, fault.message, fault.span, fault.hint, fault.related)
        return []
    with collector_paused():
        return _Reader(file, text, diagnostics, limits).documents()


class _StopReadingError(Exception):
    """What follows in this file cannot or need not be read; the reason is reported."""


_ABSENT: Final = object()
_MAYBE: Final = frozenset("-+.0123456789~nNtTfF")
_MOST_DIRECTIVES: Final = 100
_MOST_PROPOSALS: Final = 200
_SMALL: Final = 1024 * 1024
"""A text up to this length has fewer nodes than any sensible cap, so nothing is counted."""


class _Reader:
    """Builds the documents of one text by recursive descent, at most `limits.depth` deep."""

    def __init__(self, file: str, text: str, diagnostics: Diagnostics, limits: Limits) -> None:
        self.file, self.text, self.diagnostics, self.limits = file, text, diagnostics, limits
        self.depth = self.nodes = self.aliases = self.problems = 0
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open: set[str] = set()
        self.known: dict[str, Any] = {}
        self.get: Callable[[], Any]

    def documents(self) -> list[Document]:
        found: list[Document] = []
        try:
            parser = CParser(self.text)
            small = len(self.text) <= min(_SMALL, self.limits.nodes)
            self.get = parser.get_event if small else self._counted(parser.get_event)
            self._documents(found)
        except YAMLError as error:
            fault = yaml_faults.explain(self.file, self.text, error)
            self.diagnostics.add(fault.code, fault.message, fault.span, fault.hint, fault.related)
        except _StopReadingError:
            pass
        return found

    def _documents(self, found: list[Document]) -> None:
        while (event := self.get()).__class__ is not StreamEndEvent:
            if event.__class__ is not DocumentStartEvent:
                continue
            if len(found) >= self.limits.documents:
                message = f"more than {self.limits.documents} documents in one file"
                self._stop(codes.TOO_MUCH, message, event)
            self._directives(event)
            self.anchors.clear()
            start = self.get()
            data = self._value(start)
            mark = start.start_mark
            marks = child_marks(data) or Marks(self.file, mark.line, mark.column, {})
            found.append(Document(self.file, self.text, data, marks))

    def _counted(self, get: Callable[[], Any]) -> Callable[[], Any]:
        """`get`, ending the file at the cap on nodes; the reader of small files goes without."""
        count, most = 0, self.limits.nodes

        def counted() -> Any:
            nonlocal count
            count += 1
            event = get()
            if count > most:
                message = f"more than {most:,} keys and values in one file"
                self._stop(codes.TOO_MUCH, message, event, "split the file")
            return event

        return counted

    def _mapping(self, start: Any) -> Map:
        before = self._enter(start)
        data, get, file = Map(), self.get, self.file
        entries: dict[str, Entry] = {}
        while (event := get()).__class__ is not MappingEndEvent:
            key = self._key(event)
            mark = event.start_mark
            event = get()
            value = self._value(event)
            place = mark if value is None and _is_empty(event) else event.start_mark
            if key is None:
                continue
            if key in entries:
                self._duplicate(key, mark, entries[key])
                continue
            entries[key] = (
                mark.line, mark.column, place.line, place.column, child_marks(value), None,
            )  # fmt: skip
            data[key] = value
        mark = start.start_mark
        data.marks = Marks(file, mark.line, mark.column, entries)
        self._leave(start, data, before)
        return data

    def _sequence(self, start: Any) -> List:
        before = self._enter(start)
        data, get = List(), self.get
        entries: list[Entry] = []
        while (event := get()).__class__ is not SequenceEndEvent:
            value = self._value(event)
            line, column = event.start_mark.line, event.start_mark.column
            entries.append((line, column, line, column, child_marks(value), None))
            data.append(value)
        mark = start.start_mark
        data.marks = Marks(self.file, mark.line, mark.column, entries)
        self._leave(start, data, before)
        return data

    def _value(self, event: Any) -> Any:
        kind = event.__class__
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is MappingStartEvent:
            return self._mapping(event)
        return self._sequence(event) if kind is SequenceStartEvent else self._alias(event)

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        value: Any = text
        if event.tag is not None or event.anchor is not None or len(text) > 100:
            return self._unusual_scalar(event)
        if event.style == "" and (text[:1] in _MAYBE or not text):
            value = self.known.get(text, _ABSENT)
            if value is _ABSENT:
                value = self.known[text] = self._resolve(event)
        return value

    def _unusual_scalar(self, event: Any) -> Any:
        value = event.value
        if len(value) > self.limits.scalar:
            size = f"{len(value) / 2**20:.1f} MiB"
            self._report(codes.SCALAR_TOO_LONG, f"the value has {size}; 1 MiB is the most", event)
            value = ""
        elif event.style == "" and event.tag is None:
            value = self._resolve(event)
        self._refuse_tag(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        return value

    def _resolve(self, event: Any) -> Any:
        try:
            return resolve(event.value)
        except ValueError as reason:
            shown = event.value if len(event.value) < 40 else event.value[:37] + "..."
            hint = f'quote it if it is text: "{shown}"'
            self._report(codes.NUMBER, f"{shown} {reason}", event, hint)
            return event.value

    def _key(self, event: Any) -> str | None:
        """The text of a key; None, reported, where it is none that the language has."""
        if event.__class__ is not ScalarEvent:
            self._complex_key(event)
            return None
        text: str = event.value
        if event.tag is not None or event.anchor is not None:
            self._refuse_tag(event)
            if event.anchor is not None:
                self.anchors[event.anchor] = (text, 1)
        if (text == "<<" or not text) and event.style == "":
            self._odd_key(text, event)
            return None
        if len(text) > self.limits.scalar:
            self._report(codes.SCALAR_TOO_LONG, "the key is longer than 1 MiB", event)
            return None
        return text

    def _odd_key(self, text: str, event: Any) -> None:
        if text:
            hint = "write the keys out, or let *alias stand for a whole value"
            self._report(codes.MERGE_KEY, "`<<` is a merge key of YAML 1.1", event, hint)
        else:
            hint = "write a key; if `:` begins the text, put it into quotes"
            self._report(codes.COMPLEX_KEY, "a key is missing before `:`", event, hint)

    def _complex_key(self, event: Any) -> None:
        what = {MappingStartEvent: "a mapping", SequenceStartEvent: "a list"}
        name = what.get(event.__class__, "an alias")
        hint = "write the key as text"
        if event.__class__ is MappingStartEvent and event.flow_style:
            hint = 'a value that begins with { needs quotes: "{site}"'
        self._report(codes.COMPLEX_KEY, f"{name} cannot be a key", event, hint)
        self._value(event)

    def _alias(self, event: AliasEvent) -> Any:
        name = str(event.anchor)
        self.aliases += 1
        if self.aliases > self.limits.aliases:
            self._stop(codes.TOO_MUCH, f"more than {self.limits.aliases:,} aliases", event)
        if name not in self.anchors or name in self.open:
            self._unknown_alias(name, event)
            return None
        value, size = self.anchors[name]
        self.nodes += size
        if self.nodes > self.limits.nodes:
            message = f"with *{name} the aliases stand for more than {self.limits.nodes:,} values"
            self._stop(codes.TOO_MUCH, message, event, "write the value out where it is needed")
        return value

    def _unknown_alias(self, name: str, event: Any) -> None:
        if name in self.open:
            self._report(codes.ALIAS, f"*{name} lies inside the value that &{name} marks", event)
            return
        known = (f"*{anchor}" for anchor in islice(self.anchors, _MOST_PROPOSALS))
        hint = did_you_mean(f"*{name}", known) or f'if the text is meant, quote it: "*{name}"'
        self._report(codes.ALIAS, f"*{name} refers to nothing; no &{name} above it", event, hint)

    def _enter(self, start: Any) -> int:
        """Begin a container; how many values came before it."""
        self.depth += 1
        if self.depth > self.limits.depth:
            message = f"more than {self.limits.depth} levels of nesting"
            self._stop(codes.TOO_DEEP, message, start, "close the brackets that are open")
        if start.tag is not None:
            self._refuse_tag(start)
        if start.anchor is not None:
            self.open.add(start.anchor)
        return self.nodes

    def _leave(self, start: Any, data: Map | List, before: int) -> None:
        self.depth -= 1
        self.nodes += len(data)
        if start.anchor is not None:
            self.open.discard(start.anchor)
            self.anchors[start.anchor] = (data, self.nodes - before + 1)

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is None:
            return
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        tag = tag if len(tag) < 60 else tag[:57] + "..."
        hint = "remove the tag; text that looks like a number needs quotes"
        self._report(codes.TAG, f"the tag {tag} is not part of the language", event, hint)

    def _directives(self, event: Any) -> None:
        if event.version is not None and event.version != (1, 2):
            version = ".".join(map(str, event.version))
            hint = "remove the line; files are read as YAML 1.2"
            self._report(codes.DIRECTIVE, f"%YAML {version} is not supported", event, hint)
        if event.tags:
            self._report(codes.DIRECTIVE, "%TAG is not supported", event, "remove the line")

    def _duplicate(self, key: str, mark: Any, first: Entry) -> None:
        span = Span(self.file, mark.line + 1, mark.column + 1)
        shown = key if len(key) < 60 else key[:57] + "..."
        related = Related(Span(self.file, first[0] + 1, first[1] + 1), "first written here")
        message = f"{shown} stands twice in this mapping; first in line {first[0] + 1}"
        self._count_problem()
        self.diagnostics.add(codes.DUPLICATE_KEY, message, span, "remove one", (related,))

    def _report(self, code: Code, message: str, event: Any, hint: str = "") -> None:
        self._count_problem()
        mark = event.start_mark
        self.diagnostics.add(code, message, Span(self.file, mark.line + 1, mark.column + 1), hint)

    def _count_problem(self) -> None:
        self.problems += 1
        if self.problems > self.limits.problems:
            message = f"more than {self.limits.problems} problems; the rest of the file is not read"
            self.diagnostics.add(codes.TOO_MANY_PROBLEMS, message, Span(self.file, 1, 1))
            raise _StopReadingError

    def _stop(self, code: Code, message: str, event: Any, hint: str = "") -> NoReturn:
        self._report(code, message, event, hint)
        raise _StopReadingError


def _is_empty(event: Any) -> bool:
    return event.__class__ is ScalarEvent and not event.value
