"""Artifacts of a real image registry as a store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from compiler.adapters.stores import AllStores
from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.stored import StoreError
from tests.adapters.test_registry import push
from tests.sidecar.support import registry
from tests.sidecar.support.registry import Registry

LAYERS = {"model.onnx": b"weights", "labels.txt": b"cat"}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.running(tmp_path_factory.mktemp("oci")) as running:
        yield running


def test_a_layer_is_vouched_for_and_read_whole_and_in_part(there: Registry) -> None:
    descriptor = there.manifest("models/shelf", "1", LAYERS)
    stores = AllStores()
    for name in (":1", f"@{descriptor['digest']}"):
        at = Location(f"oci://{there.host}/models/shelf{name}#model.onnx")
        found = stores.look(at)
        assert (found.size, found.sha256) == (7, hashlib.sha256(b"weights").hexdigest())
        with stores.open(at, etag=found.etag) as stream:
            assert stream.read() == b"weights"
        with stores.open(at, start=2, length=3) as stream:
            assert stream.read() == b"igh"


def test_the_only_layer_needs_no_name_and_one_of_several_does(there: Registry) -> None:
    there.manifest("models/one", "1", {"model.onnx": b"weights"})
    assert AllStores().look(Location(f"oci://{there.host}/models/one:1")).size == 7
    there.manifest("models/two", "1", LAYERS)
    with pytest.raises(StoreError, match=r"names 2 files of labels\.txt, model\.onnx") as error:
        AllStores().look(Location(f"oci://{there.host}/models/two:1"))
    assert error.value.code is codes.STORE_ABSENT


def test_an_index_has_no_one_artifact(there: Registry) -> None:
    push(there, "models/index", "1", "linux/amd64", "linux/arm64")
    with pytest.raises(StoreError, match="an index of several platforms"):
        AllStores().look(Location(f"oci://{there.host}/models/index:1"))


def test_a_registry_has_no_folders_and_takes_no_file(there: Registry) -> None:
    with pytest.raises(StoreError, match="has no folders"):
        list(AllStores().list(Location(f"oci://{there.host}/models/")))
    with pytest.raises(StoreError, match="takes no single file"):
        AllStores().put(Location(f"oci://{there.host}/models/one:1"), b"x")
