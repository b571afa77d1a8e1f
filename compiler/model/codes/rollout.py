"""E74xx: rollouts, and what sites report of them."""

from __future__ import annotations

from compiler.model.diagnostics import Code

NO_ROLLOUT = Code(
    "E7401",
    "There is no rollout to move",
    "Promoting moves a rollout that the lock has: a job with `rollout:`, of which the target of a "
    "model changed.",
    "Change the target and run `edgewright lock`; it writes step 0.",
)
NO_VERSION_BEFORE = Code(
    "E7402",
    "It is not known which version to go back to",
    "The lock remembers the version that sites had before, as long as a job rolls the model out. "
    "Guessing one could put a version on every site that never ran there.",
    "Name the version with `--to`.",
)
NO_REPORTS = Code(
    "E7403",
    "The spec does not say where sites report to",
    "Whether sites are ready is known from the reports of their sidecars alone.",
    'Write `reports: {uri: "STORE:reports/"}`, or promote without `--if-ready`.',
)
REPORT_MALFORMED = Code(
    "W7404",
    "A report cannot be read",
    "The object in the store of reports is not what a sidecar writes. The site that it belongs to "
    "counts as if it had not reported.",
    "Delete the object; the sidecar writes a new one within its interval.",
)
TOO_FEW = Code(
    "E7405",
    "The rollout may not go on yet",
    "The steps of a rollout wait until enough sites serve the new version well, for as long as "
    "`soak:` says.",
    "Wait, or see at the sites that the table names what hinders them.",
)
ABORTED = Code(
    "E7406",
    "The rollout was aborted, and the old version is restored",
    "More of the sites that have the new version failed with it than `abortAbove:` allows.",
    "Read what the servers said of it, publish a version that mends it, and begin again.",
)
