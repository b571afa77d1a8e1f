"""What a site needs, over every golden fleet: artifacts of its configs, images, directories."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compiler import pipeline
from compiler.commands.status_wanted import compiled
from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.manifest import UnitRole
from compiler.workflows import bundling
from compiler.workflows.bundling import Needs
from tests.golden import cases

IMAGE = re.compile(r'^\s+(?:- )?image: "?([^"\n]+)"?$', re.MULTILINE)


def sites(case: str) -> list[str]:
    with cases.inside(cases.TREES / case):
        return sorted(compiled(request(), (), Diagnostics()).sites)


def request() -> pipeline.Request:
    own = Path("templates")
    return pipeline.Request(root=Path("spec"), templates=own if own.is_dir() else None)


def needs(case: str, site: str, *, images: bool = False) -> Needs:
    with cases.inside(cases.TREES / case):
        found = compiled(request(), (site,), Diagnostics())
        diagnostics = Diagnostics()
        return bundling.needs(
            found.tree, found.fronts, site, images=images, diagnostics=diagnostics
        )


@pytest.mark.parametrize("case", cases.names(cases.TREES))
def test_every_config_of_a_site_finds_its_artifacts(case: str) -> None:
    for site in sites(case)[:2]:
        found = needs(case, site)
        wanted = {one["sha256"] for config in found.configs.values() for one in config["artifacts"]}
        assert {one.sha256 for one in found.artifacts} == wanted
        texts = b"".join(data for one in found.directories for data in one.files.values()).decode()
        assert len(found.configs) == len(re.findall(r'^ +"tenant": ', texts, re.M))


@pytest.mark.parametrize("case", ["locked", "rollout", "processing", "sync"])
def test_every_image_of_a_sites_pods_is_among_its_images(case: str) -> None:
    site = sites(case)[0]
    found = needs(case, site, images=True)
    texts = "".join(one.text for d in found.directories for one in d.objects)
    assert {one.reference for one in found.pictures} == set(IMAGE.findall(texts))


def test_a_cluster_of_its_own_gets_all_of_its_directories() -> None:
    paths = [one.unit.path for one in needs("each-site", "kiosk-1").directories]
    target = "kiosks/default/shop/kiosk-1"
    assert paths == [f"{target}/bootstrap", f"{target}/base", f"{target}/sites/kiosk-1"]


def test_of_a_shared_cluster_it_gets_its_own_directory_and_those_of_jobs_that_span_it() -> None:
    found = needs("joint-inference", "north")
    roles = {(one.unit.role, one.unit.name) for one in found.directories}
    assert roles == {
        (UnitRole.BOOTSTRAP, ""), (UnitRole.INPUTS, "look"), (UnitRole.JOBS, "look"),
        (UnitRole.SITES, "north"),
    }  # fmt: skip


def test_each_host_brings_its_config() -> None:
    assert list(needs("per-host", "airport").configs) == [
        "count-airport-gate-a-sidecar", "count-airport-gate-b-sidecar",
    ]  # fmt: skip


def test_the_hosts_that_would_be_asked_are_known_beforehand() -> None:
    found = needs("locked", "shop-1", images=True).hosts
    assert {host: span and span.line for host, span in found.items()} == {
        "s3.example.com": 31, "registry.example.com": 45,
    }  # fmt: skip


def test_an_image_that_is_named_by_tag_alone_is_told_at_its_line() -> None:
    with pytest.raises(CompileError) as raised:
        needs("serve-hot", "shop-1", images=True)
    texts = [str(one.span) for one in raised.value.diagnostics if one.code.id == "E7102"]
    assert len(texts) == 2
    assert all(text.startswith("spec/") for text in texts)
