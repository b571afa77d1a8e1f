"""What a publication did to a branch, and the words that it leaves there: message and metadata.

Pure. The metadata file and the trailers are those that Argo CD's hydrator and GitOps Promoter read;
nothing in them depends on a clock or on who publishes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from compiler.model.gating import Standing
from compiler.model.ledger import Ledger
from compiler.model.record import dataclass

METADATA = "hydrator.metadata"
_LISTED = 12
_UNFIT = re.compile(r"[^A-Za-z0-9-]")
"""What Git takes in no trailer's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One branch after a run: `state` is published, created, unchanged or would be published.

    `sites` are those whose directory differs; the numbers count objects.
    `effects` counts them by what becomes of them.
    """

    remote: str
    branch: str
    environments: tuple[str, ...]
    source: str
    commit: str = ""
    state: str = ""
    sites: tuple[str, ...] = ()
    added: int = 0
    changed: int = 0
    deleted: int = 0
    attempts: int = 1
    gates: tuple[Standing, ...] = ()
    policies: int = 0
    effects: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        remote: str,
        branch: str,
        environments: tuple[str, ...],
        source: str,
        before: Mapping[str, Ledger],
        after: Mapping[str, Ledger],
    ) -> Published:
        """Compare the ledgers of a branch's directories before and after."""
        old, new = _objects(before), _objects(after)
        both = old.keys() & new.keys()
        touched = {
            path for path in before.keys() | after.keys() if _of(before, path) != _of(after, path)
        }
        return cls(
            remote=remote,
            branch=branch,
            environments=environments,
            source=source,
            sites=tuple(sorted({path.rpartition("/")[2] for path in touched if "/sites/" in path})),
            added=len(new.keys() - old.keys()),
            changed=sum(old[key] != new[key] for key in both),
            deleted=len(old.keys() - new.keys()),
        )

    def line(self) -> str:
        """What happened, on one line."""
        where = f"{self.branch} of {self.remote}"
        if self.state == "unchanged":
            return f"{where}: nothing changed since {self.commit[:9]}"
        counts = f"{self.added} added, {self.changed} changed, {self.deleted} deleted"
        sites = f"{len(self.sites)} {'site' if len(self.sites) == 1 else 'sites'}"
        commit = f" as {self.commit[:9]}" if self.commit else ""
        return f"{where}: {self.state}{commit} ({counts}; {sites})"

    def facts(self) -> dict[str, object]:
        """For `--format json`."""
        return {
            "repository": self.remote,
            "branch": self.branch,
            "environments": list(self.environments),
            "state": self.state,
            "commit": self.commit,
            "source": self.source,
            "sites": list(self.sites),
            "objects": {"added": self.added, "changed": self.changed, "deleted": self.deleted},
            "attempts": self.attempts,
        }


def message(outcome: Published, subject: str, sha: str) -> str:
    """The commit's message: the spec's subject, what changes, and trailers for machines."""
    sites = list(outcome.sites)
    listed = ", ".join(sites[:_LISTED]) + (
        f" and {len(sites) - _LISTED} more" if len(sites) > _LISTED else ""
    )
    lines = [f"{', '.join(outcome.environments)}: {subject} ({sha[:7]})", ""]
    lines += [f"Sites: {listed}", ""] if sites else []
    lines += [
        f"Dry-Sha: {sha}",
        f"Sites-Changed: {len(sites)}",
        f"Objects: +{outcome.added} ~{outcome.changed} -{outcome.deleted}",
        *_verdicts(outcome),
    ]
    return "\n".join(lines) + "\n"


def _verdicts(outcome: Published) -> Iterator[str]:
    """Trailers of effects, gates and policies; what there is none of has no line."""
    if outcome.effects:
        counts = (f"{count} {effect}" for effect, count in outcome.effects.items())
        yield f"Effects: {', '.join(counts)}"
    lines: dict[str, None] = {}
    for one in outcome.gates:
        key = _UNFIT.sub("-", f"Gate-{one.model}-{one.metric}")
        verdict = "pass" if one.holds else "fail"
        lines[f"{key}: {verdict} ({one.figure or 'not measured'}; {one.subject})"] = None
    yield from lines
    if outcome.policies:
        yield f"Policies: {outcome.policies}"


def metadata(sha: str, author: str, date: str, subject: str, body: str) -> str:
    """The text of `hydrator.metadata`: where the files come from."""
    found = {
        "author": author,
        "body": body.strip(),
        "date": date,
        "drySha": sha,
        "subject": subject,
    }
    return json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _of(ledgers: Mapping[str, Ledger], path: str) -> frozenset[tuple[str, str, str]]:
    found = ledgers.get(path)
    return frozenset(found.entries) if found else frozenset()


def _objects(ledgers: Mapping[str, Ledger]) -> dict[tuple[str, str], str]:
    return dict(_pairs(ledgers))


def _pairs(ledgers: Mapping[str, Ledger]) -> Iterable[tuple[tuple[str, str], str]]:
    for path, ledger in ledgers.items():
        for entry in ledger.entries:
            if entry.id != "-":
                yield (path, entry.id), entry.sha256
