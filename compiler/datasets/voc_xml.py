"""One annotation file of Pascal VOC, read by expat without entities, deep nesting or surprises.

The file is read as UTF-8 whatever it declares. Elements that are not asked for are passed over.
"""

from __future__ import annotations

from typing import Any, Final
from xml.parsers import expat

from compiler.model.record import dataclass

DEPTH: Final = 50
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_CORNERS: Final = ("xmin", "ymin", "xmax", "ymax")
_ROOT: Final = ("annotation",)
_OBJECT: Final = (*_ROOT, "object")


@dataclass(frozen=True, slots=True)
class VocObject:
    """One object; `corners` are left, top, right and bottom, None where they are no numbers."""

    name: str
    corners: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True)
class VocImage:
    """What an annotation file says of its image; a size that it does not say is 0."""

    filename: str
    width: float
    height: float
    objects: tuple[VocObject, ...]


class VocXmlError(Exception):
    """A file is no such XML; `declares` is set where it declares a document type."""

    def __init__(
        self, message: str, line: int, byte: int, kind: str = "bad-record", declares: bool = False
    ) -> None:
        super().__init__(message)
        self.message, self.line, self.byte = message, line, byte
        self.kind, self.declares = kind, declares


def read_voc(data: bytes) -> VocImage:
    """Read one file.

    Raises:
        VocXmlError: it is no XML, none of VOC's, or declares a document type.
    """
    return _Reader().read(data)


class _Reader:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.path: list[str] = []
        self.texts: list[str] = []
        self.values: dict[tuple[str, ...], str] = {}
        self.objects: list[VocObject] = []

    def read(self, data: bytes) -> VocImage:
        """Read one file to its end."""
        if data[:2] in _UTF_16:
            raise self._error(
                "this is UTF-16, not UTF-8; convert it with `iconv -f UTF-16 -t UTF-8`"
            )
        try:
            self.parser.Parse(data, True)
        except expat.ExpatError as error:
            message = expat.errors.messages[error.code]
            raise self._error(message) from None
        size = (*_ROOT, "size")
        return VocImage(
            self.values.get((*_ROOT, "filename"), ""),
            _number(self.values.get((*size, "width"))) or 0,
            _number(self.values.get((*size, "height"))) or 0,
            tuple(self.objects),
        )

    def _start(self, name: str, _: Any) -> None:
        if not self.path and name != "annotation":
            raise self._error(f"the outermost element is {name[:40]}, not annotation")
        self.path.append(name)
        self.texts.clear()
        if len(self.path) > DEPTH:
            raise self._error(f"elements are nested more than {DEPTH} deep")

    def _end(self, _: str) -> None:
        path, text = tuple(self.path), "".join(self.texts).strip()
        self.path.pop()
        self.texts.clear()
        if path == _OBJECT:
            self._object()
        elif len(path) == 2 or path[1:2] == ("size",) or self._of_object(path):
            if path in self.values:
                raise self._error(f"{'/'.join(path[1:])} comes twice", "duplicate-key")
            self.values[path] = text

    def _of_object(self, path: tuple[str, ...]) -> bool:
        """Whether a value is counted; parts of a body have boxes of their own, which are not."""
        return path[:2] == _OBJECT and (len(path) == 3 or path[2] == "bndbox") and path[2] != "part"

    def _object(self) -> None:
        mine = {path[2:]: text for path, text in self.values.items() if path[:2] == _OBJECT}
        self.values = {path: text for path, text in self.values.items() if path[:2] != _OBJECT}
        corners = [_number(mine.get(("bndbox", side))) for side in _CORNERS]
        whole = tuple(side for side in corners if side is not None)
        self.objects.append(
            VocObject(mine.get(("name",), ""), whole if len(whole) == len(_CORNERS) else None)  # type: ignore[arg-type]
        )

    def _text(self, text: str) -> None:
        self.texts.append(text)

    def _doctype(self, *_: Any) -> None:
        raise self._error("a document type is declared", declares=True)

    def _error(self, message: str, kind: str = "bad-record", declares: bool = False) -> VocXmlError:
        parser = self.parser
        return VocXmlError(
            message, parser.CurrentLineNumber, max(0, parser.CurrentByteIndex), kind, declares
        )


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
