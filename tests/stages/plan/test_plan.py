"""What planning refuses, at which line, and what it gives each site."""

from __future__ import annotations

import pytest

from compiler.kinds import KINDS, kind
from compiler.model.inputs import Artifact
from compiler.model.plan import Record, Service
from tests.stages.resolving import JOBS, SHOP, Front, at_mark, front, said


def refused(text: str, code: str, files: dict[str, str] | None = None) -> tuple[str, str, bool]:
    """Message and hint of the one finding with a code, and whether it stands at the mark."""
    plain, span = at_mark(text)
    found = said(front(plain, files=files).found, code)
    return found.message, found.hint, found.span == span


def services(found: Front) -> dict[str, Service]:
    return {n.member.place.site: n for n in found.nodes if isinstance(n, Service)}


def versions(found: Front) -> dict[str, str]:
    """The version of its model that each site gets."""
    made = {}
    for site, service in services(found).items():
        (binding,) = service.member.inputs
        assert isinstance(binding.input, Artifact)
        made[site] = binding.input.version
    return made


def changed(old: str, new: str) -> str:
    assert old in SHOP
    return SHOP.replace(old, new, 1)


WORKER = 'worker: {image: "r.example.com/ovms:1", server: ovms, env: {LEVEL: info}}'

REFUSALS = {
    "a worker that runs everywhere": (
        changed("    place: {layer: edge}\n", "§"),
        "E3008",
        "jobs.watch does not say where it runs",
        "add place: {layer: edge} or place: {site: NAME}",
    ),
    "a worker without an image": (
        changed('{image: "r.example.com/ovms:1", server: ovms', "§{server: ovms"),
        "E3003",
        "no image",
        "",
    ),
    "a device that the hardware lacks": (
        changed("env: {LEVEL: info}", "devices: [§/dev/video0]"),
        "E3004",
        "/dev/video0",
        "",
    ),
    "an accelerator that the hardware lacks": (
        changed("env: {LEVEL: info}", "accelerator: §{count: 1}"),
        "E3005",
        "needs 1 × an accelerator; profile box has none",
        "place the job on sites",
    ),
    "a variable that a site lacks": (
        changed("{LEVEL: info", "{LEVEL: §'{site.vars.level}'")
        .replace("{layer: edge}", "{site: west-1}"),
        "E3006",
        "vars.level is missing at site west-1",
        "add vars.level to every site",
    ),
    "a host where several are meant": (
        changed("{LEVEL: info", "{LEVEL: §'{host}'")
        .replace("hosts: {north-1-a: {}}", "hosts: {north-1-a: {}, north-1-b: {}}"),
        "E3007",
        "{host} has no one value among 2 hosts at site north-1",
        "use replicas: per-host",
    ),
    "one pod for each host of a site without hosts": (
        changed("hosts: {west-1-a: {}},", "").replace(JOBS, JOBS + "    replicas: §per-host\n"),
        "E2305",
        "replicas: per-host finds no host at site west-1",
        "list the hosts of every site",
    ),
    "bytes without a digest": (
        changed(f'uri: "main:d/2.onnx", sha256: {"b" * 64}', 'uri: §"main:d/2.onnx"'),
        "E3010",
        "detector:2 has no sha256, and there is no lock",
        "run `edgewright lock`",
    ),
    "a server that cannot load while it runs": (
        changed("server: ovms", "server: bentoml-1").replace(JOBS[-1:], "\n")
        .replace("framework: onnx", "framework: bentoml") + "    update: §hot\n",
        "E3011",
        "bentoml-1 cannot load a new model while it runs",
        "use update: rolling",
    ),
    "a server that does not load the framework": (
        changed("framework: onnx", "framework: sklearn").replace("server: ovms", "server: §ovms"),
        "E3012",
        "ovms does not load sklearn, the framework of detector:2",
        "choose another server",
    ),
    "a rollout without a lock": (
        SHOP + "    rollout: §{steps: [{percent: 100}]}\n",
        "E3016",
        "jobs.watch has a rollout, and there is no lock",
        "run `edgewright lock`",
    ),
    "a window without a time zone": (
        changed("hosts: {west-1-a: {}}", "hosts: {west-1-a: {}}, link: {window: '01:00-05:00'}"),
        "E2109",
        "a window has no time zone at site west-1",
        "add timezone: to the fleet",
    ),
}  # fmt: skip
WIDER = {"a worker that runs everywhere", "a window without a time zone"}
"""Said of the whole job or site, since what is missing has no place."""


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_run_is_refused_with_a_way_out(name: str) -> None:
    text, code, message, hint = REFUSALS[name]
    found_message, found_hint, at_its_line = refused(text, code)
    assert message in found_message
    assert found_hint.startswith(hint)
    if name not in WIDER:
        assert at_its_line


def test_each_fault_of_a_job_is_said_once_for_all_its_sites() -> None:
    found = front(REFUSALS["an accelerator that the hardware lacks"][0].replace("§", ""))
    assert [d.code.id for d in found.errors] == ["E3005"]


FIT = """  fit:
    §kind: train
    model: detector
    dataset: d
    place: {layer: edge}
    worker: {image: registry.example.com/fit:1}
datasets: {d: {format: csv, versions: {"1": {uri: "host:/d.csv"}}}}
"""
NOT_YET = sorted(name for name in KINDS if kind(name).plan is None)


def test_every_kind_of_the_language_compiles_or_says_that_it_does_not_yet() -> None:
    assert set(KINDS) - set(NOT_YET) >= {"serve", "joint-inference", "incremental-learning", "sync"}


def test_a_kind_that_does_not_compile_yet_is_an_error_at_its_word() -> None:
    text, span = at_mark(SHOP + FIT)
    found = said(front(text).found, "E3001")
    assert found.message.startswith("jobs.fit: train is not supported yet")
    assert found.span == span


def test_faults_of_several_jobs_are_found_in_one_run() -> None:
    text = SHOP.replace("server: ovms", "server: ovms, accelerator: {count: 1}")
    text += FIT.replace("§", "")
    assert {d.code.id for d in front(text).errors} == {"E3001", "E3005"}


def test_a_job_gives_each_of_its_sites_one_service_and_one_record() -> None:
    found = front(SHOP)
    assert not found.errors
    assert sorted(services(found)) == ["north-1", "west-1"]
    records = [n for n in found.nodes if isinstance(n, Record) and n.kind == "InferenceModel"]
    assert [record.place.site for record in records if record.place] == ["north-1", "west-1"]


def test_one_service_for_each_host_where_it_is_asked_for() -> None:
    text = SHOP.replace("hosts: {north-1-a: {}}", "hosts: {north-1-a: {}, north-1-b: {}}")
    found = front(text + "    replicas: per-host\n")
    assert not found.errors
    assert [(n.name, n.member.place.host) for n in found.nodes if isinstance(n, Service)] == [
        ("watch-north-1-north-1-a", "north-1-a"),
        ("watch-north-1-north-1-b", "north-1-b"),
        ("watch-west-1-west-1-a", "west-1-a"),
    ]


def test_placeholders_are_filled_for_each_site() -> None:
    text = SHOP.replace("LEVEL: info", "A: '{site}-{host}', B: '{project}/{environment}'")
    for site, service in services(front(text)).items():
        found = {v.name: v.value for v in service.member.worker.env}
        assert found == {"A": f"{site}-{site}-a", "B": "shop/default"}


ROLLOUT = SHOP + "    rollout: {steps: [{where: {region: north}, soak: 1h}, {percent: 100}]}\n"


def lock(step: int, to: str = "2", uri: str = "main:d/2.onnx", digest: str = "b" * 64) -> str:
    return (
        "lock: 1\n"
        f'default.artifacts.models/detector:2:\n  uri: "{uri}"\n  sha256: {digest}\n  size: 9\n'
        "  unpacked: 10\n  serveVersion: 7\n"
        f'default.rollouts.watch/detector: {{from: "1", to: "{to}", step: {step}}}\n'
    )


def test_a_rollout_gives_the_new_version_to_the_steps_that_it_reached() -> None:
    assert versions(front(ROLLOUT, lock=lock(0))) == {"north-1": "2", "west-1": "1"}
    assert versions(front(ROLLOUT, lock=lock(1))) == {"north-1": "2", "west-1": "2"}


def test_a_version_named_in_the_job_is_no_matter_of_the_rollout() -> None:
    text = ROLLOUT.replace("models: [detector]", "models: ['detector:1']")
    assert versions(front(text, lock=lock(1))) == {"north-1": "1", "west-1": "1"}


def test_the_locks_facts_win_over_the_specs() -> None:
    found = services(front(ROLLOUT, lock=lock(1)))["west-1"].member.inputs[0].input
    assert isinstance(found, Artifact)
    assert (found.size, found.unpacked, found.serve_version) == (9, 10, 7)


def test_without_a_lock_the_serve_version_is_the_place_among_the_versions() -> None:
    found = services(front(SHOP))["west-1"].member.inputs[0].input
    assert isinstance(found, Artifact)
    assert (found.size, found.serve_version) == (None, 2)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (lock(1, to="1"), "E7101", "the target of detector is 2, but the lock rolls out 1"),
        (lock(1, uri="main:d/old.onnx"), "E7101", "its uri is main:d/2.onnx, the lock has main:d/"),
        (lock(1, digest="c" * 64), "E7101", "its sha256 is bbbbbbbbbbbb…, the lock has cccccccc"),
        (
            lock(2),
            "E7104",
            "the lock is at step 2 of watch/detector; the last step of the job is 1",
        ),
    ],
)
def test_a_spec_that_moved_past_its_lock_is_refused(text: str, code: str, message: str) -> None:
    (found,) = {(d.code.id, d.message, d.hint) for d in front(ROLLOUT, lock=text).errors}
    assert found[0] == code
    assert message in found[1]
    assert "edgewright lock" in found[2]


def test_a_selection_needs_a_lock_and_then_gets_what_it_says() -> None:
    text = SHOP.replace('target: "2"', "select: {metric: map50}")
    assert said(front(text).found, "E3016").message == (
        "which version of detector is selected is not in the lock"
    )
    locked = 'lock: 1\ndefault.targets.detector: {version: "1", reason: best}\n'
    assert versions(front(text, lock=locked)) == {"north-1": "1", "west-1": "1"}


def test_variants_follow_the_hardware_and_a_tie_is_refused_at_the_variants() -> None:
    old = f"{'b' * 64}}}"
    build = f"{{uri: 'main:x', sha256: {'c' * 64}, needs: {{arch: amd64}}}}"
    head = f"{'b' * 64}, variants: §{{a: {build}"
    text, _ = at_mark(changed(old, f"{head}}}}}"))
    found = services(front(text))["west-1"].member.inputs[0].input
    assert isinstance(found, Artifact)
    assert found.variant == "a"
    two = changed(old, f"{head}, b: {build}}}}}")
    message, hint, at_its_line = refused(two, "E2501")
    assert message == "a and b of detector:2 fit profile box equally well"
    assert hint == "make the needs of one of them more specific"
    assert at_its_line


def test_a_version_of_variants_alone_needs_one_for_every_hardware() -> None:
    old = f'"2": {{uri: "main:d/2.onnx", sha256: {"b" * 64}}}'
    new = '"2": {variants: §{a: {uri: "main:a", sha256: ' + "c" * 64 + ", needs: {arch: arm64}}}}"
    message, _, at_its_line = refused(changed(old, new), "E2502")
    assert message == ("detector:2 has nothing for profile box: a: needs arm64, box is amd64")
    assert at_its_line


def test_a_record_says_what_the_nearest_level_says_of_a_build() -> None:
    text = changed("    framework: onnx\n", "    framework: onnx\n    license: AGPL-3.0-only\n")
    old = f"{'b' * 64}}}"
    text = text.replace(old, f"{old[:-1]}, license: MIT, classes: [helmet]}}", 1)
    facts = [n.facts for n in front(text).nodes if isinstance(n, Record) and n.place]
    assert {one["license"] for one in facts} == {"MIT"}
    assert [one["classes"] for one in facts] == [["helmet"], ["helmet"]]


def test_an_environment_may_have_stricter_licences() -> None:
    strict = (
        "environments: {lab: {}, prod: {where: {region: west}, set: {licenses: {allow: MIT}}}}\n"
    )
    text = (
        changed("    framework: onnx\n", "    framework: onnx\n    license: Apache-2.0\n") + strict
    )
    lab = strict.replace("lab: {}", "lab: {where: {region: north}}")
    text = text.replace(strict, lab)
    assert not front(text, environment="lab").errors
    found = said(front(text, environment="prod").found, "E7515")
    assert found.message == ("detector:2 is under Apache-2.0, which is not accepted at site west-1")
