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
