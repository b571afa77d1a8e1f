"""E8xxx: the world outside. Below E8100 a cluster cannot be asked; from E8100 on it answered."""

from __future__ import annotations

from compiler.model.diagnostics import Code

_NOTHING_ASKED = (
    "Nothing can be said about a cluster that was not asked, and a check that judged nothing must "
    "not look like one that passed."
)

KUBECONFIG = Code(
    "E8001",
    "The kubeconfig cannot be used",
    "Address and credentials of a cluster are read from the same kubeconfig as kubectl's: the one "
    "given with `--kubeconfig`, else the files of the variable KUBECONFIG, else ~/.kube/config. "
    "Its content is never shown.",
    "Name the right file with `--kubeconfig`, and see whether `kubectl --kubeconfig FILE config "
    "view` can read it.",
)
CONTEXT = Code(
    "E8002",
    "No context of the kubeconfig is known for a cluster",
    _NOTHING_ASKED,
    "Write `context:` at the cluster in the spec, or choose one cluster with `--cluster NAME` and "
    "its context with `--context NAME`. `kubectl config get-contexts` lists what there is.",
)
CREDENTIALS = Code(
    "E8003",
    "The cluster does not accept the credentials",
    _NOTHING_ASKED + " Tokens and certificates expire, and a credential plugin may need a login.",
    "Log in again as for kubectl; `kubectl --context NAME auth whoami` has to work first.",
)
UNREACHABLE = Code(
    "E8004",
    "The cluster's API server cannot be reached",
    _NOTHING_ASKED,
    "See whether the address in the kubeconfig is right and a network, tunnel or proxy leads there "
    "from this machine.",
)
TLS = Code(
    "E8005",
    "No trusted connection to the cluster can be made",
    "The server's certificate is not signed by the authority of the kubeconfig, is for another "
    "name or has expired; or the client's own certificate is refused. A connection that somebody "
    "else could answer must not decide on a change.",
    "Take a fresh kubeconfig from the cluster. Do not turn the verification off.",
)
FORBIDDEN = Code(
    "E8006",
    "The user may not do what the command needs",
    "The cluster answers only what the user's roles allow. A server-side dry run needs the same "
    "permissions as a real apply, although it changes nothing.",
    "Give the user the verbs that the message names; docs/check-server.md has a role that is "
    "enough, and a policy that lets its owner do dry runs only.",
)
ANSWER = Code(
    "E8007",
    "The server's answer cannot be used",
    "The address answers, but not as a Kubernetes API server does, or it reports a fault of its "
    "own.",
    "Ask again later. If it stays, see whether the address in the kubeconfig is that of an API "
    "server and not of a login page or a proxy.",
)
NOT_SERVED = Code(
    "E8008",
    "The cluster serves no such kind",
    _NOTHING_ASKED,
    "Install the system that the kind belongs to, or ask another cluster.",
)
WEBHOOK = Code(
    "E8009",
    "An admission webhook of the cluster does not answer",
    "The server asks a webhook before it takes an object, and the webhook cannot be reached: an "
    "apply would fail in the same way.",
    "See whether the webhook that the message names is running.",
)
REFUSED = Code(
    "E8101",
    "The cluster's API server refuses a compiled object",
    "The server judged the compiled text in a dry run, with the definitions that it has. The apply "
    "would fail in the same words.",
    "Change the spec so that the field is as the server wants it. Where the offline check says "
    "nothing, `kubernetes:` or `provides:` of the cluster may not say what is installed.",
)
CHANGED_IMMUTABLE = Code(
    "E8102",
    "The object in the cluster has a field that may not change",
    "The cluster holds an older object of that name. Kubernetes lets some of its fields never "
    "change, so the apply would fail until the old object is gone.",
    "Give the object a new name (rename the job, or raise `attempt:` of a run), or delete the old "
    "one by hand when what it does may stop.",
)
DENIED = Code(
    "E8103",
    "A policy of the cluster denies a compiled object",
    "The object is well-formed, but a webhook, an admission policy, pod security, a quota or a "
    "limit range of the cluster does not let it in.",
    "Change the spec as the quoted policy asks, or ask whoever owns the policy for an exception.",
)
NO_DEFINITION = Code(
    "E8104",
    "The cluster does not serve a kind that is compiled for it",
    "The system that the kind belongs to is not installed, or in another version. The engine would "
    "fail to apply everything beside such an object.",
    "Install the system, or take it out of `provides:` of the cluster.",
)
SERVER_WARNING = Code(
    "W8110",
    "The cluster's API server warns of a compiled object",
    "The server takes the object, and says what will fail later: API versions that go away, fields "
    "without effect, pods that pod security would not let in.",
    "Change what the quoted warning speaks of.",
)
TAKEN_OVER = Code(
    "W8111",
    "A field in the cluster is owned by somebody else",
    "Somebody or something else set the field of the live object to another value. The engine "
    "applies with force: that change is lost, and two that both insist overwrite each other for "
    "ever.",
    "Bring the other change into the spec, or stop whoever makes it.",
)
QUOTA_FULL = Code(
    "W8112",
    "A pod does not fit into what is left of a quota now",
    "The quota would take the pod if it were empty. Whether it fits depends on what runs when the "
    "change is applied, this job's older pods among it.",
    "Compare the quota with what the project asks for in sum.",
)
OTHER_VERSION = Code(
    "W8113",
    "The cluster runs another Kubernetes version than the spec says",
    "Objects are compiled for and checked against the versions under `kubernetes:` of the cluster.",
    "Write the version that the message names under `kubernetes:`.",
)
NO_NAMESPACE = Code(
    "N8120",
    "A namespace does not exist yet",
    "Without the namespace the server reads an object's fields and goes no further: values, quotas "
    "and policies are not judged.",
    "Apply the cluster's `bootstrap/` first, or have the objects judged as if they were in a "
    "namespace that exists, with `--stand-in NAME`.",
)
NEW_DEFINITION = Code(
    "N8121",
    "A definition is installed or changed by this very compile",
    "The cluster has not got the definition yet that is compiled into `bootstrap/`, so objects of "
    "its kind were judged by the offline check only.",
    "Nothing, or apply `bootstrap/` and check again.",
)
ELSEWHERE = Code(
    "N8122",
    "Objects for Argo CD belong on the cluster where it runs",
    "The spec names a `destination:`, so Argo CD runs on another cluster than the one it applies "
    "to. Its Applications were not judged.",
    "Name the context of Argo CD's own cluster with `--engine-context NAME`.",
)
NOT_JUDGED = Code(
    "N8123",
    "Something could not be judged in a dry run",
    "A webhook does not take dry runs, or what a pod needs is made by this very compile.",
    "Nothing; what was not judged is named.",
)

STATUS_OWNED = Code(
    "W8114",
    "A status belongs to another writer",
    "Another field manager has written fields of the record's status with other values. Nothing is "
    "forced: two writers that overwrite each other would tell the truth by turns.",
    "Let one of them write: leave the site out of `status --write`, or stop the other writer.",
)
STORE_ABSENT = Code(
    "E8201",
    "A store has nothing under that name",
    "The store answered, and what the spec's `uri:` names is not there.",
    "Upload it, or correct the `uri:`. Where it is there, see whether the store's `url:`, "
    "`endpoint:` and `region:` are right.",
)
STORE_FAILED = Code(
    "E8202",
    "A store cannot be read",
    "The store, or the way to it, refused what was asked; the message has its reason.",
    "Put right what the message names, and run the command again.",
)
GIVEN_UP = Code(
    "E8203",
    "A store or registry that failed was not asked further",
    "After one failure the others of the same host would most likely fail the same way, each after "
    "its own time limit.",
    "Put right what the first failure says, or pass `--keep-going` to ask about each all the same.",
)

JUDGED = (REFUSED, CHANGED_IMMUTABLE, NO_DEFINITION)
"""Errors of which the author of the spec is the one to act."""
