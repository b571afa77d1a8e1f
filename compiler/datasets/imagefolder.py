"""Image folders: the folder of an image is its class. Told from the listing alone.

The class is the topmost folder; where all topmost folders have names of parts (`train`, `val`,
`test`), it is the one below. What those folders say about parts is not used: the split of the
spec decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from compiler.datasets.listing import digest, is_image
from compiler.datasets.tally import Tally
from compiler.model.counted import Counted, CountRequest, DatasetFormat, Picture
from compiler.model.ports import Files
from compiler.model.splitting import place_of

PARTS: Final = frozenset(("train", "training", "val", "valid", "validation", "test", "testing"))


def count(files: Files, request: CountRequest) -> Counted:
    """Count the images of each folder."""
    tally = Tally(request)
    depth = class_depth({one.name.split("/")[0] for one in files.names() if "/" in one.name})
    shown: dict[str, str] = {}
    for one in files.names():
        folders = one.name.split("/")[:-1]
        if any(part.startswith(".") for part in one.name.split("/")):
            continue
        if not is_image(one.name):
            tally.problem("foreign-file", one.name, times=bool(folders))
            continue
        tally.samples += 1
        tally.problem("empty-file", one.name, times=not one.size)
        name = folders[depth] if len(folders) > depth else ""
        if name:
            tally.label(name, one.name)
        else:
            tally.unlabelled += 1
        if tally.division is not None:
            key = digest(files, one).encode()
            tally.division.add(place_of(tally.division.splits.seed, key))
        if tally.offer(one.name):
            shown[one.name] = name
    tally.pictures += [Picture(name, shown[name]) for name in tally.chosen()]
    return tally.counted()


FORMAT = DatasetFormat("imagefolder", "Folders of images", count)


def class_depth(topmost: Iterable[str]) -> int:
    """How many folders lie above those that are classes."""
    names = {name.lower() for name in topmost}
    return 1 if names and names <= PARTS else 0
