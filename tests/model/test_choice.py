"""Versions by rollout, variants by hardware; what one site gets depends on no other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.choice import (
    NoVariantError,
    TieError,
    choose_variant,
    choose_version,
    misfit,
    percentile,
    reached,
    specificity,
)
from compiler.model.fleet import Profile, Site
from compiler.model.lock import LockedRollout
from compiler.model.spec.artifacts import VersionSpec
from compiler.model.spec.job import RolloutStepSpec
from compiler.model.worker import Accelerator

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)
RINGS = ("lab", "canary", "prod")
ORIN = Accelerator("nvidia-orin", 1, "nvidia.com/gpu", "")
NUC = Profile(name="nuc", arch="amd64", cpu="4", memory="8Gi")
ARM = Profile(name="arm", arch="arm64", cpu="4", memory="8Gi")
JETSON = Profile(name="jetson", arch="arm64", cpu="6", memory="8Gi", accelerator=ORIN)


def site(name: str, profile: Profile = NUC, ring: str = "prod") -> Site:
    return Site(
        name=name, cluster="hub", layer="edge", profile=profile, facts={"site": name, "ring": ring}
    )


def step(**entry: Any) -> RolloutStepSpec:
    return RolloutStepSpec.model_validate(entry)


def version(**variants: dict[str, Any]) -> VersionSpec:
    return VersionSpec.model_validate({"uri": "main:d.onnx", "variants": variants})


def rollout(at: int) -> LockedRollout:
    return LockedRollout.model_validate({"from": "1", "to": "2", "step": at})


LAB = step(where={"ring": "lab"})
STEPS = (LAB, step(percent=25), step(percent=60), step(percent=100))


def chosen(steps: tuple[RolloutStepSpec, ...], at: int, job: str, where: Site) -> str:
    found, _ = choose_version(
        "2", fixed=False, rollout=rollout(at), steps=steps, job=job, site=where
    )
    return found


def test_without_a_rollout_every_site_gets_the_target() -> None:
    found = choose_version("2", fixed=False, rollout=None, steps=STEPS, job="j", site=site("a"))
    assert found == ("2", "target")


def test_a_version_named_for_a_site_is_untouched_by_a_rollout() -> None:
    found = choose_version(
        "9", fixed=True, rollout=rollout(3), steps=STEPS, job="j", site=site("a")
    )
    assert found == ("9", "named for this site")


def test_a_reached_site_gets_the_new_version_and_another_keeps_the_old_one() -> None:
    lab, shop = site("lab-1", ring="lab"), site("shop-1")
    both = [
        choose_version("2", fixed=False, rollout=rollout(0), steps=STEPS, job="j", site=s)
        for s in (lab, shop)
    ]
    assert both == [
        ("2", "rollout reached it at step 0 of 3"),
        ("1", "rollout to 2 is at step 0 of 3, step 3 takes it"),
    ]


@given(NAMES, st.lists(NAMES, unique=True, max_size=12), NAMES, st.integers(0, 3))
def test_a_new_site_moves_no_other(job: str, names: list[str], new: str, at: int) -> None:
    before = {name: chosen(STEPS, at, job, site(name)) for name in names if name != new}
    after = {name: chosen(STEPS, at, job, site(name)) for name in sorted({*names, new})}
    assert {name: after[name] for name in before} == before


@given(
    NAMES,
    NAMES,
    st.sampled_from(RINGS),
    st.lists(
        st.one_of(
            st.sampled_from(RINGS).map(lambda ring: {"where": {"ring": ring}}),
            st.integers(1, 100).map(lambda percent: {"percent": percent}),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_a_step_includes_every_site_of_the_steps_before_it(
    job: str, name: str, ring: str, entries: list[dict[str, Any]]
) -> None:
    steps = [step(**entry) for entry in entries]
    where = site(name, ring=ring)
    taken = [reached(steps, at, job, where) for at in range(len(steps))]
    assert taken == sorted(taken)


@given(NAMES, NAMES)
def test_the_last_step_of_a_hundred_percent_takes_every_site(job: str, name: str) -> None:
    assert reached(STEPS, 3, job, site(name))
    assert 0 <= percentile(job, name) < 100


def test_a_percent_takes_about_its_share_and_another_share_for_another_job() -> None:
    names = [f"store-{number}" for number in range(2000)]
    first = {name for name in names if percentile("watch", name) < 25}
    second = {name for name in names if percentile("count", name) < 25}
    assert 440 < len(first) < 560
    assert first != second


def test_the_place_of_a_site_in_a_rollout_never_changes() -> None:
    # A release that moved it would roll versions back and forth over a whole fleet.
    found = {name: round(percentile("watch", name), 3) for name in ("store-1", "store-2", "a")}
    assert found == {"store-1": 55.445, "store-2": 68.709, "a": 15.34}


@pytest.mark.parametrize(
    ("profile", "expected"), [(NUC, ""), (ARM, "int8"), (JETSON, "orin")], ids=lambda p: str(p)[:16]
)
def test_the_most_specific_variant_that_the_hardware_meets_wins(
    profile: Profile, expected: str
) -> None:
    made = version(
        int8={"uri": "main:i", "needs": {"arch": "arm64"}},
        orin={"uri": "main:o", "needs": {"accelerator": {"name": "nvidia-orin"}}},
    )
    assert choose_variant(made, site("s", profile)) == expected


def test_an_accelerator_counts_more_than_an_arch_and_an_arch_more_than_memory() -> None:
    made = version(
        a={"uri": "main:a", "needs": {"memory": "1Gi"}},
        b={"uri": "main:b", "needs": {"arch": "arm64"}},
        c={"uri": "main:c", "needs": {"arch": "arm64", "memory": "1Gi"}},
        d={"uri": "main:d", "needs": {"accelerator": {"name": "nvidia-orin"}}},
    )
    order = sorted(made.variants, key=lambda name: specificity(made.variants[name]))
    assert order == ["a", "b", "c", "d"]
    assert choose_variant(made, site("s", JETSON)) == "d"
    assert choose_variant(made, site("s", ARM)) == "c"


def test_two_variants_that_fit_equally_well_are_a_tie_whatever_their_order() -> None:
    needs = {"needs": {"arch": "arm64"}}
    for names in ("ab", "ba"):
        made = version(**{name: {"uri": f"main:{name}", **needs} for name in names})
        with pytest.raises(TieError) as tie:
            choose_variant(made, site("s", ARM))
        assert tie.value.names == ("a", "b")
        assert choose_variant(made, site("s", NUC)) == ""


def test_a_version_without_bytes_needs_a_variant_that_fits() -> None:
    made = VersionSpec.model_validate(
        {"variants": {"orin": {"uri": "main:o", "needs": {"accelerator": {"name": "nvidia-orin"}}}}}
    )
    assert choose_variant(made, site("s", JETSON)) == "orin"
    with pytest.raises(NoVariantError) as none:
        choose_variant(made, site("s", NUC))
    assert none.value.reasons == {"orin": "needs nvidia-orin, nuc has no accelerator"}


def test_what_does_not_fit_is_said_with_what_the_hardware_has() -> None:
    def why(profile: Profile, **needs: Any) -> str:
        made = version(v={"uri": "main:v", "needs": needs})
        return misfit(made.variants["v"].needs, site("s", profile))

    assert why(NUC, arch=["arm64", "arm"]) == "needs arm64 or arm, nuc is amd64"
    assert why(JETSON, accelerator={"name": "hailo-8"}) == "needs hailo-8, jetson has nvidia-orin"
    assert (
        why(JETSON, accelerator={"name": "nvidia-orin", "count": 2})
        == "needs 2 × nvidia-orin, jetson has 1"
    )
    assert why(JETSON, accelerator={"name": "nvidia-orin"}, arch="arm64") == ""
    assert misfit(None, site("s")) == ""
