"""Records, whatever file they come from: their ids, labels, paths and parts, batch by batch.

The quick way takes a whole batch by the interpreter's own loops; a batch with anything unusual
in it is taken again, record by record, and each problem gets its place. Both count the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from compiler.datasets.listing import Listing
from compiler.datasets.tally import Ids, Tally, identity_of
from compiler.model.codes import dataset as codes
from compiler.model.counted import Counted, CountRequest, Picture, UncountableError
from compiler.model.ports import Files
from compiler.model.record import dataclass
from compiler.model.splitting import place_of
from compiler.model.suggest import did_you_mean

ROLES: Final = ("id", "label", "path")
LARGEST: Final = 2**53
"""From here on numbers are not the same to every reader of JSON."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records by column; a column that they do not have is None.

    `place` names one of them by its index, `content` is what it holds besides its id.
    """

    size: int
    place: Callable[[int], str]
    content: Callable[[int], bytes]
    ids: Sequence[Any] | None = None
    labels: Sequence[Any] | None = None
    paths: Sequence[Any] | None = None


class Records:
    """Takes batches; `counted` closes the sum."""

    def __init__(self, files: Files, request: CountRequest) -> None:
        self.tally = Tally(request)
        self.columns = {role: request.columns.get(role, role) for role in ROLES}
        self._files, self._request = files, request
        self._ids = Ids()
        self._shown: dict[str, str] = {}
        self._listing: Listing | None = None

    def require(self, there: Iterable[str], file: str) -> None:
        """Refuse a table that lacks a column which the spec names or needs.

        Raises:
            UncountableError: always where one is missing.
        """
        known = list(there)
        needed = set(self._request.columns.values())
        if self._request.classes:
            needed.add(self.columns["label"])
        for name in sorted(needed - set(known)):
            listed = ", ".join(known[:20]) or "none"
            raise UncountableError(
                codes.DATASET_COLUMN,
                f"there is no column {name}; there are: {listed}",
                did_you_mean(name, known) or "name the column in `columns:` of the dataset",
                file=file,
                line=1,
            )

    def take(self, batch: Batch) -> None:
        """Count the records of a batch."""
        self.tally.samples += batch.size
        if batch.ids is not None:
            self._take_ids(batch, batch.ids)
        if batch.labels is not None:
            self._take_labels(batch, batch.labels)
        if batch.paths is not None:
            self._take_paths(batch, batch.paths)
        if self.tally.division is not None or self._request.pictures:
            self._divide(batch)

    def counted(self) -> Counted:
        """Everything found."""
        self.tally.problem("duplicate-id", times=self._ids.late())
        if self._listing is not None:
            self._listing.report(self.tally)
        for name in self.tally.chosen():
            self.tally.pictures.append(Picture(name, self._shown[name]))
        return self.tally.counted()

    def _take_ids(self, batch: Batch, ids: Sequence[Any]) -> None:
        if _are_texts(ids) and self._ids.fresh(ids):
            return
        for at, one in enumerate(ids):
            if one is None or one == "":
                continue
            if isinstance(one, int) and abs(one) >= LARGEST:
                self.tally.problem("bad-value", f"{batch.place(at)}: id {one:.3e}")
                one = str(one)  # noqa: PLW2901 - its hash must not be that of a small number
            if self._ids.used(one):
                self.tally.problem("duplicate-id", f"{batch.place(at)}: {one}")

    def _take_labels(self, batch: Batch, labels: Sequence[Any]) -> None:
        if _are_texts(labels) and self.tally.labels(labels):
            return
        for at, one in enumerate(labels):
            found = label_names(one)
            if found is None:
                self.tally.problem("bad-value", f"{batch.place(at)}: the label is an object")
            for name in found or ():
                self.tally.label(name, batch.place(at))
            self.tally.unlabelled += not found

    def _take_paths(self, batch: Batch, paths: Sequence[Any]) -> None:
        listing = self._listed()
        for at, path in enumerate(paths):
            # One image may have several records, one for each of its labels.
            if not isinstance(path, str) or listing.take(path) == "missing-file":
                self.tally.problem("missing-file", f"{batch.place(at)}: {path}")

    def _divide(self, batch: Batch) -> None:
        division = self.tally.division
        for at in range(batch.size):
            path = batch.paths[at] if batch.paths is not None else None
            if isinstance(path, str) and self._request.pictures:
                self._offer(path, batch.labels[at] if batch.labels is not None else None)
            if division is None:
                continue
            place = self._listed().place(path) if isinstance(path, str) else None
            if place is None:
                key = hashlib.sha256(batch.content(at)).hexdigest().encode()
                place = place_of(division.splits.seed, key)
            one = batch.ids[at] if batch.ids is not None else None
            division.add(place, None if one is None or one == "" else identity_of(one))

    def _offer(self, path: str, label: Any) -> None:
        if self._listed().has(path) and self.tally.offer(path):
            self._shown[path] = ", ".join(label_names(label) or ())

    def _listed(self) -> Listing:
        if self._listing is None:
            self._listing = Listing(self._files, self._request.splits)
        return self._listing


def _are_texts(values: Sequence[Any]) -> bool:
    return "" not in values and set(map(type, values)) <= {str}


def label_names(value: Any) -> tuple[str, ...] | None:
    """The classes that a label names: one, several or none; None where it is no label."""
    if value is None or value == "":
        return ()
    if isinstance(value, list):
        found = [label_names(one) for one in value]
        whole = [name for names in found if names for name in names]
        return None if None in found else tuple(whole)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (str(value),) if isinstance(value, str | int | float) else None
