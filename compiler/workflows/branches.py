"""The branches that engines read: which clusters share one, and how this clone calls its address.

Pure but for the names of the clone's remotes. Reads no branch and writes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compiler.adapters.git import Git
from compiler.model.published import METADATA
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved


@dataclass(frozen=True, slots=True)
class Group:
    """Clusters whose engines read one branch: `targets` are their folders below `prefix`.

    `others` are folders of clusters of the same environments whose engines read other branches.
    """

    url: str
    branch: str
    prefix: str
    environments: tuple[str, ...]
    targets: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def taken(self) -> tuple[str, ...]:
        """What of a compiled folder goes onto the branch."""
        paths = (*self.targets, *(f"{root}/{METADATA}" for root in self.roots))
        return (*(f"{self.prefix}{path}" for path in paths), METADATA)

    def has(self, path: str) -> bool:
        """Whether a path of the branch is not another branch's."""
        return not any(path.startswith(f"{self.prefix}{target}/") for target in self.others)

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders `<project>/<environment>` on the branch."""
        return tuple(sorted({"/".join(t.split("/")[:2]) for t in self.targets}))


def groups(environments: Iterable[Resolved], remote: str = "") -> Iterator[Group]:
    """Every branch that an engine reads; `remote` replaces the address of each repository."""
    found: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for one in environments:
        for cluster in one.clusters.values():
            repository = cluster.repository
            path = repository.path.removeprefix("./").strip("/")
            prefix = f"{path}/" if path not in ("", ".") else ""
            key = (remote or repository.url, repository.branch, prefix)
            found.setdefault(key, {}).setdefault(one.environment, []).append(cluster.target)
    every = {
        target for clusters in found.values() for names in clusters.values() for target in names
    }
    for (url, branch, prefix), clusters in sorted(found.items()):
        targets = sorted(target for names in clusters.values() for target in names)
        others = tuple(sorted(every.difference(targets)))
        yield Group(url, branch, prefix, tuple(clusters), tuple(targets), others)


def remote_of(git: Git, url: str) -> str:
    """The clone's own name for an address, so that its credentials hold; else the address."""
    from git import Repo

    wanted = _plain(url)
    for remote in Repo(git.top).remotes:
        # `urls` are as `insteadOf` makes them; a spec names what stands before that.
        written = str(remote.config_reader.get_value("url", ""))
        if any(_plain(one) == wanted for one in (*remote.urls, written)):
            return remote.name
    return url


def _plain(url: str) -> str:
    """An address without what may differ between two spellings of it."""
    scheme, separator, rest = url.partition("://")
    if not separator and ":" in url and not url.startswith("/"):
        host, _, path = url.partition(":")
        rest = f"{host}/{path}"
    elif not separator:
        rest = url
    del scheme
    return rest.rpartition("@")[2].removesuffix("/").removesuffix(".git").lower()
