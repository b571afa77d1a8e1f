"""Contradictions between the sources of one volume of a pod, which no schema can hold.

Whether a mount has its volume is judged with the containers, in `pods`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.model.codes import check as codes
from compiler.stages.check.pods import Template
from compiler.stages.check.words import Wrong, path_text

_LISTING = ("configMap", "downwardAPI", "secret")
"""Sources of a projected volume that name the files which they make."""


def check_volumes(template: Template) -> Iterator[Wrong]:
    """Files of a projected volume that two entries would make."""
    for number, volume in enumerate(template.spec.get("volumes") or ()):
        seen: set[Any] = set()
        for i, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
            for kind in _LISTING:
                for j, item in enumerate((source.get(kind) or {}).get("items") or ()):
                    path = item.get("path")
                    if path and path in seen:
                        where = ("volumes", number, "projected", "sources", i, kind, "items", j)
                        text = f"{path_text((*template.path, *where))} makes {path!r} once more"
                        yield Wrong(codes.POD, text)
                    seen.add(path)
