"""Template files: where they lie, what they are compiled to, and running one over values.

A run yields the *structure* of an object, its text with a mark for every hole, and the values
of the holes in order; no value ever becomes part of a template's text. The sandbox knows no
filter, test, function or attribute of Python: a name leads to an item of the values or to an
error. Nothing here knows YAML, units or diagnostics; what is wrong is raised as `TemplateError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment

from compiler.model.codes import render as codes
from compiler.model.hashing import sha256
from compiler.model.record import dataclass
from compiler.model.suggest import did_you_mean
from compiler.stages.render.rules import Fault, faults

SUFFIX = ".j2"
SOURCE_LIMIT = 256 * 1024
"""Bytes of a template file."""
STEP_LIMIT = 100_000
"""Rounds of all `for` loops of one object together."""
SIZE_LIMIT = 1024 * 1024
"""Characters of one object: the API server takes 1 MiB."""
HOLE = "\x00"
"""Stands in a structure for each hole; no template may hold the character itself."""


class TemplateError(Exception):
    """A template cannot be used: the file as its author knows it, and what is wrong in it."""

    def __init__(self, file: str, found: Sequence[Fault]) -> None:
        super().__init__("\n".join(f"{file}:{fault.line}: {fault.message}" for fault in found))
        self.file = file
        self.faults = tuple(found)


def _shipped() -> Path:
    """The folder of shipped templates: inside the wheel, or at the top of the repository."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """The folder of shipped templates, and a user's own, which overrides file by file."""

    own: Path | None = None
    shipped: Path = field(default_factory=_shipped)

    def names(self) -> tuple[str, ...]:
        """Every shipped template's path below the folder, sorted."""
        return _files_below(self.shipped)

    def overridden(self) -> tuple[str, ...]:
        """The templates that the user's own folder overrides, sorted."""
        return tuple(name for name in self._own_names() if (self.shipped / name).is_file())

    def useless(self) -> tuple[str, ...]:
        """Files of the user's own folder that override nothing, sorted."""
        return tuple(name for name in self._own_names() if not (self.shipped / name).is_file())

    def read(self, name: str) -> tuple[str, str, bool]:
        """A template's text, its file as a person would name it, and whether it is the user's own.

        Raises:
            TemplateError: the file is missing, too large or no UTF-8 text.
        """
        own = self.own is not None and (self.own / name).is_file()
        path = self.own / name if own and self.own is not None else self.shipped / name
        file = path.as_posix() if own else f"templates/{name}"
        return _read(path, file), file, own

    def digests(self) -> dict[str, str]:
        """The sha256 of every template in use, by name: what a cache must be keyed by."""
        return {name: sha256(self.read(name)[0].encode()) for name in self.names()}

    def _own_names(self) -> tuple[str, ...]:
        return _files_below(self.own) if self.own is not None and self.own.is_dir() else ()


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a template over values gave."""

    structure: str
    """The text, with `HOLE` for each hole."""
    holes: list[Any]
    """The holes' values in the order of the text, as they were given."""


class Templates:
    """Compiled templates of one source; compiles each on first use. One per process."""

    def __init__(self, source: TemplateSource) -> None:
        self.source = source
        self._environment = _Environment()
        self._compiled: dict[str, Template | TemplateError] = {}

    def get(self, name: str) -> Template:
        """The template at a path below the folder.

        Raises:
            TemplateError: missing, unreadable, invalid, or (a user's own) against the rules.
        """
        template = self._compiled.get(name)
        if template is None:
            template = self._compiled[name] = self._compile(name)
        if isinstance(template, TemplateError):
            raise template
        return template

    def check(self) -> list[TemplateError]:
        """Judge every template of the user's own folder, used or not, without rendering."""
        found = []
        for name in self.source.overridden():
            try:
                self.get(name)
            except TemplateError as error:
                found.append(error)
        return found + [self._useless(name) for name in self.source.useless()]

    def _useless(self, name: str) -> TemplateError:
        _, file, _ = self.source.read(name)
        hint = did_you_mean(name, self.source.names())
        message = f"no shipped template has the path {name}"
        return TemplateError(file, [Fault(codes.TEMPLATE_USELESS, 1, message, hint)])

    def _compile(self, name: str) -> Template | TemplateError:
        try:
            text, file, own = self.source.read(name)
            return Template(self._environment, text, file, judge=own)
        except TemplateError as error:
            return error


class Template:
    """One compiled template. `file` is its name for people.

    `derived` is room for what callers make of its structures, by structure.
    """

    def __init__(
        self,
        environment: _Environment,
        text: str,
        file: str,
        *,
        judge: bool,
        rewrite: Callable[[nodes.Template], None] | None = None,
    ) -> None:
        self.file = file
        self.derived: dict[str, Any] = {}
        self._text = text
        self._environment = environment
        self._capped = judge
        self._template = _compiled(environment, text, file, judge, rewrite)

    def rewritten(self, rewrite: Callable[[nodes.Template], None]) -> Template:
        """The same template with its syntax tree changed in place by `rewrite`."""
        return Template(self._environment, self._text, self.file, judge=False, rewrite=rewrite)

    def run(self, values: Mapping[str, Any]) -> Run:
        """Run the template's `for` and `if` over values and collect what fills its holes.

        Raises:
            TemplateError: a value that does not exist, a loop over something that is no list,
                too many steps or too long a text.
        """
        holes = self._environment.start()
        try:
            pieces = self._template.root_render_func(self._template.new_context(dict(values)))
            structure = _joined(pieces) if self._capped else "".join(pieces)
        except (jinja2.TemplateRuntimeError, ValueError, TypeError) as error:
            raise self._located(error, values) from None
        return Run(structure, holes)

    def _located(self, error: Exception, values: Mapping[str, Any]) -> TemplateError:
        """A run's error at the line of the template that was running."""
        line, trace = 1, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self._template:
                line = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        code = codes.TOO_LARGE if isinstance(error, _TooLargeError) else codes.TEMPLATE_VALUE
        hint = error.hint if isinstance(error, _MissingError) else ""
        if not hint and (name := _UNDEFINED_NAME.search(str(error))):
            hint = did_you_mean(name[1], values) or _given(values)
        return TemplateError(self.file, [Fault(code, line, str(error), hint)])


class _TooLargeError(jinja2.TemplateRuntimeError):
    """A run went over a limit."""


class _MissingError(jinja2.TemplateRuntimeError):
    """A value has no such item."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class _Environment(SandboxedEnvironment):
    """Names and items only; collects holes instead of writing values."""

    def __init__(self) -> None:
        super().__init__(
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=self._collect,
        )
        self._holes: list[Any] = []
        self._steps = 0
        self.globals.clear()
        self.filters = {_BOUNDED: self._bounded}
        self.tests.clear()

    def start(self) -> list[Any]:
        """Forget the last run; returns the list that the holes of the next one will fill."""
        self._holes, self._steps = [], 0
        return self._holes

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An item of a mapping; Python's own attributes do not exist here."""
        try:
            return obj[attribute]
        except (KeyError, TypeError, IndexError):
            raise _missing(obj, attribute) from None

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item of a mapping or a list."""
        return self.getattr(obj, argument)

    def _collect(self, value: Any) -> str:
        if isinstance(value, jinja2.Undefined):
            raise jinja2.UndefinedError(value._undefined_message)
        self._holes.append(value)
        return HOLE

    def _bounded(self, value: Any) -> Any:
        """What a `for` may run over: a list, while the object has steps left."""
        if isinstance(value, jinja2.Undefined):
            raise jinja2.UndefinedError(value._undefined_message)
        if not isinstance(value, list | tuple):
            raise jinja2.TemplateRuntimeError(f"`for` runs over a list, not over {_kind(value)}")
        self._steps += 1 + len(value)
        if self._steps > STEP_LIMIT:
            raise _TooLargeError(f"the loops of one object take more than {STEP_LIMIT:,} steps")
        return value


_BOUNDED = "bounded"
_UNDEFINED_NAME = re.compile(r"^'([^']+)' is undefined$")


def _compiled(
    environment: _Environment,
    text: str,
    file: str,
    judge: bool,
    rewrite: Callable[[nodes.Template], None] | None,
) -> jinja2.Template:
    """Parse, judge and compile a template's text."""
    try:
        tree = environment.parse(text)
        found = faults(environment, text, tree) if judge else ()
        if not found:
            if rewrite is not None:
                rewrite(tree)
            for loop in tree.find_all(nodes.For):
                loop.iter = _bounded(loop.iter)
            code = environment.compile(tree, name=file, filename=file)
    except jinja2.TemplateSyntaxError as error:
        found = (Fault(codes.TEMPLATE_SYNTAX, error.lineno, error.message or "invalid"),)
    except (RecursionError, SyntaxError, MemoryError):
        found = (Fault(codes.TEMPLATE_SYNTAX, 1, "the template is nested too deeply"),)
    if found:
        raise TemplateError(file, found)
    return jinja2.Template.from_code(environment, code, {})


def _bounded(iterable: nodes.Node) -> nodes.Filter:
    """The same expression, counted by the sandbox at the start of each loop."""
    return nodes.Filter(iterable, _BOUNDED, [], [], None, None, lineno=iterable.lineno)


def _joined(pieces: Iterable[str]) -> str:
    """The pieces as one text, as long as it stays under the limit."""
    kept, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > SIZE_LIMIT:
            raise _TooLargeError(f"the text has more than {SIZE_LIMIT:,} characters")
        kept.append(piece)
    return "".join(kept)


def _missing(value: Any, name: Any) -> _MissingError:
    if isinstance(value, jinja2.Undefined):
        return _MissingError(str(value._undefined_message), "")
    if not isinstance(value, Mapping):
        return _MissingError(f"{_kind(value)} has no {name!r}", "")
    hint = did_you_mean(str(name), map(str, value)) or _given(value)
    return _MissingError(f"the mapping has no {name!r}", hint)


def _given(values: Mapping[str, Any]) -> str:
    return f"There is {', '.join(sorted(map(str, values)))}" if values else ""


def _kind(value: Any) -> str:
    """What a template's author calls a value's type."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"the {'text' if isinstance(value, str) else 'value'} {value!r}"


def _files_below(folder: Path) -> tuple[str, ...]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob(f"*{SUFFIX}"))
    return tuple(sorted(found))


def _read(path: Path, file: str) -> str:
    """The text of a template file, with line feeds as line breaks."""
    try:
        if path.stat().st_size > SOURCE_LIMIT:
            message = f"the template is larger than {SOURCE_LIMIT // 1024} KiB"
            raise TemplateError(file, [Fault(codes.TEMPLATE_UNREADABLE, 1, message)])
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        message = "the template does not exist"
        raise TemplateError(file, [Fault(codes.TEMPLATE_MISSING, 1, message)]) from None
    except (UnicodeDecodeError, OSError) as error:
        message = f"the template cannot be read: {getattr(error, 'reason', error)}"
        raise TemplateError(file, [Fault(codes.TEMPLATE_UNREADABLE, 1, message)]) from None
