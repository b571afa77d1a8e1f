"""What must stay at a site: promises, and what follows them through lineages."""

from __future__ import annotations

from typing import Any

from compiler.model.keeping import Keeping
from compiler.model.spec.artifacts import DatasetSpec, ModelSpec
from compiler.model.spec.project import StoreSpec

HERE = frozenset({"one"})


def keeping(datasets: dict[str, Any], models: dict[str, Any] | None = None) -> Keeping:
    return Keeping(
        {name: DatasetSpec.model_validate(one) for name, one in datasets.items()},
        {name: ModelSpec.model_validate(one) for name, one in (models or {}).items()},
        {},
    )


def data(*versions: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {str(at): {"uri": "host:/d", **one} for at, one in enumerate(versions or ({},), 1)}
    return {"format": "txt", "versions": given, **more}


def model(*lineages: dict[str, Any]) -> dict[str, Any]:
    versions = {str(at): {"uri": "host:/m", "lineage": one} for at, one in enumerate(lineages, 1)}
    return {"versions": versions}


def sites(found: Keeping, reference: str) -> set[str]:
    return {one.site for one in found.dataset(reference)}


def test_a_derived_version_is_as_private_as_every_source_of_it() -> None:
    made = data({"lineage": {"derivedFrom": ["a", "b:1"]}}, {})
    found = keeping(
        {"a": data(private={"site": "one"}), "b": data(private={"site": "two"}), "made": made}
    )
    assert sites(found, "made:1") == {"one", "two"}
    assert sites(found, "made:2") == set()
    assert sites(found, "made") == set(), "the newest version is meant"


def test_a_reason_to_release_ends_what_follows() -> None:
    first = {"lineage": {"derivedFrom": "raw"}}
    second = {"lineage": {"derivedFrom": "made:1", "released": "blurred"}}
    third = {"lineage": {"derivedFrom": "made:2"}}
    found = keeping({"raw": data(private={"site": "one"}), "made": data(first, second, third)})
    assert [sites(found, f"made:{at}") for at in (1, 2, 3)] == [{"one"}, set(), set()]


def test_local_data_stays_and_one_site_of_it_is_its_home() -> None:
    one = {"format": "txt", "local": {"sites": {"one": "/d"}}}
    many = {"format": "txt", "local": {"path": "/d"}}
    found = keeping({"one": one, "many": many})
    assert (sites(found, "one"), sites(found, "many")) == ({"one"}, {""})


def test_models_stay_only_where_the_promise_says_so_and_then_their_descendants_too() -> None:
    lineages = ({"trainedOn": ["raw:1"]}, {"base": "m:1"}, {"base": "m:2", "released": "noise"})
    open_ = keeping({"raw": data(private={"site": "one"})}, {"m": model(*lineages)})
    strict = keeping(
        {"raw": data(private={"site": "one", "models": True})}, {"m": model(*lineages)}
    )
    assert [len(open_.version("m", at)) for at in "123"] == [0, 0, 0]
    assert [len(strict.version("m", at)) for at in "123"] == [1, 1, 0]


def test_circles_end() -> None:
    made = data({"lineage": {"derivedFrom": "made:2"}}, {"lineage": {"derivedFrom": "made:1"}})
    found = keeping({"made": made}, {"m": model({"base": "m:2"}, {"base": "m:1"})})
    assert found.dataset("made:1") == ()
    assert found.version("m", "1") == ()


def test_a_store_is_inside_a_site_only_where_it_says_so() -> None:
    stores = {
        "own": StoreSpec.model_validate({"url": "s3://own", "site": "one"}),
        "main": StoreSpec.model_validate({"url": "s3://main"}),
    }
    (kept,) = keeping({"raw": data(private={"site": "one"})}).dataset("raw")
    uris = ("host:/out", "own:out/", "main:out/", "s3://own/out/")
    assert [kept.holds(uri, stores, HERE) for uri in uris] == [True, True, False, False]
    (each,) = keeping({"raw": {"format": "txt", "local": {"path": "/d"}}}).dataset("raw")
    assert each.holds("own:out/", stores, HERE)
    assert not each.holds("own:out/", stores, frozenset({"one", "two"}))
