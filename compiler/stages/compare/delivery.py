"""What a changed sidecar config means: which artifacts are swapped, and what a site then holds.

Reads the configs that ConfigMaps of the output carry, by the contract's own keys. A config that
cannot be read is no config here; `check` has judged it before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from compiler.model.changes import Effect, FieldChange
from compiler.model.contract import held
from compiler.model.contract_parts import LIST
from compiler.model.record import dataclass
from compiler.stages.compare.fields import differences
from compiler.stages.compare.pods import Verdict

_QUIET = ("sources", "window")
"""Keys of an artifact that say how bytes come, not what is served."""


@dataclass(frozen=True, slots=True)
class Config:
    """One sidecar config: its artifacts by (kind, name), and the link of its site."""

    document: Mapping[str, Any]
    artifacts: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    @property
    def site(self) -> str:
        """The site that it says it is for; empty for a config of several."""
        return str((self.document.get("node") or {}).get("site", ""))

    @property
    def digests(self) -> frozenset[str]:
        """The digests of everything that it names."""
        return frozenset(str(one.get("sha256", "")) for one in self.artifacts.values())

    @property
    def rate(self) -> int:
        """Bytes per second on the link; 0 where nobody said."""
        return int((self.document.get("network") or {}).get("rate") or 0)

    @property
    def window(self) -> str:
        """When bytes may move, as `HH:MM-HH:MM`; empty for always."""
        windows = (self.document.get("network") or {}).get("windows") or ()
        return f"{windows[0].get('from')}-{windows[0].get('to')}" if windows else ""

    @property
    def keeps_previous(self) -> bool:
        """Whether the version before stays in the store."""
        return int((self.document.get("store") or {}).get("keepPrevious", 0)) > 0


def size_of(artifact: Mapping[str, Any]) -> int | None:
    """Bytes that fetching an artifact moves; of a prefix its list and all files, None: unknown."""
    size, unpack = artifact.get("size"), artifact.get("unpack") or {}
    if unpack.get("format") != LIST:
        return size
    files = artifact.get("unpacked")
    return None if size is None or files is None else size + files


def config_of(data: Mapping[str, Any]) -> Config | None:
    """The sidecar config that a ConfigMap holds; None for any other object."""
    document = held(data)
    if document is None:
        return None
    listed = document.get("artifacts") or ()
    return Config(document, {(str(a.get("kind")), str(a.get("name"))): a for a in listed})


def swapped(old: Config, new: Config) -> Verdict:
    """What a resident sidecar does when its config becomes another."""
    names = [
        name
        for key in sorted({*old.artifacts, *new.artifacts})
        for name in [_swap(old.artifacts.get(key), new.artifacts.get(key))]
        if name
    ]
    if not names:
        return Verdict(Effect.CONFIG_RELOAD, "the sidecar reads its new config; nothing is swapped")
    return Verdict(Effect.HOT_SWAP, f"the running server loads {', '.join(names)}")


def changed_fields(old: Config, new: Config) -> tuple[FieldChange, ...]:
    """What differs: a line for each swapped artifact, then the other keys of the config."""
    found = []
    for key in sorted({*old.artifacts, *new.artifacts}):
        before, after = old.artifacts.get(key), new.artifacts.get(key)
        if before != after:
            label = f"{key[0]} {key[1]}"
            words = _version(before), _version(after)
            if words[0] != words[1]:
                found.append(FieldChange(label, *words))
            else:
                found += differences(before, after, label)
    return (*found, *differences(_rest(old), _rest(new), "config"))


def fetched(old: Iterable[Config], new: Iterable[Config]) -> dict[str, Mapping[str, Any]]:
    """The artifacts that a site has to fetch, by digest: what no config of it named before."""
    there = frozenset(digest for one in old for digest in one.digests)
    return {
        str(artifact.get("sha256", "")): artifact
        for one in new
        for artifact in one.artifacts.values()
        if artifact.get("sha256") and artifact.get("sha256") not in there
    }


def title(artifact: Mapping[str, Any]) -> str:
    """An artifact's name and version."""
    version = artifact.get("version")
    return f"{artifact.get('name')}{f' {version}' if version else ''}"


def _rest(config: Config) -> dict[str, Any]:
    return {key: value for key, value in config.document.items() if key != "artifacts"}


def _swap(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    """The artifact that is swapped, in words; empty where it is served as before."""
    if new is None:
        return f"{title(old or {})} no more"
    if old is None or _served(old) != _served(new):
        return title(new)
    return ""


def _served(artifact: Mapping[str, Any]) -> Mapping[str, Any]:
    activation = artifact.get("activation") or {}
    plain = {key: value for key, value in artifact.items() if key not in (*_QUIET, "activation")}
    return {**plain, "hook": activation.get("hook"), "update": activation.get("update")}


def _version(artifact: Mapping[str, Any] | None) -> str:
    if artifact is None:
        return ""
    digest = str(artifact.get("sha256", ""))[:12]
    version = artifact.get("version")
    return " ".join(str(part) for part in (version, digest) if part)
