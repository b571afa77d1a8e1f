"""Kapitan's input for the objects of a compiled fleet: an inventory and Jinja2 templates.

Each site is a target. Sites whose objects have the same shape share one class and one set of
templates, one for each object; what differs between such sites are parameters of the target. The
texts that Kapitan compiles mean what the files mean that they were made of, which `unequal`
checks. Nothing here runs Kapitan but `install` and `command`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "edgewright-bench"
DERIVED = ("kustomization.yaml", ".edgewright.ledger")
SITE = "\ue000"
"""Stands for the name of the site in texts: no object contains it."""


def install() -> Path | str:
    """The Kapitan program in an environment of its own, or why there is none."""
    program = CACHE / "kapitan" / "bin" / "kapitan"
    if program.exists():
        return program
    try:
        subprocess.run([sys.executable, "-m", "venv", CACHE / "kapitan"], check=True)
        subprocess.run(
            [program.with_name("python"), "-m", "pip", "install", "--quiet", "kapitan>=0.34"],
            check=True,
            capture_output=True,
            timeout=600,
        )
    except (subprocess.SubprocessError, OSError) as error:
        return f"Kapitan cannot be installed: {error}"
    return program if program.exists() else "Kapitan has no program"


def command(program: Path, folder: Path) -> list[str]:
    """How Kapitan compiles the folder, on every processor, without checking anything."""
    return [str(program), "compile", "--quiet", "--inventory-path", str(folder / "inventory"),
            "--search-paths", str(folder), "--output-path", str(folder)]  # fmt: skip


@dataclass
class Shape:
    """Sites with objects of one structure: a skeleton for each object, the values of each site."""

    name: str
    objects: list[Any]
    values: dict[str, list[list[Any]]] = field(default_factory=dict)


def sites_of(generated: Path) -> Iterator[tuple[str, list[Any]]]:
    """Each site's directory: its name in the inventory, and its objects."""
    folders = sorted(path.parent for path in generated.rglob("sites/*/kustomization.yaml"))
    with ProcessPoolExecutor() as pool:
        yield from pool.map(_objects, folders, chunksize=50)


def _objects(folder: Path) -> tuple[str, list[Any]]:
    files = sorted(path for path in folder.iterdir() if path.name not in DERIVED)
    found = [yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader) for path in files]
    return folder.name, sorted(found, key=lambda one: (one["kind"], one["metadata"]["name"]))


def shapes_of(sites: dict[str, list[Any]]) -> list[Shape]:
    """The sites grouped by the structure of their objects."""
    found: dict[str, Shape] = {}
    for site, objects in sites.items():
        leaves: list[Any] = []
        skeleton = [_skeleton(one, site, leaves) for one in objects]
        key = json.dumps(skeleton)
        shape = found.setdefault(key, Shape(f"shape-{len(found)}", skeleton))
        shape.values[site] = [leaves]
    return list(found.values())


def _skeleton(value: Any, site: str, leaves: list[Any]) -> Any:
    if isinstance(value, dict):
        return {key: _skeleton(entry, site, leaves) for key, entry in value.items()}
    if isinstance(value, list):
        return [_skeleton(entry, site, leaves) for entry in value]
    leaves.append(value.replace(site, SITE) if isinstance(value, str) else value)
    return len(leaves) - 1


def write(sites: dict[str, list[Any]], folder: Path) -> int:
    """Write inventory and templates; returns how many objects Kapitan will compile."""
    for part in ("inventory/classes", "inventory/targets", "templates"):
        (folder / part).mkdir(parents=True)
    for shape in shapes_of(sites):
        columns = list(zip(*(values[0] for values in shape.values.values()), strict=True))
        varying = [n for n, column in enumerate(columns) if any(v != column[0] for v in column)]
        first = next(iter(shape.values.values()))[0]
        _write_class(shape, first, set(varying), folder)
        for site, values in shape.values.items():
            parameters = {f"v{n}": _named(values[0][n], site) for n in varying}
            target = {
                "classes": [shape.name],
                "parameters": {"target_name": site, "site": site, "own": parameters},
            }
            path = folder / "inventory" / "targets" / f"{site}.yml"
            path.write_text(yaml.dump(target, Dumper=yaml.CSafeDumper), encoding="utf-8")
    return sum(len(objects) for objects in sites.values())


def _write_class(shape: Shape, first: list[Any], varying: set[int], folder: Path) -> None:
    templates = folder / "templates" / shape.name
    templates.mkdir()
    for number, skeleton in enumerate(shape.objects):
        text = yaml.dump(
            _tokens(skeleton, first, varying), Dumper=yaml.CSafeDumper, width=10**6,
            sort_keys=False, allow_unicode=True,
        )  # fmt: skip
        for hole in varying:
            text = text.replace(f"HOLE{hole}HOLE", f"{{{{ own.v{hole} | tojson }}}}")
        text = text.replace("SITEHOLE", "{{ site }}")
        head = "{% set own = inventory.parameters.own %}{% set site = inventory.parameters.site %}"
        (templates / f"object-{number}.yaml").write_text(f"{head}\n{text}", encoding="utf-8")
    declared = {
        "parameters": {
            "kapitan": {
                "vars": {"target": "${site}"},
                "compile": [
                    {
                        "output_path": ".",
                        "input_type": "jinja2",
                        "input_paths": [f"templates/{shape.name}"],
                    }
                ],
            }
        }
    }
    path = folder / "inventory" / "classes" / f"{shape.name}.yml"
    path.write_text(yaml.dump(declared, Dumper=yaml.CSafeDumper), encoding="utf-8")


def _tokens(value: Any, first: list[Any], varying: set[int]) -> Any:
    if isinstance(value, dict):
        return {key: _tokens(entry, first, varying) for key, entry in value.items()}
    if isinstance(value, list):
        return [_tokens(entry, first, varying) for entry in value]
    leaf = first[value]
    if value in varying:
        return f"HOLE{value}HOLE"
    return leaf.replace(SITE, "SITEHOLE") if isinstance(leaf, str) else leaf


def _named(value: Any, site: str) -> Any:
    return value.replace(SITE, site) if isinstance(value, str) else value


def unequal(sites: dict[str, list[Any]], folder: Path) -> list[str]:
    """The sites whose compiled objects do not mean what the originals mean."""
    wrong = []
    for site, objects in sites.items():
        compiled = sorted((folder / "compiled" / site).glob("object-*.yaml"))
        found = [yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader) for path in compiled]
        if sorted(map(_text, found)) != sorted(map(_text, objects)):
            wrong.append(site)
    return wrong


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True)
