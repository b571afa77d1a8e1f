"""The lock against a real S3 server: what is asked, what is not asked again, what fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.locking import DIGEST, MODELS, SPEC, entry, locked
from tests.commands.running import run, run_json
from tests.sidecar.support.s3 import ACCESS, S3, SECRET

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
