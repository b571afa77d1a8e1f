"""Three shops that run compiled configs: each with a sidecar, its store and a model server.

The sidecars are real processes, over S3; the model servers are stand-ins. What a kubelet and a pod
would provide (paths, ports, mounted credentials) is put into the compiled config here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.commands.running import run
from tests.sidecar.support.beside import Beside
from tests.sidecar.support.cases import World
from tests.sidecar.support.running import Sidecar, until
from tests.sidecar.support.s3 import S3, credentials

SITES = ("north-1", "north-2", "north-3")
CONTENT = {"1": b"add 1\n", "2": b"add 2\n", "3": b"broken no such operator: Frobnicate\n"}
DIGEST = "sha256:" + "c" * 64
SPEC = """\
edgewright: v1
project: {{name: shop}}
sidecar: {{image: "r.example.com/sidecar@{digest}"}}
stores:
  main:
    url: "s3://{bucket}"
    endpoint: "{endpoint}"
    region: us-east-1
    read: {{secret: s3-reader}}
    write: {{secret: s3-writer}}
reports: {{uri: "main:reports/"}}
fleet:
  clusters:
    hub: {{kubernetes: "1.33", gitops: {{engine: flux}}, repo: {{url: "https://git.example.com/shop.git"}}}}
  profiles: {{box: {{arch: {arch}, cpu: 4, memory: 4Gi, disk: 64Gi}}}}
  sites:
    north-1: {{cluster: hub, layer: edge, profile: box, hosts: {{north-1-a: {{}}}}, labels: {{ring: canary}}}}
    north-2: {{cluster: hub, layer: edge, profile: box, hosts: {{north-2-a: {{}}}}}}
    north-3: {{cluster: hub, layer: edge, profile: box, hosts: {{north-3-a: {{}}}}}}
jobs:
  watch:
    kind: serve
    models: [detector]
    worker: {{image: "r.example.com/ovms@{digest}", server: ovms, resources: {{cpu: "1", memory: 1Gi}}}}
    place: {{layer: edge}}
    rollout:
      steps: [{{where: {{ring: canary}}, soak: 30m}}, {{percent: 100}}]
      ready: 95%
      abortAbove: 2%
"""  # noqa: E501
MODELS = """\
models:
  detector:   # sees what is on the shelf
    framework: onnx
    target: "1"   # bumped by hand
    versions:
      "1": {uri: "main:detector/1.onnx"}
      "2": {uri: "main:detector/2.onnx"}   # better at dusk
      "3": {uri: "main:detector/3.onnx"}
"""


class Shops:
    """The repository of the fleet, and its shops by site."""

    def __init__(
        self,
        folder: Path,
        s3: S3,
        bucket: str,
        arch: str,
        spec: str = SPEC,
        sites: Sequence[str] = SITES,
    ) -> None:
        self.folder, self.s3, self.bucket = folder, s3, bucket
        (folder / "specs").mkdir(parents=True)
        text = spec.format(bucket=bucket, endpoint=s3.endpoint, arch=arch, digest=DIGEST)
        (folder / "specs/fleet.yaml").write_text(text)
        (folder / "specs/models.yaml").write_text(MODELS)
        for version, content in CONTENT.items():
            s3.put(bucket, f"detector/{version}.onnx", content)
        self.worlds = {site: World(folder / "nodes" / site) for site in sites}
        self.servers = {site: Beside(world) for site, world in self.worlds.items()}
        self.sidecars: dict[str, Sidecar] = {}

    def call(self, *words: str, status: int = 0) -> Any:
        """`edgewright WORDS`, which is to end with `status`."""
        result = run(*words, at=self.folder)
        assert result.exit_code == status, result.output
        return result

    def bump(self, version: str) -> None:
        """Change the target by hand, and lock."""
        models = self.folder / "specs/models.yaml"
        lines = models.read_text().splitlines(keepends=True)
        at = next(place for place, line in enumerate(lines) if "target:" in line)
        lines[at] = f'    target: "{version}"   # bumped by hand\n'
        models.write_text("".join(lines))
        self.call("lock")

    def publish(self) -> None:
        """Compile, and bring each site's config where its pod mounts it."""
        self.call("compile", "--locked")
        for site, world in self.worlds.items():
            world.mount_config(self.config(site))

    def config(self, site: str) -> dict[str, Any]:
        """The compiled config of a site, as it lies in the output."""
        path = f"generated/shop/default/hub/sites/{site}/configmap-watch-{site}-sidecar.yaml"
        written = yaml.safe_load((self.folder / path).read_text())
        return self.at_home(site, written["data"]["config.json"])

    def at_home(self, site: str, text: str) -> dict[str, Any]:
        """A compiled config on this machine's paths and ports."""
        world, server = self.worlds[site], self.servers[site]
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        document: dict[str, Any] = json.loads(text)
        document["store"] |= {"root": str(world.root), "minFreePercent": 0}
        document["surface"] = {"port": world.port, "socket": str(world.view / "run/sidecar.sock")}
        document["server"]["ports"] = [server.port]
        document["reports"]["interval"] = 10
        document["stores"] = [
            {**store, "credentials": credentials(world.directory / "credentials")}
            for store in document["stores"]
        ]
        for artifact in document["artifacts"]:
            artifact["activation"].get("probe", {}).update({"timeout": 5, "successes": 2})
        return document

    @contextmanager
    def open(self) -> Iterator[None]:
        """Every shop with its sidecar and its server."""
        with ExitStack() as stack:
            for site in self.worlds:
                host = {"EDGEWRIGHT_HOST": f"{site}-a"}
                sidecar = stack.enter_context(Sidecar(self.worlds[site], environment=host))
                self.sidecars[site] = sidecar
                sidecar.wait_page("/startupz")
                stack.enter_context(self.servers[site]).start()
            yield

    def wait_served(self, site: str, version: str) -> None:
        """Wait until a site serves a version well, and its report says so."""
        sidecar = self.sidecars[site]
        sidecar.wait_artifact("model/detector", state="GOOD", version=version)
        found = self.servers[site].loaded()["detector"]
        assert found["sha256"] == hashlib.sha256(CONTENT[version]).hexdigest()
        self.wait_reported(site, state="GOOD", version=version)

    def wait_reported(self, site: str, **fields: str) -> None:
        """Wait until the newest report of a site says something of the model."""

        def said() -> bool:
            found = self.report(site)
            (artifact,) = found["artifacts"] if found else ({},)
            return all(artifact.get(key) == value for key, value in fields.items())

        until(said, lambda: f"{self.report(site)}", self.sidecars[site])

    def report(self, site: str) -> dict[str, Any]:
        """The newest report of a site."""
        keys = self.s3.keys(self.bucket, f"reports/{site}/")
        return json.loads(self.s3.get(self.bucket, keys[0])) if keys else {}
