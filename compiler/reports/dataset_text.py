"""A counted dataset as text for a terminal or a pull request's comment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from compiler.model.counted import PROBLEMS, Counted

_CLASSES: Final = 30
_BAR: Final = 30


def render(title: str, form: str, counted: Counted, seed: int | None) -> str:
    """The whole count; of very many classes the most frequent ones."""
    return "".join(f"{line}\n" for line in _lines(title, form, counted, seed))


def _lines(title: str, form: str, counted: Counted, seed: int | None) -> Iterator[str]:
    labels = f", {counted.labels:,} labels in {_some(len(counted.classes), 'class', 'classes')}"
    yield f"{title} ({form}): {_some(counted.samples, 'sample')}{labels if counted.classes else ''}"
    if counted.classes:
        yield ""
        yield f"classes{_imbalance(counted)}"
        yield from _bars(counted.classes, counted.labels)
    if counted.splits:
        yield ""
        yield f"splits (seed {seed})"
        yield from _bars(counted.splits, counted.samples)
    yield ""
    yield "problems" if counted.problems else "no problems"
    width = max((len(f"{problem.count:,}") for problem in counted.problems), default=0)
    for problem in counted.problems:
        yield f"  {problem.count:>{width},}  {problem.kind}: {PROBLEMS[problem.kind]}"
        for example in problem.examples:
            yield f"  {'':{width}}    {example}"


def _bars(numbers: Mapping[str, int], total: int) -> Iterator[str]:
    shown = dict(sorted(numbers.items(), key=lambda item: -item[1])[:_CLASSES])
    shown = {name: count for name, count in numbers.items() if name in shown}
    wide = max(map(len, shown))
    most = max(numbers.values()) or 1
    digits = max(len(f"{count:,}") for count in shown.values())
    for name, count in shown.items():
        share = 100 * count / total if total else 0
        bar = "#" * round(_BAR * count / most)
        yield f"  {name:{wide}}  {count:>{digits},}  {share:5.1f} %  {bar}".rstrip()
    if len(numbers) > len(shown):
        yield f"  and {len(numbers) - len(shown):,} more"


def _imbalance(counted: Counted) -> str:
    found = counted.imbalance
    if found is None or len(counted.classes) < 2:
        return ""
    if found == float("inf"):
        return " (a class has no label)"
    return f" (the most frequent has {found:.1f} × the labels of the rarest)"


def _some(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"
