"""The kind `sync`: artifacts that are kept on sites without a worker."""

from __future__ import annotations

from compiler.model.inputs import Artifact
from compiler.model.plan import Distribution, Record
from tests.stages.resolving import SHOP, front, said

DATA = (
    "datasets: {d: {format: csv, versions: {'1': {uri: 'main:d.csv', sha256: "
    + "ab" * 32
    + "}}}}\n"
)


def shop(job: str, more: str = "") -> str:
    return f"{SHOP}  spread: {{kind: sync, place: {{layer: edge}}, {job}}}\n{more}"


def distributions(text: str) -> dict[str, Distribution]:
    found = front(text)
    assert not found.errors
    return {n.place.site: n for n in found.nodes if isinstance(n, Distribution)}


def test_each_site_is_to_hold_every_artifact_of_the_job() -> None:
    found = distributions(shop("models: [detector], datasets: [d]", DATA))
    assert sorted(found) == ["north-1", "west-1"]
    names = [binding.input.name for binding in found["north-1"].artifacts]
    assert names == ["detector", "d"]


def test_nothing_serves_so_there_is_no_record_of_inference() -> None:
    found = front(shop("models: [detector]"))
    jobs = [n.job for n in found.nodes if isinstance(n, Record) and n.kind == "InferenceModel"]
    assert "spread" not in jobs


def test_a_version_is_held_where_it_is_named() -> None:
    found = distributions(shop('models: ["detector:1"]'))
    (binding,) = found["west-1"].artifacts
    assert isinstance(binding.input, Artifact)
    assert binding.input.version == "1"


def test_native_delivery_leaves_nothing_to_do() -> None:
    found = front(shop("models: [detector], delivery: native"))
    assert said(found.found, "E1305").message.startswith("jobs.spread: only the sidecar")


def test_private_data_is_not_carried_to_another_site() -> None:
    private = DATA.replace("format: csv", "format: csv, private: {site: north-1}")
    found = front(shop("datasets: [d]", private))
    assert "would be read at site west-1" in said(found.found, "E3013").message


def test_what_is_derived_from_private_data_stays_and_neighbours_do_not_get_it() -> None:
    raw = "{d: {format: csv, private: {site: north-1}, versions: {'1': {uri: 'host:/raw.csv'}}}, "
    data = DATA.replace("{d:", f"{raw}made:").replace("uri:", "lineage: {derivedFrom: d}, uri:")
    data = data.replace("lineage: {derivedFrom: d}, uri: 'host:", "uri: 'host:")
    away = front(shop("datasets: [made]", data))
    assert "made must stay at north-1 and would be read at" in said(away.found, "E3013").message
    here = shop("datasets: [made]", data).replace("place: {layer: edge}", "place: {site: north-1}")
    (binding,) = distributions(here)["north-1"].artifacts
    assert isinstance(binding.input, Artifact)
    assert binding.input.private


def test_a_fleet_without_a_sidecar_cannot_hold_anything() -> None:
    text = "".join(
        line
        for line in shop("models: [detector]").splitlines(keepends=True)
        if not line.startswith("sidecar:")
    )
    assert any(d.code.id == "E3009" for d in front(text).errors)
