"""One module per dataset format: count, classes, problems.

Everything is read as a stream from `Files`, so that a folder, a store and an archive are the
same. No module here knows another format, and none judges whether a dataset is good enough.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from compiler.model.counted import DatasetFormat

FORMATS: Final = ("coco", "csv", "imagefolder", "jsonl", "parquet", "txt", "voc", "yolo")
"""Every format, sorted; a module is imported when its format is counted."""


def dataset_format(name: str) -> DatasetFormat:
    """The format of a name.

    Raises:
        KeyError: there is none.
    """
    if name not in FORMATS:
        raise KeyError(name)
    return cast("DatasetFormat", import_module(f"{__name__}.{name}").FORMAT)
