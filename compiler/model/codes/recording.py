"""E76xx: versions and metrics that are added to a spec by a command."""

from __future__ import annotations

from compiler.model.diagnostics import Code

ALREADY_THERE = Code(
    "E7601",
    "The version is there already, and is not changed",
    "A version means the same bytes for ever: locks, reports and sites' stores go by its name.",
    "Add the bytes under a new version. Metrics of a version are added by `models record`.",
)
RECORDED_OTHERWISE = Code(
    "E7602",
    "Something else is recorded of the version",
    "The same metric was measured on the same data with the same parameters and gave another "
    "value, or the version comes from elsewhere. A record is not replaced in silence.",
    "See which of the two is right; `--replace` takes the new one.",
)
OTHER_DATA = Code(
    "E7603",
    "The metric was measured on other bytes than the lock has",
    "A dataset reference stands for the bytes whose digest is in the lock. A value of other bytes "
    "compares with none that was measured on them.",
    "Measure on the version that is locked, or add the other bytes as a version of the dataset.",
)
OTHER_VERSION = Code(
    "E7604",
    "The file is about another version",
    "The file of metrics names the version that was measured, and it is not the one that they "
    "are to be recorded for.",
    "Record it for the version that it names.",
)
