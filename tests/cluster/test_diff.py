"""What `diff` says of a change, against what a real API server and its controllers make of it.

Every edit of the table that the unit tests hold is lived through: the old output is applied, then
the new one, and each object's effect is judged by what became of it and of its pods. Sedna's own
controller does not run here, so of its objects only their replacement is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.model.changes import Effect
from compiler.model.manifest import Tree
from compiler.stages.compare.compare import changes
from compiler.stages.compare.judge import Judge
from compiler.stages.compare.pairs import Met
from compiler.stages.compare.rows import Change
from compiler.stages.render.skeleton import parse_object
from tests.cluster import control_plane, definitions, fleet, nodes, prepared
from tests.cluster.api import Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.immutable_pairs import CHANGES, merged
from tests.cluster.life import WORKLOADS, Life, Seen
from tests.cluster.nodes import Host
from tests.cluster.test_immutable import FAST, bound, refusal, removed
from tests.stages.compare.edits import EDITS, Edit
from tests.stages.compare.fleets import FLEETS, output

TOGETHER = 6
"""Edits that are lived through at the same time."""
ROOM = {"cpu": "4000", "memory": "8Ti", "pods": "5000", "ephemeral-storage": "40Ti",
        "nvidia.com/gpu": "500", "smarter-devices/video0": "500"}  # fmt: skip
DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}
PODS = {
    Effect.RE_CREATE: ("replaced after a gap",),
    Effect.OUTAGE: ("replaced after a gap",),
    Effect.ROLLING_RESTART: ("replaced in turn",),
    Effect.SIDECAR_CHANGE: ("replaced after a gap", "replaced in turn"),
    Effect.SCALE: ("fewer or more",),
    Effect.CONFIG_RELOAD: ("stayed",),
    Effect.METADATA_ONLY: ("stayed",),
    Effect.NO_OP: ("stayed",),
}
"""What becomes of a workload's pods, by the effect that is claimed."""
IN_PLACE = (
    Effect.HOT_SWAP, Effect.CONFIG_RELOAD, Effect.METADATA_ONLY, Effect.NO_OP, Effect.SCALE,
)  # fmt: skip
"""What can become of an object that runs no pods and stays the same one."""


@pytest.fixture(scope="module")
def running(plane: ControlPlane) -> Api:
    """A control plane with its machinery, and nodes that have room for every edit at once."""
    api = plane.api()
    api.apply({**FAST, "metadata": {"name": "fast", "annotations": DEFAULT}})
    api.create({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "x",
                "metadata": {"name": "nvidia"}})  # fmt: skip
    plane.start_scheduler()
    plane.start_controllers()
    nodes.start_kubelets(plane)
    return api


@pytest.fixture(scope="module")
def fleets(running: Api, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tree]:
    """Every fleet as it is before an edit; its hosts are nodes."""
    folder = tmp_path_factory.mktemp("fleets")
    found: dict[str, Tree] = {}
    hosts: dict[str, Host] = {}
    for name, one in FLEETS.items():
        found[name] = one.tree(folder / name)
        sites = fleet.read(folder / name).sites.values()
        hosts |= {host.name: host for site in sites for host in site.hosts}
    # Of thousand-stores only the shops of one environment have objects here.
    used = "".join(one.text for d in found["stores"].directories.values() for one in d.objects)
    wanted = [h for name, h in hosts.items() if not name.startswith("store-") or name in used]
    nodes.create(running, [replace(h, allocatable=ROOM, capacity={}) for h in wanted])
    return found


def test_every_row_of_the_table_is_what_the_cluster_did(
    running: Api, fleets: dict[str, Tree], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def live(item: tuple[int, Edit]) -> tuple[Edit, Life, list[Change]]:
        number, edit = item
        old, new = fleets[edit.fleet], edit.after.tree(tmp_path / str(number))
        life = Life(running, f"edit-{number}")
        life.live(old, new)
        return edit, life, changes(output(old), output(new), Judge(parse_object), edit.moved)

    wrong: list[str] = []
    judged: Counter[Effect] = Counter()
    with ThreadPoolExecutor(TOGETHER) as crew:
        for edit, life, found in crew.map(live, enumerate(EDITS)):
            for change in found:
                judged[change.verdict.effect] += 1
                if word := disagreement(life, change):
                    name = f"{edit.name}: {change.pair.path.rpartition('/')[2]}"
                    wrong.append(f"{name}: {change.verdict.effect.value}, but {word}")
    with capsys.disabled():
        print(f"\n{len(EDITS)} edits, {judged.total()} objects judged")
        print("\n".join(f"{judged[effect]:6}  {effect.value}" for effect in Effect))
    assert wrong == []


def disagreement(life: Life, change: Change) -> str:
    """What the cluster says against a claim; empty where it agrees."""
    effect, pair = change.verdict.effect, change.pair
    old = parse_object(pair.old.decode()) if pair.old is not None else None
    new = parse_object(pair.new.decode()) if pair.new is not None else None
    before, after = _seen(life, old), _seen(life, new)
    if effect is Effect.IMMUTABLE:
        return "" if after and "422" in after.refused else "the server took it"
    if after and after.refused:
        return f"the server refused it: {after.refused}"
    if new is None:
        gone = before is not None and not before.after
        return "" if gone and effect in (Effect.REMOVED, Effect.DATA_LOSS) else "it is still there"
    if effect is Effect.NEW:
        return "" if after and not after.before and after.after else "it was there before"
    if pair.met is not Met.FILE:
        followed = before and not before.after and after and after.after
        return "" if followed else "the old one stayed, or the new one is not there"
    assert after is not None
    assert new is not None
    return _in_place(life, effect, (new["apiVersion"], new["kind"], new["metadata"]["name"]))


def _seen(life: Life, data: Mapping[str, Any] | None) -> Seen | None:
    if data is None:
        return None
    return life.seen[data["apiVersion"], data["kind"], data["metadata"]["name"]]


def _in_place(life: Life, effect: Effect, key: tuple[str, str, str]) -> str:
    seen = life.seen[key]
    before, after = (one["metadata"] for one in (seen.before, seen.after))
    if before["uid"] != after["uid"]:
        return "it was made anew"
    if effect is not Effect.NO_OP and before["resourceVersion"] == after["resourceVersion"]:
        return "nothing of it changed"
    rose = before.get("generation") != after.get("generation")
    if effect is Effect.NO_OP and rose:
        return "its generation rose"
    if key[1] in WORKLOADS:
        return _of_pods(life, effect, key, rose=rose)
    return "" if effect in IN_PLACE or key[0].startswith("sedna.io/") else "it is the same one"


def _of_pods(life: Life, effect: Effect, key: tuple[str, str, str], *, rose: bool) -> str:
    pods = life.pods[key]
    if pods.word not in PODS.get(effect, ()):
        return f"its pods were {pods.word}"
    if effect is Effect.SIDECAR_CHANGE and not pods.only_sidecars:
        return "other containers changed as well"
    if effect is Effect.METADATA_ONLY and rose:
        return "its generation rose"
    return "nothing of it changed" if effect is Effect.CONFIG_RELOAD and not rose else ""


def test_the_judge_sees_a_wrong_claim(
    running: Api, fleets: dict[str, Tree], tmp_path: Path
) -> None:
    edit = next(one for one in EDITS if one.name == "an image of three pods")
    old, new = fleets[edit.fleet], edit.after.tree(tmp_path)
    life = Life(running, "control")
    life.live(old, new)
    (change,) = changes(output(old), output(new), Judge(parse_object))
    assert disagreement(life, change) == ""
    for effect in Effect:
        claim = replace(change, known=replace(change.verdict, effect=effect))
        if effect is not Effect.ROLLING_RESTART:
            assert disagreement(life, claim) != "", effect


def test_what_the_server_refuses_is_called_so_by_the_comparison(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    from compiler.stages.compare import effects

    plane = control_plane.start(
        tmp_path_factory.mktemp("refused"), prepared.store(definitions.SYSTEMS)
    )
    wrong, counts = [], Counter[bool]()
    try:
        api = plane.api()
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "immutable"}})
        api.apply(FAST)
        for old, several in CHANGES:
            api.apply(old)
            bound(api, old)
            for change in several:
                new = merged(old, change)
                theirs = bool(refusal(api, new))
                mine = effects.changed(old, new).effect is Effect.IMMUTABLE
                counts[theirs] += 1
                if theirs is not mine:
                    wrong.append((old["kind"], change))
            removed(api, old)
    finally:
        plane.stop()
    with capsys.disabled():
        print(f"\n{counts[True]} refused and {counts[False]} accepted, all as the comparison says")
    assert wrong == []
    assert counts[True] >= 60
    assert counts[False] >= 60
