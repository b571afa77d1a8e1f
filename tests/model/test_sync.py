"""Write units grouped into what an engine applies as one."""

from __future__ import annotations

import hashlib
from typing import get_args

import pytest

from compiler.model import definitions_dataset, definitions_inference, definitions_training
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.fleet import Gitops
from compiler.model.manifest import UnitRole
from compiler.model.sync import FAILED_PHASES, IN_PROGRESS_PHASES, SHARD_LIMIT, shards
from tests.backends.gitops import TARGET, cluster, context, group, unit

FLUX = Gitops("flux")
ARGOCD = Gitops("argocd")


def test_every_directory_is_applied_once_by_either_engine() -> None:
    for gitops in (FLUX, ARGOCD):
        paths = [path for made in group(gitops) for path in made.paths]
        assert sorted(paths) == sorted(set(paths))
        assert len(paths) == 7


def test_a_unit_depends_on_bootstrap_and_on_the_inputs_that_it_uses_and_on_nothing_else() -> None:
    waits = {made.name: made.depends_on for made in group(FLUX)}
    first = "stores-prod-west-bootstrap"
    assert waits == {
        "stores-prod-west-bootstrap": (),
        "stores-prod-west-base": (first,),
        "stores-prod-west-inputs-improve": (first,),
        "stores-prod-west-inputs-second-look": (first,),
        "stores-prod-west-job-second-look": (first, "stores-prod-west-inputs-second-look"),
        "stores-prod-west-site-store-001": (first, "stores-prod-west-inputs-improve"),
        "stores-prod-west-site-store-002": (first,),
    }


def test_no_unit_ever_depends_on_a_job_or_a_site() -> None:
    made = group(Gitops("flux", "shard", 3), sites=40)
    named = {one.name: one.role for one in made}
    assert {named[name] for one in made for name in one.depends_on} <= {
        UnitRole.BOOTSTRAP,
        UnitRole.INPUTS,
    }


def test_argocd_applies_a_jobs_inputs_with_the_job_and_a_sites_inputs_alone() -> None:
    paths = {made.name: made.paths for made in group(ARGOCD)}
    assert paths["stores-prod-west-job-second-look"] == (
        f"{TARGET}/inputs/second-look",
        f"{TARGET}/jobs/second-look",
    )
    assert paths["stores-prod-west-inputs-improve"] == (f"{TARGET}/inputs/improve",)
    assert "stores-prod-west-inputs-second-look" not in paths


def test_units_of_other_clusters_and_derived_directories_are_skipped() -> None:
    named = {made.paths[0] for made in context(FLUX).units}
    assert all(path.startswith(f"{TARGET}/") for path in named)
    assert not any("/root" in path or "/apps" in path for path in named)


def test_a_site_lies_in_the_shard_that_its_digest_names() -> None:
    sites = [f"store-{number}" for number in range(300)]
    found = shards(cluster(Gitops("flux", "shard", 7)), sites)
    for made, members in found.items():
        for site in members:
            assert int(hashlib.sha256(site.encode()).hexdigest(), 16) % 7 == int(made.name)
    assert sorted(site for members in found.values() for site in members) == sorted(sites)
    assert list(found) == sorted(found)


def test_a_new_site_moves_no_other() -> None:
    one = cluster(Gitops("flux", "shard", 5))
    before = shards(one, [f"store-{n}" for n in range(50)])
    after = shards(one, [f"store-{n}" for n in range(51)])
    assert {u: set(m) - {"store-50"} for u, m in after.items()} == {
        u: set(m) for u, m in before.items()
    }


def test_a_shard_depends_on_the_inputs_of_all_its_sites_and_includes_them() -> None:
    made = group(Gitops("flux", "shard", 1), sites=3)[-1]
    assert made.name == "stores-prod-west-shard-00"
    assert made.paths == (f"{TARGET}/shards/00",)
    assert made.includes == tuple(f"{TARGET}/sites/store-00{n}" for n in (1, 2, 3))
    assert made.depends_on[1:] == ("stores-prod-west-inputs-improve",)


def test_a_shard_of_more_than_a_hundred_sites_is_an_error_whose_hint_is_enough() -> None:
    diagnostics = Diagnostics()
    group(Gitops("flux", "shard", 2), 350, diagnostics)
    found = diagnostics.in_order()
    assert {d.code for d in found} == {codes.SHARD_TOO_LARGE}
    assert len(found) == 2
    enough = int(found[0].hint.split("shards: ")[1].split()[0])
    assert enough > 3
    again = shards(
        cluster(Gitops("flux", "shard", enough)), [f"store-{n:03}" for n in range(1, 351)]
    )
    assert max(map(len, again.values())) <= SHARD_LIMIT
    assert found[0].span is not None


def test_the_phases_are_those_of_our_records() -> None:
    phases = {
        phase
        for module in (definitions_dataset, definitions_inference, definitions_training)
        for phase in get_args(module.Phase)
    }
    assert {*IN_PROGRESS_PHASES, *FAILED_PHASES} < phases
    assert not {*IN_PROGRESS_PHASES} & {*FAILED_PHASES}


@pytest.mark.parametrize("role", list(UnitRole))
def test_a_cluster_of_one_site_has_the_site_in_every_name(role: UnitRole) -> None:
    own = cluster(FLUX, each_site=True, site="store-9", target=f"{TARGET}/store-9")
    made = context(FLUX, each_site=True, site="store-9")
    assert made.name == "stores-prod-west-store-9"
    assert unit(role, target=own.target).path.startswith(f"{TARGET}/store-9")


def test_a_site_named_like_a_folder_stays_apart() -> None:
    assert len({made.name for made in group(FLUX)}) == len(group(FLUX))
