"""Why something waits, is blocked or was undone: stable codes, what each means, what to do.

A reason is declared once, here; logs, metrics, reports, `doctor` and the documentation read this
table. A code is never reused for another meaning.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Kind = Literal["wait", "blocked", "undone", "note"]
"""`wait` is tried again by itself, `blocked` needs a change by somebody, `undone` was rolled back,
`note` changes nothing."""


class Reason(NamedTuple):
    """One reason. `advice` is what a person does about it, in plain words."""

    code: str
    kind: Kind
    meaning: str
    advice: str


class ReasonError(Exception):
    """Work that ended for a reason. `detail` is cleaned text without credentials.

    `after` is seconds before another try makes sense, 0 for the usual backoff. `facts` are figures
    such as `need` and `free` in bytes.
    """

    def __init__(
        self, code: str, detail: str = "", *, after: float = 0, facts: dict[str, int] | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.reason: Final = REASONS[code]
        self.detail: Final = detail
        self.after: Final = after
        self.facts: Final = facts or {}

    @property
    def code(self) -> str:
        """The reason's code."""
        return self.reason.code


_TABLE = (
    # --- waits: tried again, with backoff
    Reason(
        "Offline",
        "wait",
        "no source answers: no route, no name, or a refused connection",
        "Nothing is lost: what is active keeps serving. Check the site's link, DNS and proxy.",
    ),
    Reason(
        "Stalled",
        "wait",
        "a transfer was too slow for too long and was begun anew",
        "Check the link; `network.lowSpeed` sets what counts as stuck.",
    ),
    Reason(
        "Busy",
        "wait",
        "a server asked to come back later",
        "None; it is asked again, not before it said. If it repeats, see the server's log.",
    ),
    Reason(
        "ServerFailed",
        "wait",
        "a server, or a gateway before it, failed by itself",
        "See the store's own log and health; it is asked again with growing pauses.",
    ),
    Reason(
        "Protocol",
        "wait",
        "a server answered something that does not fit the request",
        "Check for a proxy or cache on the way that alters answers.",
    ),
    Reason(
        "UnexpectedContent",
        "wait",
        "an answer is not the artifact: wrong length, encoded, or a web page",
        "Check for a captive portal or a proxy that answers in the server's place.",
    ),
    Reason(
        "SourceChanged",
        "wait",
        "the object was replaced while it was fetched",
        "Upload new bytes under a new name; the digest in the spec names the old ones.",
    ),
    Reason(
        "ProxyError",
        "wait",
        "the proxy is down or refuses; a direct connection is never used instead",
        "Check `fleet.network.proxy` and the proxy's own log.",
    ),
    Reason(
        "DiskFull",
        "wait",
        "there is not enough space or there are not enough inodes",
        "Free space on the node, raise the profile's disk or keep fewer versions.",
    ),
    Reason(
        "WindowShut",
        "wait",
        "the time window of the site or job is shut",
        "None; it begins when the window opens.",
    ),
    Reason(
        "WaitingForFetch",
        "wait",
        "another process of the node fetches the same digest",
        "None; its result is shared.",
    ),
    Reason(
        "WaitingForPeer",
        "wait",
        "another node of the site fetches the artifact from its origin",
        "None; after a while the origin is asked directly.",
    ),
    Reason(
        "WaitingForRelease",
        "wait",
        "the other part of the joint model does not serve this release yet",
        "See why the cloud part is not ready; edges never run ahead of it.",
    ),
    Reason(
        "WaitingForServer",
        "wait",
        "the model server does not answer yet",
        "See the worker container's own log.",
    ),
    Reason(
        "WaitingForTenant",
        "wait",
        "another pod of the same job holds this node's place",
        "It continues when the other pod ends; run one hot pod of a job per host.",
    ),
    Reason(
        "WorkerDied",
        "wait",
        "the transfer process ended without an answer",
        "If it repeats, look for memory limits below 96Mi on the sidecar container.",
    ),
    # --- blocked: somebody has to change something
    Reason(
        "AccessDenied",
        "blocked",
        "the store refuses the credentials",
        "Check the Secret that the store names and what it may read.",
    ),
    Reason(
        "NotFound",
        "blocked",
        "no source has the object",
        "Upload it, or correct its `uri` in the spec.",
    ),
    Reason(
        "DigestMismatch",
        "blocked",
        "complete bytes do not have the digest that the spec states",
        "Find out who changed the object; lock it again only if the new bytes are meant.",
    ),
    Reason(
        "TlsVerify",
        "blocked",
        "the server's certificate is not trusted, expired or for another host",
        "Check the certificate and `fleet.network.ca`.",
    ),
    Reason(
        "ClockSkew",
        "blocked",
        "the node's clock is wrong by so much that certificates or signatures fail",
        "Set the node's clock (NTP).",
    ),
    Reason(
        "AddressRefused",
        "blocked",
        "the address is link-local or a loopback port that is not declared",
        "Use an address of a store; metadata services and local ports are not fetched from.",
    ),
    Reason(
        "RedirectRefused",
        "blocked",
        "a redirect leads from https to http, or too far",
        "Use the final address as `uri`.",
    ),
    Reason(
        "SchemeUnsupported",
        "blocked",
        "no scheme of this sidecar can fetch or store at the URL",
        "Use s3, http, https, oci or file.",
    ),
    Reason(
        "TooLarge",
        "blocked",
        "the source holds more bytes than the spec states",
        "Lock the artifact again if its size is right at the source.",
    ),
    Reason(
        "ArchiveRefused",
        "blocked",
        "the archive holds something that is never unpacked, such as a link or a path outside",
        "Build the archive from plain files and directories.",
    ),
    Reason(
        "ArchiveTooLarge",
        "blocked",
        "unpacking would pass a cap on bytes, files or ratio",
        "Lock the artifact again, or check what the archive holds.",
    ),
    Reason(
        "ArchiveBroken",
        "blocked",
        "the archive is truncated or not of its stated format",
        "Build and upload it again.",
    ),
    Reason(
        "ArchMismatch",
        "blocked",
        "the artifact or config is for another processor architecture",
        "Check the profile's `arch` and the variant that was selected.",
    ),
    Reason(
        "StoreReadOnly",
        "blocked",
        "the store's file system is read-only or answers errors",
        "Check the node's disk; what is active keeps serving as long as it can be read.",
    ),
    Reason(
        "StoreUnusable",
        "blocked",
        "the store lacks rename, links or ownership that it needs",
        "Use a local disk for the profile's cache, owned by 65532:65532.",
    ),
    Reason(
        "StoreNewer",
        "blocked",
        "the store was written by a newer sidecar",
        "Use the newer sidecar image, or another cache path.",
    ),
    Reason(
        "ViewClash",
        "blocked",
        "two artifacts want the same path or version directory",
        "Give them different names; lock again so that numbers differ.",
    ),
    Reason(
        "TimeZoneMissing",
        "blocked",
        "the window's time zone is not known on this node, so the window counts as shut",
        "Use a sidecar image with tzdata, or a known zone name.",
    ),
    Reason(
        "ClockUnsynced",
        "blocked",
        "the clock was never set, so the window counts as shut",
        "Set the node's clock (NTP). A first install goes ahead all the same.",
    ),
    Reason(
        "QuotaExceeded",
        "blocked",
        "the artifacts need more than `store.maxBytes`",
        "Raise the limit, or place fewer artifacts on the host.",
    ),
    Reason(
        "StateLoop",
        "blocked",
        "the same change was begun too often without success",
        "See the reasons before it in the journal; a new config or `rollback` clears it.",
    ),
    Reason(
        "Quarantined",
        "blocked",
        "this version failed here before with the same hook, probe and server image",
        "Publish a mended version, or another server image.",
    ),
    Reason(
        "ConfigInvalid",
        "blocked",
        "the config is no valid JSON document of this contract; the one accepted before is kept",
        "Compile again and see what changed the ConfigMap.",
    ),
    Reason(
        "ConfigTooLarge",
        "blocked",
        "the config is above 512 KiB",
        "Split the job, or place fewer artifacts.",
    ),
    Reason(
        "ContractUnknown",
        "blocked",
        "the config speaks a contract that this sidecar does not; the one accepted before is kept",
        "Update the sidecar image before `sidecar.contract`.",
    ),
    Reason(
        "SignatureInvalid",
        "blocked",
        "the config's signature is missing, wrong, expired or for another site",
        "Publish with --sign by a key that this node trusts. What is active keeps serving.",
    ),
    Reason(
        "CredentialsMissing",
        "blocked",
        "the credentials directory lacks a file",
        "Create the Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    ),
    Reason(
        "HookRefused",
        "blocked",
        "the hook may not be carried out here: its command is not on the node's list of allowed "
        "ones, or its process or file is out of reach",
        "Add the command to the list on the node, give the sidecar access, or use another hook.",
    ),
    Reason(
        "UnableToRollBack",
        "blocked",
        "the new version failed and the one before it cannot serve either",
        "Publish a working version; see both reasons in the journal.",
    ),
    Reason(
        "WrongUser",
        "blocked",
        "the command runs as another user than the sidecar",
        "Run it in the sidecar's container (kubectl exec -c sidecar), or as root on the node.",
    ),
    # --- undone: a version was left again
    Reason(
        "LoadFailed",
        "undone",
        "the model server refused the version; the one before it serves again",
        "See the server's own words in the detail; publish a mended version.",
    ),
    Reason(
        "ProbeFailed",
        "undone",
        "the version did not become ready in time; the one before it serves again",
        "Check the model against the server, or raise the probe's timeout.",
    ),
    Reason(
        "GoldenFailed",
        "undone",
        "the version does not give the expected output; the one before it serves again",
        "Compare the model with its golden output, or widen the tolerance.",
    ),
    # --- notes
    Reason(
        "BitRot",
        "note",
        "stored bytes changed on disk and are fetched again",
        "Replace the disk if it repeats.",
    ),
    Reason(
        "PeerBanned",
        "note",
        "a peer gave wrong bytes or none and is left alone for ten minutes",
        "Check that node's disk.",
    ),
    Reason(
        "OutboxFull",
        "note",
        "a stream of the outbox is at its limit",
        "Check the link, or raise the stream's limit.",
    ),
    Reason(
        "OutboxRefused",
        "note",
        "a file in the outbox is no plain file of the expected owner",
        "Write to another name and rename into the stream's directory.",
    ),
    Reason(
        "OutboxExpired",
        "note",
        "a file waited longer than its stream allows, or its round is closed",
        "None, unless it was needed.",
    ),
)

REASONS: Final[dict[str, Reason]] = {reason.code: reason for reason in _TABLE}
"""Every reason by code, in the order of the documentation."""
