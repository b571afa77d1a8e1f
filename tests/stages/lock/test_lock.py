"""The stage alone: from an old lock, a spec and answers to the new lock."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from compiler.model.diagnostics import Diagnostics
from compiler.model.lock import Lock, LockedArtifact, LockedImage, LockedRollout
from compiler.model.resolved import Resolved
from compiler.stages.lock.lock import Choices, asked, named, relock
from compiler.stages.lock.nouns import Answers, Measured, changes
from compiler.stages.lock.rollouts import moved
from tests.stages.resolving import FLEET, HEAD, JOBS, MODELS, STORES, resolved

ARM = FLEET.replace(
    "profiles:\n", "profiles:\n    arm: {arch: arm64, cpu: 4, memory: 8Gi, disk: 9Gi}\n"
).replace(
    "{cluster: hub, layer: edge, profile: box,\n       hosts: {west-1-a",
    "{cluster: hub, layer: edge, profile: arm,\n       hosts: {west-1-a",
)
IMAGE = "r.example.com/ovms:1"
DIGEST = f"sha256:{'d' * 64}"


def one_of(text: str) -> Resolved:
    return resolved(text, Diagnostics())


def test_every_version_and_the_images_with_their_platforms_are_asked_about() -> None:
    found = asked(one_of(HEAD + STORES + ARM + MODELS + JOBS), Diagnostics())
    assert list(found.artifacts) == ["models/detector:1", "models/detector:2"]
    assert {name: dict(one.platforms) for name, one in found.images.items()} == {
        IMAGE: {"linux/amd64": ("north-1",), "linux/arm64": ("west-1",)},
        "r.example.com/s:1": {"linux/amd64": ("north-1",), "linux/arm64": ("west-1",)},
    }


def test_an_image_that_lacks_a_platform_names_the_sites() -> None:
    one = asked(one_of(HEAD + STORES + ARM + MODELS + JOBS), Diagnostics())
    diagnostics = Diagnostics()
    image = LockedImage(digest=DIGEST, platforms=("linux/amd64",))
    new = relock(Lock(), [one], Answers(images={("default", IMAGE): image}), Choices(), diagnostics)
    (found,) = diagnostics.in_order()
    assert found.code.id == "E7108"
    assert (
        found.message
        == f"{IMAGE} has no linux/arm64, only linux/amd64; it is needed at site west-1"
    )
    assert new.image("default", IMAGE) is None


def test_a_platform_with_a_variant_is_that_platform() -> None:
    one = asked(one_of(HEAD + STORES + ARM + MODELS + JOBS), Diagnostics())
    diagnostics = Diagnostics()
    image = LockedImage(digest=DIGEST, platforms=("linux/amd64", "linux/arm64/v8"))
    new = relock(Lock(), [one], Answers(images={("default", IMAGE): image}), Choices(), diagnostics)
    assert (new.image("default", IMAGE), diagnostics.in_order()) == (image, ())


def answers(*digests: str) -> Answers:
    found = {
        ("default", f"models/detector:{number}"): Measured(digest * 64, 1)
        for number, digest in enumerate(digests, 1)
    }
    return Answers(artifacts=found)


def spec(*versions: str) -> str:
    listed = "".join(f'      "{v}": {{uri: "main:d/{v}.onnx"}}\n' for v in versions)
    return (
        HEAD
        + STORES
        + FLEET
        + f"models:\n  detector:\n    framework: onnx\n    versions:\n{listed}"
        f'    target: "{versions[0]}"\n' + JOBS
    )


def numbers(lock: Lock) -> dict[str, int | None]:
    return {
        name.rpartition(":")[2]: entry.serve_version
        for name, entry in lock.of("default", "artifacts").items()
        if isinstance(entry, LockedArtifact)
    }


def test_numbers_rise_in_the_order_of_the_spec_and_are_never_used_again() -> None:
    def again(old: Lock, text: str, known: Answers) -> Lock:
        diagnostics = Diagnostics()
        made = relock(old, [asked(one_of(text), diagnostics)], known, Choices(), diagnostics)
        assert not diagnostics.has_errors, diagnostics.in_order()
        return made

    first = again(Lock(), spec("1", "2"), answers("a", "b"))
    assert numbers(first) == {"1": 1, "2": 2}
    # The version with the highest number stays in the file after it has left the spec.
    gone = again(first, spec("1"), answers("a"))
    assert numbers(gone) == {"1": 1, "2": 2}
    third = again(gone, spec("1", "3"), replace(answers("a"), artifacts={
        ("default", "models/detector:1"): Measured("a" * 64, 1),
        ("default", "models/detector:3"): Measured("c" * 64, 1),
    }))  # fmt: skip
    assert numbers(third) == {"1": 1, "3": 3}
    # The same bytes under another name are the same to a server.
    fourth = again(third, spec("1", "3", "4"), replace(answers("a"), artifacts={
        ("default", "models/detector:4"): Measured("a" * 64, 1),
    }))  # fmt: skip
    assert numbers(fourth) == {"1": 1, "3": 3, "4": 1}


def test_a_number_that_two_branches_took_is_mended_for_the_later_version() -> None:
    entries = {
        ("default", "artifacts", f"models/detector:{version}"): LockedArtifact.model_validate(
            {"uri": f"main:d/{version}.onnx", "sha256": digest * 64, "serveVersion": number}
        )
        for version, digest, number in (("1", "a", 1), ("2", "b", 2), ("3", "c", 2))
    }
    one = asked(one_of(spec("1", "2", "3")), Diagnostics())
    mended = relock(Lock(entries), [one], Answers(), Choices(repair=True), Diagnostics())
    assert numbers(mended) == {"1": 1, "2": 2, "3": 3}
    assert [change.key for change in changes(Lock(entries), mended)] == [
        "default.artifacts.models/detector:3"
    ]


def state(from_: str, to: str, step: int) -> LockedRollout:
    return LockedRollout.model_validate({"from": from_, "to": to, "step": step})


def test_where_a_rollout_stands_when_its_target_moves() -> None:
    last = 2
    assert moved(None, "1", last) == state("1", "1", 2)
    assert moved(state("1", "1", 2), "2", last) == state("1", "2", 0)
    assert moved(state("1", "2", 1), "2", last) == state("1", "2", 1)
    # Half of the fleet never got 2: it is 1 that the others keep.
    assert moved(state("1", "2", 1), "3", last) == state("1", "3", 0)
    assert moved(state("1", "2", 2), "3", last) == state("2", "3", 0)
    assert moved(state("1", "2", 1), "1", last) == state("1", "1", 2)
    # The job has fewer steps now.
    assert moved(state("1", "2", 4), "2", last) == state("1", "2", 0)
    assert moved(state("2", "2", 4), "2", last) == state("2", "2", 2)


@given(
    st.one_of(st.none(), st.builds(state, *[st.sampled_from("123")] * 2, st.integers(0, 5))),
    st.sampled_from("123"),
    st.integers(0, 4),
)
def test_locking_again_moves_no_rollout(
    before: LockedRollout | None, target: str, last: int
) -> None:
    once = moved(before, target, last)
    assert moved(once, target, last) == once
    assert (once.to, once.step <= last) == (target, True)


def test_entries_are_named_whole_or_by_what_the_spec_calls_them() -> None:
    whole = "models/detector:1.4.0/int8"
    for word in (whole, "detector:1.4.0/int8", "detector:1.4.0", "detector"):
        assert named(whole, {word})
    assert not named(whole, {"detect", "1.4.0", "int8"})
    assert named("r.example.com/ovms:1", {"r.example.com/ovms:1"})
