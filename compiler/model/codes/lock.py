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
BYTES_CHANGED = Code(
    "E7105",
    "The bytes behind a locked name have changed",
    "A version stands for one set of bytes, for ever: metrics, licences and rollbacks speak of "
    "them. Other bytes under the same name are a mistake or an attack.",
    "Publish the bytes as a new version. Where the change is meant, run `edgewright lock "
    "--accept-changed NAME` and review it.",
)
OTHER_BYTES = Code(
    "E7106",
    "A store holds other bytes than the spec states",
    "The spec has a `sha256:` for the artifact, and what lies at its `uri:` has another. A device "
    "would refuse it.",
    "Correct the `sha256:`, or upload the right bytes.",
)
NOT_ASKED = Code(
    "E7107",
    "Something is not in the lock, and nobody was asked",
    "With `--offline` only what the spec and the old lock say can be written down.",
    "Run `edgewright lock` without `--offline`, or state the sha256 in the spec.",
)
PLATFORM_MISSING = Code(
    "E7108",
    "An image does not exist for the hardware of a site",
    "An image is pulled for the architecture of the node. Where the image has no such platform, "
    "the pod never starts.",
    "Build the image for the platform that the message names, or place the job where it runs.",
)
TWO_MEANINGS = Code(
    "E7109",
    "One name stands for different bytes on different sites",
    "An override gives a version another `uri:` than it has elsewhere. The lock has one entry for "
    "each version, and reports would call different bytes the same.",
    "Add a version for the other bytes, and let the override set `target:` to it.",
)
HOST_UNKNOWN = Code(
    "E7110",
    "A host is not in the spec of the main branch",
    "Locking sends credentials to the stores and registries that a spec names. A pull request "
    "could name a host of its own and have CI's credentials sent there.",
    "Have the host reviewed and merged first, or allow it for this run with `--allow-host HOST`. "
    "Where the main branch is not found, fetch it or name it with `--main-branch REF`.",
)
ARCHIVE_REFUSED = Code(
    "E7111",
    "An archive would be refused by the devices",
    "The sidecar unpacks plain files and directories below one folder, up to fixed amounts. "
    "Links, devices, names that climb and archives that unpack to far more than they hold are "
    "refused there, so they are not locked.",
    "Pack the files anew without what the message names, or correct `unpack:`.",
)
LOCK_MOVED = Code(
    "E7112",
    "The lock or the spec was changed while a command made it anew",
    "Somebody wrote the file after it was read. Replacing it would undo that.",
    "Run the command again.",
)
NOT_SELECTED = Code(
    "E7114",
    "A selection finds no version",
    "`select:` takes the best of the versions that were measured in one and the same way, that "
    "meet its requirements and pass the model's gates. The message says of each version why it "
    "fell out; a guess could put an untested version on every site.",
    "Add what is missing under `metrics:` of the version, or name the version with `target:`.",
)
LOCK_UNWRITABLE = Code(
    "E7115",
    "The lock or the spec cannot be written",
    "The system refuses to replace the file; the message has its reason.",
    "Make the folder of the spec writable, or free space on its disk.",
)
UNKNOWN_ENTRY = Code(
    "E7113",
    "A flag names nothing that is locked",
    "`--only`, `--update` and `--accept-changed` take a model, dataset or code by name, with or "
    "without its version, or an image as the spec has it.",
    "Write the name as it stands in the spec.",
)
NO_CHUNKS = Code(
    "N7203",
    "Large artifacts have no list of the digests of their parts",
    "Above 64 MiB such a list lets a device go on where it stopped, find one flipped byte without "
    "fetching everything again, and take parts from neighbours.",
    "Run `edgewright lock --push-chunks` with credentials that may write to the store.",
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
METRIC_UNKNOWN = Code(
    "E7121",
    "Nobody says which way a metric is better",
    "To choose by a metric, and to see whether it improved, it must be known whether higher or "
    "lower values are better. That is known of the common metrics by their names.",
    "Define it in the spec: `metrics: {NAME: {better: higher}}`.",
)
UNITS_DIFFER = Code(
    "E7122",
    "A selection's bound has another unit than the metric",
    "`improvesBy: 0.01` beside values in milliseconds could mean seconds or a share; a guess would "
    "decide which version runs.",
    "Write the bound in the metric's unit, such as `improvesBy: 2ms`.",
)
