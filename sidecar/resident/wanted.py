"""What a config asks of each group of artifacts: the units that the state machine decides about.

Every artifact is in exactly one group: its bundle, or a group of its own. Pure: reads no disk.
"""

from __future__ import annotations

from typing import NamedTuple

from sidecar.activation import quarantine, releases
from sidecar.model.config import Artifact, Config, Window


class Wanted(NamedTuple):
    """A group as the config wants it.

    `identity` names the bytes and their layout, `gate` what decides whether they work here: the
    same, and hooks, probes and the server's image. `told` is whether a server has to be told or
    asked at all, `asks` whether the other part of a joint model has a say.
    """

    name: str
    artifacts: tuple[Artifact, ...]
    identity: str
    gate: str
    update: str
    windows: tuple[Window, ...]
    required: bool
    told: bool
    asks: bool


def groups(config: Config) -> tuple[Wanted, ...]:
    """All groups, those that readiness needs first, then in the order of the config."""
    bundled = {key: bundle.name for bundle in config.bundles for key in bundle.members}
    bundles = (
        (f"bundle.{bundle.name}", _members(config, bundle.members)) for bundle in config.bundles
    )
    alone = (
        (f"{one.kind}.{one.name}", (one,)) for one in config.artifacts if one.key not in bundled
    )
    found = [_wanted(name, members, config) for name, members in (*bundles, *alone) if members]
    return tuple(sorted(found, key=lambda one: not one.required))


def _members(config: Config, keys: tuple[str, ...]) -> tuple[Artifact, ...]:
    return tuple(one for key in keys if (one := config.artifact(key)) is not None)


def _wanted(name: str, artifacts: tuple[Artifact, ...], config: Config) -> Wanted:
    updates = {one.activation.update for one in artifacts}
    update = next(kind for kind in ("hot", "activate", "stage") if kind in updates)
    windows = dict.fromkeys(one.activation.window for one in artifacts)
    return Wanted(
        name=name,
        artifacts=artifacts,
        identity=releases.identity(tuple(map(releases.member, artifacts))),
        gate=quarantine.gate(artifacts, config.server),
        update=update,
        windows=tuple(window for window in windows if window is not None),
        required=any(one.required for one in artifacts),
        told=update == "hot" and any(map(_told, artifacts)),
        asks=config.release is not None and config.release.ask is not None,
    )


def _told(one: Artifact) -> bool:
    activation = one.activation
    return (
        activation.hook.type != "none"
        or activation.probe is not None
        or activation.golden is not None
    )
