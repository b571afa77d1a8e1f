"""A counted dataset as one page that needs nothing else: no script, no network, no other file.

Everything from the dataset is escaped. A picture is shown only if its own first bytes say that it
is one; its name decides nothing, and SVG, which can hold scripts, is no picture here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from math import log1p
from typing import Final

from compiler.model.counted import GRID, PROBLEMS, Box, Counted, Picture
from compiler.model.record import dataclass
from compiler.reports.dataset_style import STYLE

_CLASSES: Final = 40
_COLOURS: Final = 8
_RIGHT: Final = 0.7
"""From here on the name of a box begins at its right end, or it would leave the picture."""

_KINDS: Final = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
}
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with the size of its file and, where it is not too large, its bytes."""

    picture: Picture
    size: int
    data: bytes


def render(title: str, form: str, counted: Counted, shown: Sequence[Shown]) -> str:
    """The whole page."""
    parts = [
        _head(title),
        f"<header><h1>{escape(title)}</h1><p class=note>{escape(form)} dataset</p></header>",
        _tiles(counted),
        _section("Class balance", _bars(counted.classes, counted.labels)),
        _section("Splits", _bars(counted.splits, counted.samples)),
        _section("Box sizes", _sizes(counted.grid)),
        _section("Problems", _problems(counted)),
        _section("Samples", _samples(counted, shown)),
    ]
    return "\n".join(part for part in parts if part) + "\n</main></html>\n"


def kind_of(data: bytes) -> str:
    """The media type that the first bytes of a picture tell; empty for what is not shown."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _KINDS.items() if data.startswith(mark)), "")


def _head(title: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><main>"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>" if body else ""


def _tiles(counted: Counted) -> str:
    found = counted.imbalance
    tiles = [("samples", f"{counted.samples:,}")]
    if counted.classes:
        tiles += [("labels", f"{counted.labels:,}"), ("classes", f"{len(counted.classes):,}")]
    if found is not None and len(counted.classes) > 1:
        tiles.append(
            ("most frequent to rarest", "∞" if found == float("inf") else f"{found:,.1f} ×")
        )
    tiles.append(("kinds of problems", f"{len(counted.problems):,}"))
    inner = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles)
    return f"<dl class=tiles>{inner}</dl>"


def _bars(numbers: Mapping[str, int], total: int) -> str:
    if not numbers:
        return ""
    rows = list(_rows(numbers, total))
    most, rest = "".join(rows[:_CLASSES]), "".join(rows[_CLASSES:])
    more = (
        f"<details><summary>{len(rows) - _CLASSES:,} more</summary><table>{rest}</table></details>"
        if rest
        else ""
    )
    return f"<table>{most}</table>{more}"


def _rows(numbers: Mapping[str, int], total: int) -> Iterator[str]:
    highest = max(numbers.values()) or 1
    for name, count in numbers.items():
        share = f"{100 * count / total:.1f} %" if total else ""
        bar = f'<i style="width:{100 * count / highest:.2f}%"></i>' if count else ""
        yield (
            f"<tr><th scope=row>{escape(name)}</th><td class=bar>{bar}</td>"
            f"<td class=number>{count:,}</td><td class=share>{share}</td></tr>"
        )


def _sizes(grid: tuple[int, ...]) -> str:
    """Width to the right, height upwards, in shares of the image; more boxes, more colour."""
    most = max(grid, default=0)
    if not most:
        return ""
    cells = "".join(
        f'<rect x="{at % GRID}" y="{GRID - 1 - at // GRID}" width="1" height="1"'
        f' fill-opacity="{0.12 + 0.88 * log1p(count) / log1p(most):.3f}">'
        f"<title>{_range(at % GRID)} wide, {_range(at // GRID)} high: {count:,}</title></rect>"
        for at, count in enumerate(grid)
        if count
    )
    whole = sum(grid)
    small = sum(n for at, n in enumerate(grid) if at % GRID < 2 and at // GRID < 2)
    return (
        "<div class=sizes><div class=chart><span class=up>height</span>"
        f'<svg viewBox="0 0 {GRID} {GRID}" role="img" aria-label="Boxes by width and height">'
        f"{cells}</svg><span class=ends><b>0</b><b>width, in shares of the image</b>"
        "<b>100 %</b></span>"
        f"</div><p>{whole:,} boxes. {100 * small / whole:.0f} % of them are less than a tenth of "
        "their image wide and high. Each field is 5 % of the image wide and high; the stronger its "
        f"colour, the more boxes; the strongest has {most:,}.</p></div>"
    )


def _range(at: int) -> str:
    step = 100 // GRID
    return f"{at * step} to {(at + 1) * step} %"


def _problems(counted: Counted) -> str:
    if not counted.problems:
        return "<p>None.</p>"
    rows = "".join(
        f"<tr><td class=number>{one.count:,}</td><th scope=row>{one.kind}</th>"
        f"<td>{escape(PROBLEMS[one.kind])}{_examples(one.examples)}</td></tr>"
        for one in counted.problems
    )
    return f"<table class=problems>{rows}</table>"


def _examples(examples: Iterable[str]) -> str:
    return "".join(f"<code>{escape(example)}</code>" for example in examples)


def _samples(counted: Counted, shown: Sequence[Shown]) -> str:
    colours = {name: at % _COLOURS for at, name in enumerate(counted.classes)}
    figures = "".join(_figure(one, colours) for one in shown)
    return f"<div class=samples>{figures}</div>" if figures else ""


def _figure(one: Shown, colours: Mapping[str, int]) -> str:
    kind, picture = kind_of(one.data), one.picture
    if kind:
        source = f"data:{kind};base64,{base64.b64encode(one.data).decode()}"
        boxes = "".join(_box(box, colours.get(box.label, 0)) for box in picture.boxes)
        inner = f'<div class=picture><img alt="" src="{source}">{boxes}</div>'
    else:
        large = one.size and not one.data
        reason = "too large to be shown here" if large else "no picture that a browser shows"
        inner = f"<div class=absent>{reason}<br>{one.size:,} bytes</div>"
    words = [picture.name, picture.label, _boxes(len(picture.boxes))]
    caption = escape(" · ".join(word for word in words if word))
    return f'<figure>{inner}<figcaption title="{caption}">{caption}</figcaption></figure>'


def _boxes(count: int) -> str:
    return f"{count} {'box' if count == 1 else 'boxes'}" if count else ""


def _box(box: Box, colour: int) -> str:
    place = f"left:{100 * box.left:.2f}%;top:{100 * box.top:.2f}%"
    size = f"width:{100 * box.width:.2f}%;height:{100 * box.height:.2f}%"
    side = " right" if box.left > _RIGHT else ""
    return (
        f'<div class="box c{colour}{side}" style="{place};{size}"><b>{escape(box.label)}</b></div>'
    )
