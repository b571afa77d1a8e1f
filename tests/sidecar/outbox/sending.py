"""What tests of sending share: a config whose streams go to the S3 server, and the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from tests.sidecar.support.kill import Plan
from tests.sidecar.support.s3 import S3, credentials
from tests.sidecar.transfer.fetching import document

ROOT = Path(__file__).resolve().parents[3]
HOST = "edge-001a"
NOBODY = Plan()
"""Nobody is killed."""
PLACE = f"store-1/{HOST}/watch.serve"


class Sending(NamedTuple):
    """One outbox below a directory, and the bucket that its files go to."""

    folder: Path
    s3: S3
    bucket: str

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    def configure(
        self, *streams: Mapping[str, Any], port: int = 0, **network: Any
    ) -> dict[str, Any]:
        """Write a config with streams; those without `to` go to the bucket."""
        entry = self.s3.store("main", credentials(self.folder / "keys"))
        if port:
            entry["endpoint"] = f"http://127.0.0.1:{port}"
        outbox = [
            {"to": f"s3://{self.bucket}/{one['name']}/", "store": "main", **one} for one in streams
        ]
        made = document(
            self.folder / "store", [], stores=[entry], outbox=outbox,
            network={"timeout": 30, **network},
            surface={"port": 18_999, "socket": str(self.run / "sidecar.sock")},
        )  # fmt: skip
        self.config.write_text(json.dumps(made))
        self.run.mkdir(exist_ok=True)
        (self.run / "outbox").mkdir(exist_ok=True)
        for one in streams:
            (self.run / "outbox" / one["name"]).mkdir(exist_ok=True)
        return made

    def leave(self, stream: str, name: str, data: bytes) -> str:
        """Leave a file by the documented protocol, settled; gives the key that it must get."""
        folder = self.run / "outbox" / stream
        hidden = folder / f".{os.urandom(6).hex()}"
        hidden.write_bytes(data)
        os.utime(hidden, (1_700_000_000, 1_700_000_000))
        hidden.rename(folder / name)
        return self.key(stream, name, data)

    def key(self, stream: str, name: str, data: bytes, within: str = "") -> str:
        """The key of a file in the bucket."""
        inner = f"{within}/" if within else ""
        return f"{stream}/{PLACE}/{inner}{sha256(data).hexdigest()}-{name}"

    def start(self, plan: Plan = NOBODY, *more: str, sabotage: str = "") -> Any:
        """The process, which ends when nothing is left to do."""
        call = plan._replace(call="tests.sidecar.outbox.process:main")
        environment = {
            **os.environ, "EDGEWRIGHT_HOST": HOST, "PYTHONPATH": str(ROOT),
            "EDGEWRIGHT_TEST_SABOTAGE": sabotage,
        }  # fmt: skip
        return subprocess.Popen(
            call.command([str(self.config), str(self.run), *more]),
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def drain(self, *more: str, seconds: float = 120) -> list[dict[str, Any]]:
        """Run the process to its end; what it noted."""
        process = self.start(NOBODY, *more)
        try:
            output, fault = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            output, fault = process.communicate()
            raise AssertionError(f"not done in time: {output} {fault}") from None
        assert process.returncode == 0, fault
        return [json.loads(line) for line in output.splitlines()]

    def stored(self, prefix: str = "") -> list[str]:
        """What lies in the bucket, lists of deliveries left out."""
        found = self.s3.keys(self.bucket, prefix)
        return [key for key in found if not key.endswith("manifest.json")]

    def listing(self, stream: str, within: str = "") -> dict[str, Any]:
        """The list of what was delivered."""
        inner = f"{within}/" if within else ""
        key = f"{stream}/{PLACE}/{inner}manifest.json"
        found: dict[str, Any] = json.loads(self.s3.get(self.bucket, key))
        return found


def sending(folder: Path, s3: S3, name: str) -> Sending:
    """A fresh outbox, with a bucket of its own."""
    bucket = f"out-{name}-{os.urandom(3).hex()}"
    s3.bucket(bucket)
    return Sending(folder, s3, bucket)


def sidecar(arguments: Sequence[str], **environment: str) -> Any:
    """Run the program itself and give what it did."""
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments],
        cwd=ROOT, env={**os.environ, "EDGEWRIGHT_HOST": HOST, **environment},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
