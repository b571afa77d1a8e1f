"""E2xxx: names, references, sites, environments: the spec as a whole."""

from __future__ import annotations

from compiler.model.diagnostics import Code

UNKNOWN_REFERENCE = Code(
    "E2001",
    "A name is used that the spec does not define",
    "Every name in a spec points at something defined in the same spec. A name that points at "
    "nothing would compile to an object that waits for ever.",
    "Correct the name, or define what it should name.",
)
UNKNOWN_VERSION = Code(
    "E2002",
    "A version is used that is not defined",
    "A target, a reference or a rollout must name an entry under `versions:`.",
    "Correct the version, or add it under `versions:`.",
)
YANKED_VERSION = Code(
    "E2003",
    "A yanked version is used",
    "A version is yanked because it must not run. It is never selected, never promoted, and a "
    "reference to it is an error.",
    "Use another version.",
)
NO_TARGET = Code(
    "E2004",
    "A model has no target",
    "A job that names a model without a version gets the model's `target:` (or what `select:` "
    "chose). This model states neither.",
    "Add `target:` with one of the versions, or write NAME:VERSION in the job.",
)
WRONG_MODEL_SHAPE = Code(
    "E2005",
    "A model does not have the parts that the job needs",
    "Joint inference needs a model whose versions have the parts `edge` and `cloud`; every other "
    "job needs a model whose versions have bytes of their own.",
    "Name a model of the right shape.",
)
CYCLE = Code(
    "E2006",
    "Names refer to each other in a circle",
    "A model cannot be its own part or ancestor, and a step cannot need its own result.",
    "Break the circle at one of the lines shown.",
)
FILE_MISSING = Code(
    "E2007",
    "The spec names what it does not carry",
    "A key says that something exists (a split, a class, a variant) that the thing it belongs to "
    "does not have.",
    "Correct the key, or add what it names.",
)
UNKNOWN_CLUSTER = Code(
    "E2101",
    "A site lies on a cluster that the fleet does not have",
    "Everything that runs on a site is applied to its cluster.",
    "Correct the name, or add the cluster under `fleet.clusters`.",
)
UNKNOWN_PROFILE = Code(
    "E2102",
    "A site has a profile that the fleet does not have",
    "The profile says what hardware the site has; without it nothing can be placed there.",
    "Correct the name, or add the profile under `fleet.profiles`.",
)
KUBEEDGE_VERSIONS = Code(
    "E2107",
    "KubeEdge and Kubernetes versions do not go together",
    "KubeEdge vendors one Kubernetes release and is tested against a few. Outside of them, pods "
    "fail at the edge in ways that no manifest shows.",
    "Keep the cluster at a supported version, or raise `provides.kubeedge`.",
)
HOST_TWICE = Code(
    "E2108",
    "Two sites list one host",
    "A host belongs to one site: its memory and its devices can be promised once.",
    "Remove the host from one of the sites.",
)
NO_TIMEZONE = Code(
    "E2109",
    "A window is used where no time zone is known",
    "`01:00-05:00` means the site's own night. Without a time zone it could be the busiest hour.",
    "Set `timezone:` on the fleet, the cluster or the site.",
)
EACH_SITE_LAYER = Code(
    "E2110",
    "A cluster's settings contradict each other",
    "`gitops.unit: shard` groups sites of one cluster, so it means nothing where each site is a "
    "cluster of its own, and it needs `shards`.",
    "Use `unit: site`, or remove `each: site`; give `shards` with `unit: shard`.",
)
UNKNOWN_ENVIRONMENT = Code(
    "E2201",
    "There is no such environment",
    "`--env` names an entry under `environments:` (or `default` where there is none).",
    "Use one of the names that the message lists.",
)
ENVIRONMENTS_OVERLAP = Code(
    "E2203",
    "A site belongs to two environments in one namespace",
    "Both environments would own objects of the same name in the same namespace and undo each "
    "other's changes.",
    "Make `where:` of the environments disjoint, or give them different namespaces.",
)
CRDS_TWICE = Code(
    "E2204",
    "Two environments install the definitions on one cluster",
    "Custom resource definitions belong to the whole cluster; two owners would fight over them.",
    "Set `crds: assume` on all environments but one.",
)
UNKNOWN_ONLY = Code(
    "E2205",
    "A limit names neither a site nor a job",
    "`--only` writes the directories of some sites and jobs. A name that is neither would write "
    "nothing, and look as if there were nothing to write.",
    "Name a site under `fleet.sites` (or of the table of sites), or a job under `jobs`.",
)
WHERE_SELECTS_NOTHING = Code(
    "E2301",
    "A selection matches no site of the fleet",
    "A job, step or override that selects nothing is nearly always a misspelling, and it would "
    "pass unnoticed because nothing is rendered for it.",
    "Use one of the values that the message lists.",
)
WHERE_UNKNOWN_KEY = Code(
    "E2302",
    "A selection uses a key that no site has",
    "`where` matches the labels of sites and the keys site, profile, layer and cluster. A key that "
    "no site carries can never match.",
    "Correct the key, or add the label to the sites.",
)
WHERE_NOTHING_HERE = Code(
    "N2303",
    "A selection matches no site of this environment",
    "The selection is right for the fleet, but none of the sites it matches are in this "
    "environment, so the job compiles to nothing here.",
    "Nothing, if this is meant.",
)
PLACE_CONTRADICTS = Code(
    "E2304",
    "A place contradicts itself",
    "`site`, `host`, `layer` and `where` of one place must all hold, and here they cannot.",
    "Remove one of them.",
)
UNKNOWN_HOST = Code(
    "E2305",
    "A place names a host that the site does not have",
    "The host must be listed under the site's `hosts`, for only then its hardware is known.",
    "Correct the name, or add the host to the site.",
)
UNKNOWN_TIMEZONE = Code(
    "E2306",
    "There is no such time zone",
    "Windows are local time. A device that does not know the zone takes every window for shut, so "
    "that it would never fetch.",
    "Write a name of the IANA time zone database, such as Europe/Vienna.",
)
OVERRIDE_SECTION = Code(
    "E2401",
    "An override sets something that cannot differ by site",
    "Overrides change models, datasets and jobs as some sites see them. The fleet itself and the "
    "project are one for all.",
    "Use `environments:` for what differs by environment, or edit the section itself.",
)
OVERRIDE_UNKNOWN = Code(
    "E2402",
    "A setting changes an entry that does not exist",
    "`set:` changes entries that the spec defines; a new name would create a job or model that "
    "nothing else knows.",
    "Correct the name.",
)
MOVED_UNKNOWN = Code(
    "E2403",
    "A move leads to something that does not exist",
    "`moved:` says that an entry has a new name, so the new name must exist and the old one must "
    "not.",
    "Correct the names, or delete the move once it is done.",
)
VARIANT_TIE = Code(
    "E2501",
    "Two variants fit a site equally well",
    "The most specific `needs` that the hardware meets wins. With a tie the choice would depend on "
    "the order of lines.",
    "Make one of the variants' `needs` more specific.",
)
VARIANT_NONE = Code(
    "E2502",
    "No variant of a version fits a site",
    "The version has no bytes of its own, and the site's hardware meets none of its variants.",
    "Add a variant for this hardware, give the version a `uri`, or place the job elsewhere.",
)
