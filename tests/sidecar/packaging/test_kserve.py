"""`once SRC DST`: what KServe's storage initializer does, by its arguments and its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from sidecar.commands import kserve_places as places
from sidecar.model.reasons import ReasonError
from sidecar.transfer.credentials import ENVIRONMENT
from tests.sidecar.support.s3 import ACCESS, PUBLIC, S3, SECRET
from tests.sidecar.support.web import Web
from tests.sidecar.unpack.archives import entry, header, packed, tar, usual_zip
from tests.sidecar.unpack.ground import content

BIG = bytes(range(256)) * 20_000


def initializer(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program as KServe starts it: places only, without a command's name."""
    command = [sys.executable, "-m", "sidecar", *words]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "S3_"))}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**kept, **environment}
    )


def keys(s3: S3) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": s3.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_all_objects_below_a_path_arrive_under_their_names_and_are_called_unverified(
    s3: S3, tmp_path: Path
) -> None:
    for key, body in {"1/model.bin": BIG, "1/vars/a b": b"v", "config": b"c", "empty": b""}.items():
        s3.put("kserve", f"m/{key}", body)
    s3.put("kserve", "m-other/x", b"of another model whose name begins the same")
    done = initializer("s3://kserve/m/", str(tmp_path / "models"), **keys(s3))
    assert done.returncode == 0, done.stderr
    files = {name: data for name, data in content(tmp_path / "models").items() if name[-1] != "/"}
    assert files == {"1/model.bin": BIG, "1/vars/a b": b"v", "config": b"c"}
    assert done.stdout.count("UNVERIFIED s3://kserve/m/") == 3


def test_a_single_object_arrives_and_a_second_run_replaces_what_the_first_left(
    s3: S3, tmp_path: Path
) -> None:
    s3.put("kserve", "one/model.onnx", BIG)
    leftover = tmp_path / ".edgewright-0123456789abcdef"
    leftover.mkdir()
    (leftover / "half").write_bytes(b"half")
    for body in (BIG, b"newer"):
        s3.put("kserve", "one/model.onnx", body)
        done = initializer("s3://kserve/one/model.onnx", str(tmp_path), **keys(s3))
        assert done.returncode == 0, done.stderr
        assert content(tmp_path) == {"model.onnx": body}


def test_an_archive_that_comes_alone_is_unpacked(s3: S3, tmp_path: Path) -> None:
    s3.put("kserve", "a/model.tar.gz", packed(tar(entry(b"./1/model.bin", b"model"))))
    s3.put("kserve", "a/model.zip", usual_zip({"1/model.bin": b"zipped"}))
    for name, data in (("model.tar.gz", b"model"), ("model.zip", b"zipped")):
        done = initializer(f"s3://kserve/a/{name}", str(tmp_path / name), **keys(s3))
        assert done.returncode == 0, done.stderr
        assert content(tmp_path / name) == {"1/": b"", "1/model.bin": data}


def test_a_hostile_archive_is_refused_and_leaves_nothing(s3: S3, tmp_path: Path) -> None:
    s3.put("kserve", "bad/m.tar.gz", packed(tar(header(b"out", 0, b"2", link=b"/"))))
    done = initializer("s3://kserve/bad/m.tar.gz", str(tmp_path), **keys(s3))
    assert done.returncode == 1
    assert done.stderr.startswith("ArchiveRefused: ")
    assert list(tmp_path.iterdir()) == []


def test_several_pairs_come_in_one_run(s3: S3, tmp_path: Path) -> None:
    a, b = s3.put("kserve", "p/a", b"a"), s3.put("kserve", "p/b", b"b")
    done = initializer("once", a, str(tmp_path / "1"), b, str(tmp_path / "2"), **keys(s3))
    assert done.returncode == 0, done.stderr
    assert content(tmp_path) == {"1/": b"", "1/a": b"a", "2/": b"", "2/b": b"b"}


def test_a_digest_behind_the_address_is_held(s3: S3, tmp_path: Path) -> None:
    url = s3.put("kserve", "d/model", BIG)
    right = initializer(f"{url}#sha256={sha256(BIG).hexdigest()}", str(tmp_path), **keys(s3))
    assert right.returncode == 0
    assert right.stdout.startswith(f"verified {url}: ")
    wrong = initializer(f"{url}#sha256={'0' * 64}", str(tmp_path / "no"), **keys(s3))
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("DigestMismatch: ")
    assert list((tmp_path / "no").iterdir()) == []


def test_what_is_not_there_and_what_is_not_allowed_are_told_apart(s3: S3, tmp_path: Path) -> None:
    s3.bucket("kserve")
    missing = initializer("s3://kserve/nothing/here", str(tmp_path), **keys(s3))
    assert (missing.returncode, missing.stderr.partition(":")[0]) == (1, "NotFound")
    wrong = keys(s3) | {"AWS_SECRET_ACCESS_KEY": "test-wrong"}
    denied = initializer("s3://kserve/m/", str(tmp_path), **wrong)
    assert (denied.returncode, denied.stderr.partition(":")[0]) == (1, "AccessDenied")
    assert "test-wrong" not in denied.stderr + denied.stdout


def test_access_is_anonymous_where_the_environment_says_so(s3: S3, tmp_path: Path) -> None:
    url = s3.put(PUBLIC, "free", b"for all")
    without = {"AWS_ENDPOINT_URL": s3.endpoint, "awsAnonymousCredential": "true"}
    done = initializer(url, str(tmp_path), **without)
    assert done.returncode == 0, done.stderr
    assert content(tmp_path) == {"free": b"for all"}


def test_keys_come_from_the_storage_config_too_and_an_override_wins(s3: S3, tmp_path: Path) -> None:
    url = s3.put("kserve", "c/x", b"x")
    stored = {"type": "s3", "endpoint_url": s3.endpoint, "region": "us-east-1",
              "access_key_id": ACCESS, "secret_access_key": "test-wrong"}  # fmt: skip
    override = {"secret_access_key": SECRET}
    done = initializer(
        url, str(tmp_path), STORAGE_CONFIG=json.dumps(stored),
        STORAGE_OVERRIDE_CONFIG=json.dumps(override),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_file_comes_over_http_with_the_headers_of_its_host(tmp_path: Path) -> None:
    with Web({"/m/model.onnx": BIG}) as web:
        url = web.url("/m/model.onnx")
        done = initializer(url, str(tmp_path), **{"127.0.0.1-headers": '{"X-Key": "test-word"}'})
        assert done.returncode == 0, done.stderr
        assert content(tmp_path) == {"model.onnx": BIG}
        assert [one.headers.get("x-key") for one in web.asked] == ["test-word"]


def test_a_path_of_the_pod_is_linked(tmp_path: Path) -> None:
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim" / "model").write_bytes(b"m")
    done = initializer(str(tmp_path / "claim"), str(tmp_path / "models"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models" / "model").readlink() == tmp_path / "claim" / "model"


@pytest.mark.parametrize("url", ["gs://b/m", "hf://a/b", "hdfs://x/y"])
def test_places_that_are_not_reached_are_named(url: str, tmp_path: Path) -> None:
    done = initializer(url, str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("SchemeUnsupported: ")


def test_a_source_without_a_target_is_wrong_usage() -> None:
    assert initializer("once", "s3://b/a", "/x", "s3://b/c").returncode == 2


def test_certificates_are_verified_whatever_the_environment_says() -> None:
    with pytest.raises(ReasonError) as caught:
        places.environment({"S3_VERIFY_SSL": "0"})
    assert caught.value.code == "TlsVerify"


@pytest.mark.parametrize(
    ("given", "path_style", "credentials"),
    [
        ({}, False, ""),
        ({"AWS_ENDPOINT_URL": "https://s3.amazonaws.com"}, False, ""),
        ({"AWS_ENDPOINT_URL": "http://minio:9000"}, True, ""),
        ({"AWS_ENDPOINT_URL": "http://m:9", "S3_USER_VIRTUAL_BUCKET": "true"}, False, ""),
        ({"AWS_ACCESS_KEY_ID": "test-a", "AWS_SECRET_ACCESS_KEY": "test-s"}, False, ENVIRONMENT),
        ({"AWS_ACCESS_KEY_ID": "test-a"}, False, ""),
        ({"AWS_ACCESS_KEY_ID": "test-a", "AWS_SECRET_ACCESS_KEY": "test-s",
          "awsAnonymousCredential": "True"}, False, ""),
    ],
)  # fmt: skip
def test_the_environment_says_how_s3_is_reached(
    given: dict[str, str], path_style: bool, credentials: str
) -> None:
    found = places.store(given)
    assert (found.path_style, found.credentials) == (path_style, credentials)


def test_proxies_authorities_and_streams_come_from_the_environment() -> None:
    given = {"https_proxy": "proxy:3128", "NO_PROXY": "10.0.0.0/8, .svc",
             "CA_BUNDLE_CONFIGMAP_NAME": "ca", "CA_BUNDLE_VOLUME_MOUNT_POINT": "/etc/ca",
             "S3_MAX_FILE_CONCURRENCY": "9"}  # fmt: skip
    network = places.config(given, [], "/").network
    assert network.proxy == "http://proxy:3128"
    assert network.no_proxy == ("10.0.0.0/8", ".svc")
    assert network.ca_file == "/etc/ca/cabundle.crt"
    assert network.streams == 9
