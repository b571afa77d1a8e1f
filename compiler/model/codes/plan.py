"""E3xxx: planning, placement, lowering and backends."""

from __future__ import annotations

from compiler.model.diagnostics import Code

NOT_SUPPORTED_YET = Code(
    "E3001",
    "This does not compile yet",
    "The kind of job, or the key, is part of the language and its fields are checked, but nothing "
    "enforces it. Leaving it out in silence would ship a fleet that means less than the spec.",
    "Remove it, or keep it in a file outside the folder that is compiled.",
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
CONFIG_BROKEN = Code(
    "E3503",
    "A sidecar config breaks the contract",
    "The device checks its config against the contract and keeps the old one when a rule breaks, "
    "so a broken config would reach the fleet and change nothing.",
    "Correct the name or URL that the message shows. Where you wrote none, this is a fault of the "
    "compiler: please report it with the message.",
)
CONTRACT_VERSION = Code(
    "E3502",
    "The compiler cannot speak this version of the sidecar contract",
    "`sidecar.contract` says which config documents the deployed sidecar image understands. The "
    "compiler emits the newest version and the one before it, and never guesses at another.",
    "Use a sidecar image whose contract the compiler can emit, and write that number.",
)
PREFIX_DELIVERED = Code(
    "E3504",
    "The sidecar cannot bring a prefix without the list of its files",
    "A `uri` that ends with a slash is every object below it. Jobs in the cloud read it in place. "
    "A device fetches and verifies file by file, by the digests in a list that has to lie beside "
    "the prefix.",
    "Run `edgewright lock --push-chunks` with credentials that may write to the store.",
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
NO_IMAGE = Code(
    "E3003",
    "A worker has no image",
    "A worker is a container, and a container needs an image.",
    "Add `image:` to the worker.",
)
NO_DEVICE = Code(
    "E3004",
    "A worker asks for a device that the hardware does not have",
    "A pod that asks for a missing device never starts, and nothing but the node's log says why.",
    "Add the device to the profile, or place the job on sites that have it.",
)
NO_ACCELERATOR = Code(
    "E3005",
    "A worker asks for an accelerator that the hardware does not have",
    "The scheduler would leave the pod pending for ever.",
    "Place the job on sites whose profile has the accelerator, or ask for fewer.",
)
NO_SITE_VARIABLE = Code(
    "E3006",
    "A site lacks a variable that a worker uses",
    "`{site.vars.NAME}` is replaced at every site where the worker runs, so each must define it.",
    "Add the variable to the site (or its column to the table), or narrow the job's `place`.",
)
NO_ONE_HOST = Code(
    "E3007",
    "{host} is used where a worker is not bound to one host",
    "With several hosts and no `replicas: per-host` it is not known which host a pod lands on.",
    "Use `replicas: per-host`, or name the host in `place`.",
)
NO_PLACE = Code(
    "E3008",
    "A worker has no place",
    "Without a place a job would run everywhere, the cloud included; that is never guessed.",
    "Add `place:` to the job or to the role, such as `place: {layer: edge}`.",
)
NO_SIDECAR = Code(
    "E3009",
    "Artifacts are delivered by the sidecar, and the spec names no sidecar image",
    "The sidecar fetches, verifies and switches what the job needs; its image is yours to choose.",
    "Add `sidecar: {image: …, contract: 1}` at the top of the spec.",
)
NO_DIGEST = Code(
    "E3010",
    "An artifact has no digest",
    "Bytes are accepted on a device only when their sha256 is known; neither the spec nor the lock "
    "states it.",
    "Run `edgewright lock`, or write `sha256:` beside the `uri`.",
)
HOT_IMPOSSIBLE = Code(
    "E3011",
    "A server cannot take a new model while it runs",
    "`update: hot` swaps files under the running server and asks it to load them. This server has "
    "no way to be asked.",
    "Use `update: rolling`, or another server.",
)
FRAMEWORK_MISMATCH = Code(
    "E3012",
    "A server cannot load a model's framework",
    "The server would refuse the model at every site.",
    "Use a server that loads it, or convert the model.",
)
PRIVATE_DATA_LEAVES = Code(
    "E3013",
    "Private bytes would leave their site",
    "`private` and `local` promise that bytes never leave a site. The promise holds for what is "
    "derived from them too, for what a job writes of them, and, with `private: {models: true}`, "
    "for models that were trained on them. The lines below the message lead from the promise to "
    "what would break it.",
    "Place the job on that site and write to its host or to a store that says `site:`. Where "
    "what was made may go all the same, say why with `released:` in its lineage.",
)
NO_SHARE = Code(
    "E3014",
    "A dataset has no data at a site",
    "The dataset is local: each site keeps its own share, and this site has none.",
    "Add the site under `local`, or narrow the job's `place`.",
)
NOT_ONE_PLACE = Code(
    "E3015",
    "A role that is one of a kind is placed on several sites",
    "A cloud part, an aggregator or a loop at a site is a single worker group.",
    "Name one site in its `place`.",
)
SELECT_NEEDS_LOCK = Code(
    "E3016",
    "A selection or a rollout needs a lock",
    "Which version a `select:` chooses and how far a rollout is are facts that live in the lock.",
    "Run `edgewright lock`.",
)
NODE_NOT_SOUND = Code(
    "E3017",
    "A job consumes something that it cannot have there",
    "A long-running server may only read artifacts with a digest or data on its host: a pipeline's "
    "output exists only while the pipeline runs, and a slot is rewritten under its reader.",
    "Publish the result as a version of a model, and serve that.",
)
SEVERAL_HOSTS = Code(
    "E3018",
    "A site has several hosts where one is needed",
    "A learning loop keeps its data and its model on one host.",
    "Name the host in `place: {host: …}`.",
)
HOT_WITHOUT_HOOK = Code(
    "E3301",
    "The server cannot take a new model while it runs",
    "`update: hot` swaps files under the running server and tells it to load them. This server "
    "flavour has no way to be told, so it would serve the old model until somebody restarts it.",
    "Write `update: rolling`, or choose a server with a load hook: ovms, triton, tfserving, "
    "mlserver.",
)
TOO_FEW_HOSTS = Code(
    "E3302",
    "More pods than hosts",
    "Each of these pods needs a host of its own, because pods on one host would share a port or "
    "the slots of one artifact store. The pods above the number of hosts stay pending for ever.",
    "Lower `replicas`, or give the site more hosts.",
)
NO_SUCH_PORT = Code(
    "E3303",
    "A port is exposed that the worker does not have",
    "A Service can only lead to a port that the worker listens on; without one, callers would "
    "get a refused connection and no object would say why.",
    "Name a port of the worker, or add it to `worker.ports`.",
)
PEERS_WITHOUT_ADDRESS = Code(
    "E3304",
    "Peers have no address",
    "With `peers: true` the hosts of a site fetch verified bytes from each other, by the "
    "addresses that the fleet states: nothing is discovered at run time.",
    "Give every host of the site an `address:`, or write `peers: false`.",
)
ANY_NODE = Code(
    "E3305",
    "Nothing binds the site's work to the site's hosts",
    "The site shares its cluster with others, and neither hosts nor a node selector tell its "
    "nodes apart, so its pods could be scheduled to another site.",
    "List the site's `hosts:`, or give it a `nodeSelector:` that only its nodes match.",
)
NO_SLOT = Code(
    "E3019",
    "A learning loop has no place for the model that it makes",
    "What passes the gate is written to one mutable place that inference reads; it is never "
    "guessed.",
    "Add `deploy: {uri: …, format: …}` to the job.",
)
SEDNA_HOST = Code(
    "E3401",
    "Sedna needs one host by name",
    "Sedna's controller tells the agent of one node, by its name, about an edge worker or a "
    "dataset. Without a name it reports nothing and the worker waits for ever.",
    "List the site's hosts, and where there are several say which with `place: {host: NAME}` or "
    "`replicas: per-host`.",
)
UNKNOWN_ALGORITHM = Code(
    "E3020",
    "A hard example algorithm is not known",
    "The name is handed to the library in the worker's image, which stops at a name that it does "
    "not know, at every site.",
    "Use one of the names that the message lists, or bring your own with `code:` and `entry:`.",
)
SERVER_WARNING = Code(
    "W3021",
    "A model server is a risky choice",
    "The flavour works, but something about it will cost you later; the message says what.",
    "Choose another server, or accept the risk.",
)
POLL_MEANS_NOTHING = Code(
    "E3022",
    "`poll` stands where nothing polls",
    "Only the inference worker of a learning loop on Sedna polls for a new model. Anywhere else "
    "the sidecar switches and tells the server, so the interval would be ignored.",
    "Write `update: hot`.",
)
NO_ENTRY = Code(
    "E3023",
    "Code that is a single file has no other file in it",
    "Code without `unpack:` arrives as the one file that its `uri` names. Another `entry` would be "
    "looked for at every site, in vain.",
    "Name the file itself, or give the code `unpack:` if it is an archive.",
)
PARAMS_TAKEN = Code(
    "E3024",
    "A parameter has the name that the compiler uses",
    "`params.json` tells a worker under `models` which code runs before and after each of its "
    "models. A parameter of the same name would hide it, or be hidden.",
    "Rename the parameter.",
)
