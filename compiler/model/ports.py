"""What stages need from the outside world, as protocols; adapters implement them.

No protocol here says how, and none of them is for data that a stage could be handed.
"""

from __future__ import annotations

from typing import Protocol


class Exchange(Protocol):
    """Atomic renames of whole directories. Paths are absolute.

    Both methods answer False, with nothing changed, where the file system cannot do it
    (another device, an overlay's lower layer, no such call); any other fault is an OSError.
    """

    def swap(self, first: str, second: str) -> bool:
        """Exchange two existing directories in one step."""
        ...

    def place(self, source: str, target: str) -> bool:
        """Rename `source` to `target`, which must not exist.

        Raises:
            FileExistsError: something lies at `target`.
        """
        ...
