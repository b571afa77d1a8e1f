"""E3xxx: planning, placement, lowering and backends."""

from __future__ import annotations

from compiler.model.diagnostics import Code

NOT_SUPPORTED_YET = Code(
    "E3001",
    "This kind of job does not compile yet",
    "The kind is part of the language and its fields are checked, but no backend compiles it. "
    "Leaving it out in silence would ship a fleet without the job.",
    "Remove the job, or keep it in a file outside the folder that is compiled.",
)
NO_BACKEND = Code(
    "E3002",
    "No backend takes the job where it is placed",
    "Every backend of the preference order was asked and said no; the message gives each reason. "
    "A job is never compiled to something that means less than what was written.",
    "Do what the hint says, choose another place, or declare in `provides:` what the cluster has.",
)
CONFIG_TOO_LARGE = Code(
    "E3501",
    "A sidecar config is too large",
    "The config travels in a ConfigMap, which etcd limits to one mebibyte with everything around "
    "it, and a device parses it in a few megabytes of memory.",
    "Split the job into several, or give a worker fewer artifacts.",
)
CONTRACT_VERSION = Code(
    "E3502",
    "The compiler cannot speak this version of the sidecar contract",
    "`sidecar.contract` says which config documents the deployed sidecar image understands. The "
    "compiler emits the newest version and the one before it, and never guesses at another.",
    "Use a sidecar image whose contract the compiler can emit, and write that number.",
)
SHARD_TOO_LARGE = Code(
    "E3601",
    "A shard holds too many sites",
    "A shard is built by one run of kustomize, whose time grows with the square of the objects: "
    "a hundred sites take a second, four hundred a quarter of a minute on every reconciliation.",
    "Raise `gitops.shards` of the cluster to the number that the hint names, or leave room for "
    "growth. Changing it later moves sites between shards, which is a guarded change.",
)
REPOSITORY_URL = Code(
    "E3602",
    "Flux cannot read this repository address",
    "A GitRepository takes `https://`, `http://` and `ssh://` addresses only. The short form "
    "`user@host:path` is rewritten; anything else has no equivalent.",
    "Write the address that the cluster itself can reach, for example "
    "`https://git.example.com/team/fleet.git`.",
)
