"""Locking 1,000 artifacts that have not changed, against a process that lists the bucket once.

The store is a real S3 server on loopback. Run it as `python tests/bench/bench_lock.py [ROUNDS]`.
It prints medians; nothing is asserted.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.measuring import Row, heading, median, run
from tests.commands.locking import DIGEST, MODELS, SPEC
from tests.sidecar.support.s3 import ACCESS, S3, SECRET, start, stop

MANY = 1000
LOCK = (sys.executable, "-m", "compiler", "lock")
BARE = """
import boto3, sys
client = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1")
pages = client.get_paginator("list_objects_v2").paginate(Bucket="artifacts", Prefix="detector/")
assert sum(len(page["Contents"]) for page in pages) == int(sys.argv[2])
"""


def rows(rounds: int = 5) -> Iterator[Row]:
    """The row of unchanged artifacts, and that of the first time."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "server").mkdir()
        server = start(folder / "server")
        try:
            _fill(server, folder)
            command = (*LOCK, str(folder / "specs"))
            first = run(command, folder)
            again = median(lambda: run(command, folder), rounds)
            bare_command = [sys.executable, "-c", BARE, server.endpoint, str(MANY)]
            bare = median(lambda: run(bare_command, folder), rounds)
        finally:
            stop(server)
        yield Row(f"lock {MANY:,} new artifacts", "-", f"{first.seconds:.2f} s")
        yield Row(
            f"lock {MANY:,} unchanged artifacts, against one listing",
            "≤ 1.5 s",
            f"{again.seconds:.2f} s to {bare.seconds:.2f} s, {again.seconds / bare.seconds:.1f} ×",
        )


def _fill(server: S3, folder: Path) -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
    server.bucket("artifacts")
    for number in range(MANY):
        server.client.put_object(
            Bucket="artifacts", Key=f"detector/{number}.onnx", Body=f"{number}".encode()
        )
    versions = "".join(
        f'      "{number}": {{uri: "main:detector/{number}.onnx"}}\n' for number in range(MANY)
    )
    store = f's3://artifacts", endpoint: "{server.endpoint}", region: "us-east-1'
    (folder / "specs").mkdir()
    (folder / "specs/fleet.yaml").write_text(SPEC.format(store=store, digest=DIGEST))
    models = MODELS.replace('      "1": {uri: "main:detector/1.onnx"}\n', versions)
    (folder / "specs/models.yaml").write_text(models)


def main() -> None:
    """Print the rows."""
    print(heading())
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        print(f"{row.work:55} {row.goal:>9}   {row.measured}")


if __name__ == "__main__":
    main()
