"""The lock against a real S3 server: what is asked, what is not asked again, what fails."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from tests.commands.locking import DIGEST, MODELS, SPEC, entry, locked
from tests.commands.running import ROOT, run, run_json
from tests.sidecar.support.proxy import Fault, Relay, answer
from tests.sidecar.support.s3 import ACCESS, READER_ACCESS, READER_SECRET, S3, SECRET

MANY = 40


@pytest.fixture
def folder(tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fleet whose store is a bucket of the test's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bucket = s3.bucket(f"lock-{tmp_path.name.lower().replace('_', '-')[-40:].strip('-')}")
    store = f's3://{bucket}", endpoint: "{s3.endpoint}", region: "us-east-1'
    versions = "".join(
        f'      "{number}": {{uri: "main:detector/{number}.onnx"}}\n' for number in range(2, MANY)
    )
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/fleet.yaml").write_text(SPEC.format(store=store, digest=DIGEST))
    models = MODELS.replace("    target:", f"{versions}    target:")
    (tmp_path / "specs/models.yaml").write_text(models)
    for number in range(1, MANY):
        s3.put(bucket, f"detector/{number}.onnx", f"{number}".encode())
    (tmp_path / "bucket").write_text(bucket)
    return tmp_path


def test_unchanged_objects_are_known_by_one_listing(folder: Path, s3: S3) -> None:
    assert len(run_json("lock", at=folder)["changes"]) == MANY
    bucket = (folder / "bucket").read_text()
    found = entry(folder, "artifacts", "models/detector:7")
    assert (found["size"], found["serveVersion"]) == (1, 7)
    assert found["etag"] == s3.client.head_object(Bucket=bucket, Key="detector/7.onnx")[
        "ETag"
    ].strip('"')
    s3.put(bucket, "detector/7.onnx", b"another")
    refused = run("lock", at=folder)
    assert refused.exit_code == 1
    assert refused.stderr.count("E7105") == 1
    changes = run_json("lock", "--accept-changed", "detector:7", at=folder)["changes"]
    assert [change["entry"] for change in changes] == ["default.artifacts.models/detector:7"]


def test_a_version_of_a_versioned_bucket_is_written_down(folder: Path, s3: S3) -> None:
    bucket = (folder / "bucket").read_text()
    s3.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    answer = s3.client.put_object(Bucket=bucket, Key="detector/3.onnx", Body=b"versioned")
    run_json("lock", "--only", "detector:3", at=folder)
    assert entry(folder, "artifacts", "models/detector:3")["versionId"] == answer["VersionId"]


def test_denied_credentials_are_told_once_and_no_secret_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-other-secret")
    result = run("lock", at=folder)
    assert result.exit_code == 6
    assert result.stderr.count("E8202") == 1
    assert "access is denied" in result.stderr
    assert f"E8203 {MANY - 2} more of 127.0.0.1:" in result.stderr
    assert "test-other-secret" not in result.output
    assert locked(folder).of("default", "artifacts") == {}


def test_what_is_not_in_the_bucket_is_named_and_the_rest_is_done(folder: Path, s3: S3) -> None:
    s3.client.delete_object(Bucket=(folder / "bucket").read_text(), Key="detector/9.onnx")
    result = run("lock", at=folder)
    assert result.exit_code == 6
    assert "E8201 models/detector:9: s3://" in result.stderr
    assert len(locked(folder).of("default", "artifacts")) == MANY - 2


def test_a_store_that_throttles_is_told_once_and_the_other_store_is_done(
    folder: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", _no_delay)
    body = b"<Error><Code>SlowDown</Code></Error>"
    slow = Fault(answer=answer("503 Slow Down", "Content-Type: application/xml", body=body))
    with Relay(s3.port, always=slow) as relay:
        relay.harms = lambda asked: "list-type" in asked.target or asked.method == "HEAD"
        spec = folder / "specs/fleet.yaml"
        spec.write_text(spec.read_text().replace(s3.endpoint, relay.url(s3.endpoint, s3.port)))
        models = folder / "specs/models.yaml"
        text = models.read_text()
        (folder / "here.onnx").write_bytes(b"here")
        here = f'"{(folder / "here.onnx").as_uri()}"'
        models.write_text(text.replace('"main:detector/2.onnx"', here))
        result = run("lock", at=folder)
    assert result.exit_code == 6
    assert result.stderr.count("it is asked too often") == 1
    assert "run it again later; what is done stays done" in result.stderr
    assert list(locked(folder).of("default", "artifacts")) == ["models/detector:2"]


def test_a_profile_is_for_one_store_and_a_word_that_names_none_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-other-secret")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text(
        f"[reader]\naws_access_key_id = {READER_ACCESS}\naws_secret_access_key = {READER_SECRET}\n"
    )
    assert len(run_json("lock", "--profile", "main=reader", at=folder)["changes"]) == MANY
    wrong = run("lock", "--profile", "mian=reader", at=folder)
    assert wrong.exit_code == 2
    assert "there is no S3 store mian. Did you mean main?" in wrong.stderr
    assert "write STORE=NAME" in run("lock", "--profile", "reader", at=folder).stderr


def _no_delay(self: object, context: object) -> float:
    del self, context
    return 0.0


def test_the_helmet_example_is_locked_against_a_store(
    tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sedna's tutorial has its models on hosts; here the same fleet has them in a bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    bucket = s3.bucket("helmet-lock")
    shutil.copytree(ROOT / "specs/helmet-detection", tmp_path / "specs")
    digests = {}
    for name in ("little-model/yolov3_resnet18.pb", "big-model/yolov3_darknet.pb"):
        body = f"weights of {name}".encode() * 1000
        s3.put(bucket, f"helmet/{name}", body)
        digests[name.partition("/")[0]] = hashlib.sha256(body).hexdigest()
    models = tmp_path / "specs/models.yaml"
    text = models.read_text().replace("host:/data/", "main:helmet/")
    store = f'{{url: "s3://{bucket}", endpoint: "{s3.endpoint}", region: us-east-1}}'
    models.write_text(f"stores: {{main: {store}}}\n{text}")
    jobs = tmp_path / "specs/jobs.yaml"
    pinned = re.sub(r"(image: \S+?):v\S+", rf"\1@{DIGEST}", jobs.read_text())
    # Sedna fetches by itself, and verifies nothing: the sidecar brings what is locked.
    jobs.write_text(
        pinned.replace(
            "    model: helmet-pair\n", "    model: helmet-pair\n    delivery: sidecar\n"
        )
    )
    fleet = tmp_path / "specs/fleet.yaml"
    fleet.write_text(
        fleet.read_text().replace("edgewright-sidecar:1", f"edgewright-sidecar@{DIGEST}")
    )
    changes = run_json("lock", at=tmp_path)["changes"]
    assert len(changes) == 4
    for environment in ("plain", "sedna"):
        for model, digest in digests.items():
            found = entry(tmp_path, "artifacts", f"models/{model}:1", environment)
            assert (found["sha256"], found["serveVersion"]) == (digest, 1)
    compiled = run("compile", "--locked", at=tmp_path)
    assert compiled.exit_code == 0, compiled.output
    written = "".join(
        path.read_text() for path in (tmp_path / "generated").rglob("configmap-*.yaml")
    )
    assert all(digest in written for digest in digests.values())
