"""E75xx: a gate or a policy says no (exit code 3), or cannot be judged."""

from __future__ import annotations

from compiler.model.diagnostics import Code

GATE_FAILS = Code(
    "E7501",
    "A version does not pass a gate of its model",
    "A gate says what a version must have shown before it may run anywhere. The message has the "
    "measured value, where it was measured, and what would pass; a value that was not measured "
    "fails as well.",
    "Use a version that passes, measure what is missing and record it, or change the gate.",
)
REQUIREMENT_FAILS = Code(
    "E7502",
    "A dataset is not what `require:` asks of it",
    "`edgewright lock` counted the dataset; the numbers are in the lock. A model that is trained "
    "or judged on too few or too uneven samples looks better than it is.",
    "Use a version of the dataset that fits, or change the requirement.",
)
NOT_COUNTED = Code(
    "E7503",
    "A requirement cannot be judged, because nobody counted the dataset",
    "What `require:` asks is answered by the lock. Without an entry nothing is known, and to pass "
    "it would promise what nobody has seen.",
    "Run `edgewright lock`.",
)
POLICY_BROKEN = Code(
    "E7504",
    "A policy is broken",
    "A rule of your own about the output does not hold. The message has the values that decided.",
    "Change what it is about, or the policy.",
)
POLICY_UNDECIDED = Code(
    "E7505",
    "A policy has no value",
    "The expression asks for a field that is not there, or is neither true nor false. To let it "
    "pass would promise what nobody judged.",
    "Ask `has(object.spec.field)` first, or compare something.",
)
POLICY_MALFORMED = Code(
    "E7506",
    "A policy cannot be read",
    "The expression is no CEL, names something that its scope does not have, or a function that is "
    "not known.",
    "Write it with the names that the hint lists; the functions are in the docs on gates.",
)
DISK_TOO_SMALL = Code(
    "E7510",
    "The disk of a host does not hold what its sidecars have to keep",
    "A host holds the artifacts of all its tenants, the versions before them so that it can return "
    "without a network, what comes while both are still there, outboxes up to their limits, what "
    "is reserved, and the part that stays free so that no image is collected. A disk that is "
    "smaller blocks the next update for want of room, where nobody is watching. Below the message "
    "is the sum, with the lines that the figures are from.",
    "Take a larger disk, place fewer or smaller artifacts there, or keep less of the past: "
    "`cache: {previous: 0}` in the profile.",
)
MEMORY_OF_WORKER = Code(
    "E7511",
    "A worker has too little memory for its models while a version is loaded",
    "A hot swap loads the new version before the old one goes, so both are in memory at once. "
    "Above its limit the worker is killed in the middle of the swap. The figures are "
    "`needs.memory` of the versions.",
    "Raise the worker's memory, or write `update: rolling`, which gives a new version its own "
    "worker.",
)
MEMORY_OF_HOST = Code(
    "E7512",
    "The memory of a host does not hold its models while a version is loaded",
    "Pods request less than their models need while they are loaded. The scheduler places them, "
    "and the host then runs out of memory. The figures are `needs.memory` of the versions, and the "
    "requests of what says no needs.",
    "Place fewer models there, use a smaller variant, or correct `memory` and `reserved` of the "
    "profile.",
)
DISK_CROWDED = Code(
    "W7513",
    "The disk of a host is too small if all jobs of its site land on it",
    "A job that names no host runs on any host of its site, and the scheduler does not know what "
    "the store on a host has to hold.",
    "Name a host for some of the jobs, or give each host its own with `replicas: per-host`.",
)
NO_WAY_BACK = Code(
    "W7514",
    "Sites lose their way back to the version that a rollout leaves",
    "A site that has the version before in its store returns to it at once, without a network. "
    "Here it could not, so a version that turns out bad stays until another one was fetched.",
    "Do what the hint says, or accept that these sites need their link to go back.",
)
LICENSE_REFUSED = Code(
    "E7515",
    "A licence is not one of those that are accepted",
    "`licenses:` says under which licences a model may be deployed. A version that is made from "
    "another one carries the duties of that one's licence as well, so every base on the way back "
    "is judged. A licence that nobody stated cannot be accepted.",
    "Use a version under another licence, state the licence, or change `licenses:`.",
)
NEEDS_UNMET = Code(
    "E7516",
    "A version needs other hardware than a site has",
    "`needs:` says on which processors and accelerators a version runs. Anywhere else it fails "
    "when the server loads it, long after the change was reviewed.",
    "Place the job on sites that have it, or add a variant of the version for their hardware.",
)
CLASSES_DIFFER = Code(
    "E7517",
    "Class lists do not go together",
    "A model answers with the number of a class. Code after it, or the other part of a joint "
    "model, that has another list reads a helmet as a head, and nothing fails.",
    "Give both the same classes in the same order, or say with `classMap:` which stand for which.",
)
INPUTS_DIFFER = Code(
    "E7518",
    "What is made is not what is taken",
    "Each step takes tensors of one type and shape. Another one fails at the first request, or, "
    "where only sizes differ, is stretched in silence.",
    "Use code and a version that fit, or correct the signature that is wrong.",
)
EFFECT_UNWANTED = Code(
    "E7520",
    "The change does what `diff --fail-on` names",
    "Whoever called `diff` listed effects that no change may have without somebody's word, such as "
    "an outage or the loss of data. The rows above say what has them, and what to do about it.",
    "Change the spec so that the effect goes away, or call `diff` without it in `--fail-on`.",
)
