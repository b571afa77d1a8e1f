"""A small fleet as plain data, the edits that people make to one, and how it is written down.

An edit is a function of the random generator and the fleet, which it changes in place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

COLUMNS = ("cluster", "layer", "profile", "hosts", "labels.ring", "vars.lang", "link.rate")
RINGS = ("lab", "prod")
LANGUAGES = ("de", "en", "tr", "fr")
IMAGE = "registry.example.com/ovms:2025.3"


@dataclass
class Fleet:
    """What a spec says: `table` are rows by site, `written` the sections of its YAML files."""

    table: dict[str, dict[str, str]]
    written: dict[str, dict[str, Any]]
    overrides: list[dict[str, Any]] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    broken: str = ""
    counter: int = 0

    def number(self) -> int:
        """A number that no earlier call gave."""
        self.counter += 1
        return self.counter


Edit = Callable[[Random, Fleet], None]


def row(random: Random, number: int, cluster: str) -> dict[str, str]:
    """A new site."""
    return {
        "cluster": cluster,
        "layer": "edge",
        "profile": random.choice(("box", "arm")),
        "hosts": f"host-{number}",
        "labels.ring": random.choice(RINGS),
        "vars.lang": random.choice(LANGUAGES),
        "link.rate": "20Mbit/s",
    }


def cluster(engine: dict[str, Any], provides: dict[str, str]) -> dict[str, Any]:
    """A cluster of the fleet."""
    return {
        "kubernetes": "1.32",
        "provides": provides,
        "gitops": engine,
        "repo": {
            "url": "https://git.example.com/fleet.git",
            "branch": "deploy/{environment}",
            "path": "generated",
            "secret": "git-read",
        },
    }


def job(model: str, level: str, port: int, ring: str = "") -> dict[str, Any]:
    """A job that serves a model on the edge."""
    place: dict[str, Any] = {"layer": "edge"}
    if ring:
        place["where"] = {"ring": ring}
    return {
        "kind": "serve",
        "models": [model],
        "worker": {
            "image": IMAGE,
            "server": "ovms",
            "env": {"LEVEL": level, "LANGUAGE": "{site.vars.lang}", "SITE": "{site}"},
            "params": {"every": 5},
            "resources": {"cpu": "1", "memory": "1Gi"},
            "ports": {"http": {"port": port}},
        },
        "place": place,
    }


def version(name: str, letter: str) -> dict[str, Any]:
    """A version of a model with an int8 build for arm64."""
    return {
        "uri": f"main:{name}/{letter}.onnx",
        "sha256": letter * 64,
        "variants": {
            "int8": {
                "uri": f"main:{name}/{letter}-int8.onnx",
                "sha256": f"{letter}0" * 32,
                "needs": {"arch": "arm64"},
            }
        },
    }


def first_fleet(random: Random) -> Fleet:
    """Four sites on two clusters, two models, two jobs."""
    fleet = Fleet({}, {})
    for number in range(4):
        name = "west" if number % 2 else "hub"
        fleet.table[f"site-{number}"] = row(random, fleet.number(), name)
    fleet.table["site-0"]["labels.ring"] = "lab"
    fleet.table["site-1"]["labels.ring"] = "prod"
    fleet.written = {
        "project": {
            "edgewright": "v1",
            "project": {"name": "shop"},
            "sidecar": {"image": "registry.example.com/sidecar:1", "contract": 1},
            "stores": {
                "main": {
                    "url": "s3://artifacts",
                    "endpoint": "https://s3.example.com",
                    "region": "eu-west-1",
                    "read": {"secret": "s3-reader"},
                }
            },
            "fleet": {
                "clusters": {
                    "hub": cluster(
                        {"engine": "flux", "unit": "shard", "shards": 2}, {"kubeedge": "1.23"}
                    ),
                    "west": cluster({"engine": "argocd"}, {}),
                },
                "profiles": {
                    "box": {"arch": "amd64", "cpu": 8, "memory": "16Gi", "disk": "64Gi"},
                    "arm": {"arch": "arm64", "cpu": 4, "memory": "8Gi", "disk": "32Gi"},
                },
                "sites": {
                    "cloud": {
                        "cluster": "west", "layer": "cloud", "profile": "box",
                        "hosts": {"cloud-a": {}}, "labels": {"ring": "prod"},
                        "vars": {"lang": "en"},
                    }
                },
                "sitesFrom": "sites.csv",
            },
        },
        "models": {
            "models": {
                "pair": {
                    "versions": {"1": {"edge": "counter:1", "cloud": "detector:2"}},
                    "target": "1",
                }
            }
            | {
                name: {
                    "framework": "onnx",
                    "versions": {"1": version(name, "a"), "2": version(name, "b")},
                    "target": "1",
                }
                for name in ("detector", "counter")
            }
        },
        "jobs": {
            "jobs": {
                "watch": job("detector", "info", 8000), "count": job("counter", "info", 8100)
            }
        },
        "rest": {"environments": {}, "overrides": []},
    }  # fmt: skip
    return fleet


def write_fleet(fleet: Fleet, folder: Path) -> None:
    """Write the files of a spec; JSON is YAML, and a remark is a comment above it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sections in fleet.written.items():
        data = {**sections, "overrides": fleet.overrides} if name == "rest" else sections
        data = {key: value for key, value in data.items() if value}
        remark = fleet.remarks.get(name, "")
        text = json.dumps(data, indent=1)
        (folder / f"{name}.yaml").write_text(f"{remark}{text}\n{fleet.broken}", encoding="utf-8")
    lines = [",".join(("name", *COLUMNS))]
    lines += [",".join((name, *(r[c] for c in COLUMNS))) for name, r in fleet.table.items()]
    (folder / "sites.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def any_site(random: Random, fleet: Fleet) -> dict[str, str]:
    """One row of the table."""
    return random.choice(list(fleet.table.values()))


def any_job(random: Random, fleet: Fleet) -> dict[str, Any]:
    """One job that serves models."""
    jobs = fleet.written["jobs"]["jobs"]
    found: dict[str, Any] = random.choice([job for job in jobs.values() if "worker" in job])
    return found


def change_ring(random: Random, fleet: Fleet) -> None:
    """Give a site another ring."""
    any_site(random, fleet)["labels.ring"] = random.choice(RINGS)


def change_language(random: Random, fleet: Fleet) -> None:
    """Give a site another variable."""
    any_site(random, fleet)["vars.lang"] = random.choice(LANGUAGES)


def change_hardware(random: Random, fleet: Fleet) -> None:
    """Give a site other hardware, or another link."""
    site = any_site(random, fleet)
    site["profile"] = random.choice(("box", "arm"))
    site["link.rate"] = random.choice(("20Mbit/s", "5Mbit/s"))


def change_hosts(random: Random, fleet: Fleet) -> None:
    """Rename a site's host, give it a second one, or take a host that another site has."""
    site = any_site(random, fleet)
    number = fleet.number()
    site["hosts"] = random.choice(
        (f"host-{number}", f"host-{number};host-{number}b=10.0.0.{number % 250}", "host-1")
    )


def move_site(random: Random, fleet: Fleet) -> None:
    """Put a site on the other cluster."""
    site = any_site(random, fleet)
    site["cluster"] = "west" if site["cluster"] == "hub" else "hub"


def add_site(random: Random, fleet: Fleet) -> None:
    """Add a site at the end of the table."""
    number = fleet.number()
    fleet.table[f"site-{number}"] = row(random, number, random.choice(("hub", "west")))


def remove_site(random: Random, fleet: Fleet) -> None:
    """Close a site, unless it is the last."""
    if len(fleet.table) > 1:
        del fleet.table[random.choice(list(fleet.table))]


def rename_site(random: Random, fleet: Fleet) -> None:
    """Give a site another name, at the same place of the table."""
    old = random.choice(list(fleet.table))
    new = f"shop-{fleet.number()}"
    fleet.table = {new if name == old else name: row for name, row in fleet.table.items()}


def sort_table(random: Random, fleet: Fleet) -> None:
    """Put the rows into another order."""
    names = random.sample(list(fleet.table), len(fleet.table))
    fleet.table = {name: fleet.table[name] for name in names}


def change_target(random: Random, fleet: Fleet) -> None:
    """Move a model to a version, which need not exist."""
    models = fleet.written["models"]["models"]
    models[random.choice(("detector", "counter"))]["target"] = random.choice(
        ("1", "2", "1", "2", "9")
    )


def change_environment_value(random: Random, fleet: Fleet) -> None:
    """Change a variable, a parameter, the image or the memory of a worker."""
    worker = any_job(random, fleet)["worker"]
    worker["env"]["LEVEL"] = random.choice(("info", "debug", "warn"))
    worker["params"]["every"] = random.randrange(9)
    worker["image"] = random.choice((IMAGE, IMAGE, "registry.example.com/ovms:2025.4"))
    worker["resources"]["memory"] = random.choice(("1Gi", "2Gi", "1Gi", "900Gi"))


def change_place(random: Random, fleet: Fleet) -> None:
    """Narrow or widen where a job runs; a ring that no site has is an error."""
    place = any_job(random, fleet)["place"]
    ring = random.choice(("", *RINGS))
    place.pop("where", None)
    if ring:
        place["where"] = {"ring": ring}


def add_job(random: Random, fleet: Fleet) -> None:
    """Add a job, whose port may be taken by another."""
    number = fleet.number()
    model = random.choice(("detector", "counter"))
    made = job(model, "info", 8200 + number % 50, random.choice(("", *RINGS)))
    made["worker"]["hostNetwork"] = random.random() < 0.2
    fleet.written["jobs"]["jobs"][f"extra-{number}"] = made


def change_cascade(random: Random, fleet: Fleet) -> None:
    """Add, change or remove a job that spans several sites beside jobs of one site."""
    jobs = fleet.written["jobs"]["jobs"]
    if jobs.pop("look-twice", None) is not None and random.random() < 0.5:
        return
    image = {"image": "registry.example.com/helmet:1", "implements": ["sedna-lib"]}
    where = random.choice(({"cluster": "west"}, {"cluster": "west", "ring": "prod"}))
    jobs["look-twice"] = {
        "kind": "joint-inference",
        "model": "pair",
        "hardExamples": {"algorithm": "IBT", "params": {"threshold_img": 0.9}},
        "workers": {
            "edge": {**image, "place": {"layer": "edge", "where": where}},
            "cloud": {**image, "place": {"site": "cloud"}},
        },
    }


def remove_job(random: Random, fleet: Fleet) -> None:
    """Remove a job, unless it is the last."""
    jobs = fleet.written["jobs"]["jobs"]
    serving = [name for name, job in jobs.items() if "worker" in job]
    if len(serving) > 1:
        del jobs[random.choice(serving)]


def expose_job(random: Random, fleet: Fleet) -> None:
    """Change how a job is reached, or mount something of the host."""
    found = any_job(random, fleet)
    found["expose"] = random.choice(("none", "cluster", "mesh"))
    found["worker"]["volumes"] = random.choice(
        ([], [{"path": "/srv", "host": "/srv/pos", "readOnly": True}])
    )


def change_overrides(random: Random, fleet: Fleet) -> None:
    """Add an override or drop the oldest."""
    if len(fleet.overrides) > 2 or (fleet.overrides and random.random() < 0.3):
        del fleet.overrides[0]
        return
    where = random.choice(
        ({"site": random.choice(list(fleet.table))}, {"ring": random.choice(RINGS)})
    )
    jobs = [name for name, job in fleet.written["jobs"]["jobs"].items() if "worker" in job]
    change: dict[str, Any] = random.choice(
        (
            {"models": {"detector": {"target": random.choice(("1", "2"))}}},
            {"jobs": {random.choice(jobs): {"worker": {"env": {"LEVEL": "trace"}}}}},
            {"jobs": {random.choice(jobs): None}},
        )
    )
    fleet.overrides.append({"where": where, "set": change, "reason": "OPS-1"})


def change_environments(random: Random, fleet: Fleet) -> None:
    """Have one environment, or two that divide the sites."""
    rest = fleet.written["rest"]
    if rest["environments"]:
        rest["environments"] = {}
        return
    level = random.choice(("debug", "info"))
    jobs = [name for name, job in fleet.written["jobs"]["jobs"].items() if "worker" in job]
    rest["environments"] = {
        "lab": {
            "namespace": "shop-lab",
            "where": [{"ring": "lab"}],
            "set": {"jobs": {jobs[0]: {"replicas": 1}}},
        },
        "prod": {"where": {"ring": {"not": "lab"}}, "set": {}},
    }
    rest["environments"]["prod"]["set"] = {
        "jobs": {random.choice(jobs): {"worker": {"env": {"LEVEL": level}}}}
    }


def change_cluster(random: Random, fleet: Fleet) -> None:
    """Change what is true of a whole cluster or profile."""
    declared = fleet.written["project"]["fleet"]
    declared["clusters"]["west"]["kubernetes"] = random.choice(("1.31", "1.32", "1.33"))
    declared["profiles"]["arm"]["memory"] = random.choice(("4Gi", "8Gi", "8Gi"))
    declared["registries"] = random.choice(
        ({}, {"registry.example.com": {"secret": "registry-login"}})
    )


def change_remark(random: Random, fleet: Fleet) -> None:
    """Write some lines of comment above a file."""
    name = random.choice(list(fleet.written))
    fleet.remarks[name] = "# A remark.\n" * random.randrange(4)


def break_spec(random: Random, fleet: Fleet) -> None:
    """Make the files unreadable, or repair them."""
    fleet.broken = "" if fleet.broken else random.choice(("}\n", "\t- x\n", "nonsense: 1\n"))


def nothing(random: Random, fleet: Fleet) -> None:
    """Change nothing at all."""
    del random, fleet


EDITS: Mapping[str, Edit] = {
    edit.__name__: edit
    for edit in (
        change_ring, change_language, change_hardware, change_hosts, move_site, add_site,
        remove_site, rename_site, sort_table, change_target, change_environment_value,
        change_place, add_job, change_cascade, remove_job, expose_job, change_overrides,
        change_environments, change_cluster, change_remark, break_spec, nothing,
    )
}  # fmt: skip
