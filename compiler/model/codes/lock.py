"""E7xxx: the lock file."""

from __future__ import annotations

from compiler.model.diagnostics import Code

LOCK_VERSION = Code(
    "E7001",
    "The lock file has another format",
    "The first line of the lock says which format the rest is written in; reading another format "
    "by guess could pin the wrong bytes.",
    "Compile with the release that wrote the lock, or write it again with `edgewright lock`.",
)
LOCK_KEY = Code(
    "E7002",
    "A key of the lock is not <environment>.<section>.<name>",
    "The lock is flat so that two branches merge by themselves. A key outside that form belongs to "
    "nothing and would be forgotten in silence.",
    "Delete the entry, or let `edgewright lock --repair` put it right.",
)
LOCK_ENTRY = Code(
    "E7003",
    "An entry of the lock is malformed",
    "A digest, size or step that cannot be read cannot pin anything.",
    "Restore the entry from Git, or let `edgewright lock --repair` make it again.",
)
SPEC_MOVED = Code(
    "E7101",
    "The spec has moved past its lock",
    "The lock says which bytes a name stands for. Where the spec names something else than what "
    "was locked, neither can be trusted over the other.",
    "Run `edgewright lock` and review what changed in the lock.",
)
NOT_LOCKED = Code(
    "E7102",
    "Something has no entry in the lock",
    "With `--locked`, and for what only the lock can tell (a selection, the state of a rollout, "
    "the digest of an artifact without sha256), compiling without an entry would be a guess.",
    "Run `edgewright lock`, or state the sha256 in the spec.",
)
SERVE_VERSION_TWICE = Code(
    "E7103",
    "Two artifacts of a model have one serveVersion",
    "Model servers tell versions apart by this number alone; after a merge two branches can have "
    "taken the same one, and a server would load one for the other.",
    "Run `edgewright lock --repair`: it gives the later entry a new number.",
)
ROLLOUT_STEP = Code(
    "E7104",
    "The lock is at a rollout step that the job does not have",
    "The step says which sites get the new version. A step past the last one means that the job's "
    "`rollout.steps` were cut while a rollout was under way.",
    "Run `edgewright lock` to restart the rollout, or restore the steps.",
)
TAG_WITHOUT_DIGEST = Code(
    "W7201",
    "An image is named by tag alone",
    "A tag can be pushed again: two sites, or two days, may run different bytes under one name.",
    "Run `edgewright lock`, or write the image as NAME@sha256:DIGEST.",
)
SIZE_UNKNOWN = Code(
    "N7202",
    "Sizes are not known, so fit and transfer time were not checked",
    "Without a lock nothing states how large an artifact is. The memory and disk of a site cannot "
    "be compared with what the models need.",
    "Run `edgewright lock`.",
)
