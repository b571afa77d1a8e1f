"""Archives turned into trees: tar, tar.gz and zip, read by our own rules and written by a writer.

Nothing here opens, names or changes a file: the writer does, part by part. Only plain files and
directories come out, under names that mean the same on every system; the rest of what the formats
can say is refused and never skipped. Nothing of an archive that was refused may be used.
"""

from sidecar.unpack.extract import unpack
from sidecar.unpack.source import StoppedError

__all__ = ["StoppedError", "unpack"]
