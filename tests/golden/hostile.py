"""Specs that are too large or too strange to be kept: each is made when it is needed.

A hostile spec is one small sound fleet with a file beside it, or one value in it, that tries to
take the time, the memory or the stack of whoever reads it. Their expected text lies in
`hostile_texts/NAME.txt`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

EXPECTED = Path(__file__).parent / "hostile_texts"
MIB = 2**20
IMAGE = "registry.example.com/worker@sha256:" + "7" * 64

FLEET = """\
edgewright: v1
project: {name: shop}
fleet:
  clusters:
    hub:
      kubernetes: "1.32"
      gitops: {engine: flux}
      repo: {url: "https://git.example.com/fleet.git"}
  profiles:
    box: {arch: amd64, cpu: 4, memory: 8Gi}
  sites:
    one: {cluster: hub, layer: edge, profile: box, hosts: {one-a: {}}}
models:
  m: {framework: onnx, versions: {"1": {uri: "host:/models/m.onnx"}}, target: "1"}
"""

JOB = """\
jobs:
  watch:
    kind: serve
    models: m
    worker:
      image: "%s"
      ports: [8080]
      env: {VALUE: %s}
    place: {layer: edge}
"""


def write(name: str, spec: Path) -> None:
    """Write the hostile spec of that name into a folder."""
    for file, content in {"fleet.yaml": FLEET, **SPECS[name]()}.items():
        (spec / file).parent.mkdir(parents=True, exist_ok=True)
        (spec / file).write_text(content, encoding="utf-8")


def _beside(text: str) -> dict[str, str]:
    return {"hostile.yaml": text}


def _value(value: str) -> dict[str, str]:
    return {"jobs.yaml": JOB % (IMAGE, value)}


def _object(annotation: str) -> dict[str, str]:
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: big\n  namespace: shop\n"
    return {
        "k8s/big.yaml": head + annotation,
        "more.yaml": "objects: [{from: k8s/big.yaml, place: {layer: edge}}]\n",
    }


def _bomb() -> str:
    rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)]
    return "a0: &a0 [x]\n" + "".join(rows)


def _sites(count: int, row: str) -> dict[str, str]:
    table = "name,cluster,layer,profile,hosts\n" + "".join(row.format(i) for i in range(count))
    return {"sites.csv": table, "table.yaml": "fleet: {sitesFrom: sites.csv}\n"}


SPECS: Mapping[str, Callable[[], dict[str, str]]] = {
    "alias-bomb": lambda: _beside(_bomb()),
    "annotation-of-300-kb": lambda: _object(f"  annotations: {{a: {'x' * 300_000}}}\n"),
    "braces-in-a-value": lambda: _value('"' + "{" * 900_000 + '"'),
    "brackets-50000": lambda: _beside("[" * 50_000),
    "code-points-in-a-name": lambda: {"jobs.yaml": JOB.replace("watch", "é" * 300) % (IMAGE, "x")},
    "colons-in-a-value": lambda: _value('"' + "a:" * 400_000 + '"'),
    "control-characters-escaped": lambda: _value('"' + "\\x1b" * 200_000 + '"'),
    "dashes-50000": lambda: _beside("- " * 50_000),
    "documents-1000000": lambda: _beside("---\n" * 1_000_000),
    "dots-in-a-name": lambda: {"jobs.yaml": "jobs: {" + "a." * 200_000 + ": {kind: serve}}\n"},
    "duplicate-keys-1000000": lambda: _beside("a: 1\n" * 1_000_000),
    "entries-1200000": lambda: _beside("jobs: [" + "a," * 1_200_000 + "]\n"),
    "file-of-9-mib": lambda: _beside("# " + "x" * (9 * MIB)),
    "levels-10000": lambda: _beside("{a: " * 10_000),
    "levels-10000-indented": lambda: _beside("".join(" " * n + "a:\n" for n in range(3_900))),
    "number-of-1000000-digits": lambda: _value("9" * 1_000_000),
    "placeholders-in-a-value": lambda: _value('"' + "{site}" * 100_000 + '"'),
    "quotes-unclosed": lambda: _beside("a: '" + "x\n" * 500_000),
    "scalar-of-10-mb": lambda: _beside("a: " + "x" * 10_000_000),
    "scalar-of-2-mb": lambda: _value("x" * 2_000_000),
    "sections-unknown-100000": lambda: _beside("".join(f"k{i}: 1\n" for i in range(100_000))),
    "table-rows-ragged": lambda: _sites(100_000, "s-{0},hub,edge\n"),
    "table-sites-alike": lambda: _sites(100_000, "s-1,hub,edge,box,h-{0}\n"),
    "words-unknown-20000": lambda: _sites(20_000, "s-{0},hub,egde,box,h-{0}\n"),
}
