"""E6xxx: writing the output."""

from __future__ import annotations

from compiler.model.diagnostics import Code

BUSY = Code(
    "E6001",
    "Another run is writing this output",
    "Two runs that replace the same directories at the same time would each judge the other's "
    "half-made state, so the second one stops before it has touched anything.",
    "Wait until the other run has ended and compile again. If no compile is running, the process "
    "that is named still holds `.edgewright/lock` open; end it.",
)
EDITED = Code(
    "E6002",
    "A generated file was edited by hand",
    "The ledger beside the file says which bytes were generated, and the file holds others. "
    "Writing over it would lose work that exists nowhere else.",
    "Bring the change into the spec (a `patches:` entry can change any field of a generated "
    "object) and compile again; a file that then equals the new output is accepted as it is. To "
    "throw the edit away, compile with `--overwrite PATH`.",
)
FOREIGN = Code(
    "E6003",
    "A file that was not generated lies where output must go",
    "No ledger owns the file, so it is somebody's work; it is neither replaced nor adopted.",
    "Move or rename the file, or, if it may go, compile with `--overwrite PATH`. Raw Kubernetes "
    "objects of your own belong under `objects:` in the spec.",
)
DELETES = Code(
    "E6004",
    "This change deletes more than was allowed",
    "What leaves the output is pruned from the cluster. More than twenty objects, or everything "
    "that a site or a job has, is more often a slip (a wrong label, a cut table) than a plan.",
    "Read the list. If it is meant, compile with `--allow-deletes N` with the number that the "
    "message names. If a job or a site was only renamed, say so under `moved:`.",
)
EMPTY = Code(
    "E6005",
    "The output would be empty",
    "An output without a single directory would prune everything that runs.",
    "Look at `environments:` and every `where:`: they select no site. To take a fleet down on "
    "purpose, delete its output folder in Git.",
)
IMMUTABLE = Code(
    "E6006",
    "A field changed that Kubernetes does not let change",
    "The API server refuses the update of an object whose immutable field differs, so the sync "
    "would fail on every site that already runs it.",
    "Give the object a new name (rename the job, or raise `attempt:` of a run), so that a new "
    "object replaces the old one, or take the change back.",
)
BLOCKED = Code(
    "E6007",
    "The place of an output directory is taken",
    "A directory of the output is replaced as a whole. A symbolic link or a file at its place, "
    "or at one of its parents, would lead the write to somewhere else.",
    "Remove what lies there. To keep the output elsewhere, compile with `--output`, or make the "
    "output folder itself the link.",
)
WORLD = Code(
    "E6008",
    "The output could not be written",
    "The operating system refused a step. Every directory is still wholly old or wholly new.",
    "Free space, fix the permissions or the mount that the message names, and compile again: "
    "the next run takes up what this one left.",
)
STALE = Code(
    "E6009",
    "The committed output is stale",
    "The output in Git is what runs. It must be what the spec says.",
    "Run `edgewright compile` and commit the result.",
)
KEPT = Code(
    "N6010",
    "A directory that is no longer generated stays because of files that are not ours",
    "Only files that a ledger owns are ever deleted.",
    "Delete the files that are named, or move them elsewhere.",
)
MERGED = Code(
    "N6011",
    "Git's conflict markers in generated files were resolved",
    "Both sides of the merge were generated, so both count as owned, and the compile of the "
    "merged spec is what is right for both.",
    "Nothing; commit the result as the merge.",
)
REPAIRED = Code(
    "N6012",
    "An interrupted run was cleaned up",
    "An earlier run was ended before it had removed its own working files.",
    "Nothing. A file named `*.recovered-*` holds what lay at its place before.",
)
