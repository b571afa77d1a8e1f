"""Hand-made faults: each diagnostic of the spec's values, at its place, in its words."""

from __future__ import annotations

import pytest

from compiler.kinds import REGISTRY
from compiler.model.codes import spec as codes
from compiler.model.diagnostics import Code, Diagnostics
from compiler.model.spec.base import SpecModel
from compiler.stages.validate.validate import validate, validate_fragment
from tests.spec_cases import EVERY_KEY, VOCABULARIES, faults, faults_at_mark, judged, read

WORKER = "jobs:\n  watch:\n    kind: serve\n    models: [m]\n    worker: "
FLEET = "fleet:\n  sites:\n    a: {cluster: hub, layer: edge, profile: nuc, "

CASES: tuple[tuple[str, str, str, str], ...] = (
    # what stands below the head, with § at the place; code; part of the message and of the hint
    ("stores: §[a]", "E1101", "stores is a list; it takes a mapping of name", ""),
    ("stores: {a: {url: §5}}", "E1107", 'URL 5 is read as the number 5; write "5"', ""),
    ("jobs: {a: §hello}", "E1101", "a job is a mapping", ""),
    (WORKER + "{name: §[x]}", "E1101", "name is a list; it takes a name", ""),
    (WORKER + '{ports: [§"80"]}', "E1101", "it takes a whole number", "Remove the quotes"),
    (WORKER + "{args: §5}", "E1101", "it takes a list", "square brackets"),
    (FLEET + "hosts: {h: {address: §true}}}", "E1101", "truth value", "in quotes"),
    ("jobs: {a: {kind: §trian}}", "E1102", "trian is no kind of job", "Did you mean train?"),
    (WORKER + "{server: §tritn}", "E1102", "no model server", "Did you mean triton?"),
    (WORKER + "{}\n    expose: §mehs", "E1102", "expose is none, cluster, mesh", "mesh?"),
    (WORKER + "{}\n    update: §warm", "E1102", "hot, rolling or {hot: {poll", ""),
    ("datasets: {d: {format: §cocoo, local: {path: /d}}}", "E1102", "cocoo", "mean coco?"),
    (
        "fleet:\n  sites:\n    a: {cluster: hub, layer: §egde, profile: nuc, }",
        "E1102",
        '"egde" is not allowed',
        "edge?",
    ),
    ("jobs: {p: {kind: pipeline, steps: {s: {kind: §serve}}}}", "E1102", "serve job", ""),
    ("code: {§A_b: {uri: 'm:x'}}", "E1103", '"A_b" is no name; it is lower', "mean a-b?"),
    ("code: {a: {uri: §x}}", "E1103", "x is no uri", "main:shelf"),
    ("code: {a: {uri: 'm:x', sha256: §ABC}}", "E1103", "64 lower-case hex", ""),
    (WORKER + "{resources: {cpu: §2 cores}}", "E1103", "is no quantity", "700Mi"),
    (WORKER + "{image: §'https://r.io/x:1'}", "E1103", "no scheme", "Write r.io/x:1."),
    (WORKER + "{image: §'Upper:1'}", "E1103", "is no image", "registry.example.com"),
    (FLEET + "link: {rate: §fast}}", "E1103", "is no link rate", "20Mbit/s"),
    ("stores: {a: {url: §'s3:/b'}}", "E1103", "is no URL", ""),
    ("stores: {a: {url: 's3://b', read: {secret: §My_Reader}}}", "E1103", "", "my-reader?"),
    (
        "jobs: {a: {kind: pipeline, schedule: §'99 * * * *', steps: {s: {}}}}",
        "E1103",
        "0 to 59",
        "",
    ),
    ("jobs: {a: {kind: pipeline, schedule: §'* *', steps: {s: {}}}}", "E1103", "five cron", ""),
    (WORKER + "{}\n    rollout: {steps: [{percent: 1}], ready: §95}", "E1103", "", "95%?"),
    (WORKER + "{ports: [8080, §99999]}", "E1104", "ports[1] is 99999; it must be at most", ""),
    (FLEET + "link: {window: §'24:00-05:00'}}", "E1104", "24:00 is no time", "00:00"),
    (WORKER + "{}\n    rollout: {steps: [{percent: 1}], ready: §200%}", "E1104", "200%", ""),
    (WORKER + "{}\n    rollout: {steps: §[]}", "E1105", "steps is empty", ""),
    ("stores: {a: {url: §''}}", "E1105", "url is empty", ""),
    (
        FLEET + "labels: {x: §aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}",
        "E1105",
        "64 characters long; at most 63",
        "",
    ),
    ('models: {m: {license: §"a\\u0007"}}', "E1106", "U+0007", ""),
    (WORKER + '{params: {a: §"\\0"}}', "E1106", "U+0000", ""),
    (
        "models: {m: {target: §1.10}}",
        "E1107",
        'version 1.10 is read as the number 1.1; write "1.10"',
        "",
    ),
    (
        "models: {m: {target: §012}}",
        "E1107",
        'version 012 is read as the number 12; write "012"',
        "",
    ),
    (FLEET + "labels: {floor: §3}}", "E1107", "label value 3 is read as the number 3", ""),
    (WORKER + "{hostNetwork: §yes}", "E1108", 'the text "yes"', "Did you mean true?"),
    (WORKER + "{hostNetwork: §'False'}", "E1108", "", "Did you mean false?"),
    (FLEET + "§timezone: }", "E1109", "timezone has no value", "remove the key"),
    ("environments: {§prod: }", "E1109", "prod has no value", "Write {}"),
    (WORKER + "{env: {§A: }}", "E1109", "A has no value", ""),
    (WORKER + "{§imgae: x}", "E1201", "imgae is not a key of jobs.watch.worker", "image?"),
    (WORKER + "{}\n    §image: x", "E1201", "image is not a key of jobs.watch", "below worker"),
    ("jobs: {a: {kind: sync, models: [m], §rollout: {}}}", "E1201", "", "of serve jobs"),
    ("§mdels: {}", "E1201", "mdels is not a key of the spec", "Did you mean models?"),
    (WORKER + "{env: {A: b}, §evn: {}}", "E1201", "evn is not a key", "Did you mean env?"),
    (WORKER + "{args: [b], §arguments: []}", "E1201", "arguments is", "Did you mean args?"),
    ("jobs: {§a: {kind: serve, worker: {}}}", "E1202", "jobs.a needs the key models", ""),
    ("jobs:\n  §a:\n    worker: {}", "E1202", "jobs.a needs the key kind", "kind: serve"),
    (
        "jobs: {§a: {kind: train, worker: {}, model: m}}",
        "E1202",
        "jobs.a needs the key dataset",
        "",
    ),
    ("models: {m: {§fraemworkType: onnx}}", "E1203", "is written framework", "Write framework."),
    ("code: {c: {§url: 'm:x'}}", "E1203", "url in code.c is written uri", "Write uri."),
    (WORKER + "{}\n    replicas: §many", "E1301", "a number, per-host, or {min", ""),
    (WORKER + "{resources: §{cpu: 1, limits: {}}}", "E1301", "mixes its two shapes", "Move cpu"),
    (WORKER + "{ports: §80}", "E1301", "ports is a list of numbers, or", ""),
    (WORKER + "{env: {A: §[1]}}", "E1301", "{secret: NAME, key: KEY}", ""),
    (WORKER + "{}\n    place: {where: {a: §{nott: b}}}", "E1301", "{not: value}", ""),
    (WORKER + "{}\n    place: {where: §[]}", "E1301", "where is a mapping", "region"),
    ("models: {§m: {target: a, select: {metric: x}}}", "E1302", "target or select", ""),
    ("models: {m: {gates: [§{metric: x, atLeast: 1, atMost: 2}]}}", "E1302", "2 bounds", ""),
    (WORKER + "{volumes: [§{path: /a, host: /b, claim: 1Gi}]}", "E1302", "exactly one", ""),
    ("models: {m: {gates: [§{metric: x}]}}", "E1303", "has no bound", ""),
    ("models: {m: {versions: {§'1': {}}}}", "E1303", "needs a uri, or both parts", ""),
    ("jobs: {§a: {kind: sync}}", "E1303", "needs models, datasets or code", ""),
    (
        "jobs: {a: {kind: train, model: m, dataset: d, worker: {}, §inputs: {x: a.b}}}",
        "E1304",
        "jobs.a is a job of its own",
        "pipeline",
    ),
    (
        "datasets: {d: {format: txt, local: {path: /d}, §splits: {parts: {a: 0.7, b: 0.7}}}}",
        "E1305",
        "add up to 1.4",
        "",
    ),
    (WORKER + "{}\n    §replicas: {min: 3, max: 1}", "E1305", "min 3 is above max 1", ""),
    (FLEET + "link: {window: §'01:00-01:00'}}", "E1305", "same time", ""),
    ("stores: {a: {url: §'s3://{site}'}}", "E1401", "{site} is not allowed here", ""),
    ("stores: {a: {url: 's3://b', read: {secret: §'s3-{site}'}}}", "E1401", "{site}", ""),
    ("fleet: {registries: {r.example.com: {secret: §'pull-{site}'}}}", "E1401", "{site}", ""),
    ("schemas: [§'{site}.yaml']", "E1401", "{site}", ""),
    (
        "fleet: {clusters: {c: {gitops: {engine: flux}, kubernetes: '1.32', "
        "repo: {url: 'https://g.io', branch: §'x/{site}'}}}}",
        "E1401",
        "allowed: {project}, {environment}",
        "",
    ),
    (WORKER + '{env: {A: §"{nope}"}}', "E1402", "{nope} is not a placeholder", "{site.vars.nope}"),
    (WORKER + '{args: [§"{sitte}"]}', "E1402", "{sitte}", "Did you mean {site}?"),
    (WORKER + '{env: {A: §"{{ site }}"}}', "E1403", "template syntax", "Did you mean {site}?"),
    (WORKER + '{env: {A: §"${HOME}"}}', "E1403", "template syntax", ""),
    (WORKER + '{image: §"r.io/x:{{ tag }}"}', "E1403", "", ""),
    ("models: {m: {task: §'{% if x %}'}}", "E1403", "", ""),
    (WORKER + "{volumes: [{path: §data, host: /b}]}", "E1404", "data is not an absolute", "/data?"),
    (WORKER + "{files: {§a.yaml: {from: b}}}", "E1404", "a.yaml is not an absolute path", ""),
    (WORKER + "{files: {/a: {from: §../b}}}", "E1405", "has a .. part", ""),
    (WORKER + "{files: {/a: {from: §/etc/x}}}", "E1405", "must be a relative path", ""),
    ("code: {a: {uri: §'m:a/../../b'}}", "E1405", ".. part", ""),
    ("code: {a: {uri: §../b}}", "E1405", "without a store", ""),
    ("code: {a: {uri: §'m:/b'}}", "E1405", "begins with a slash", "Write m:b"),
)


@pytest.mark.parametrize(("text", "code", "message", "hint"), CASES)
def test_a_fault_is_reported_with_code_place_words_and_hint(
    text: str, code: str, message: str, hint: str
) -> None:
    found, place = faults_at_mark(text)
    assert [(d.code.id, d.span) for d in found] == [(code, place)]
    assert message in found[0].message
    assert hint in found[0].hint


def test_every_code_of_this_family_has_a_case() -> None:
    declared = {code.id for code in vars(codes).values() if isinstance(code, Code)}
    told_elsewhere = {"E1501", "E1502", "E1503"}  # test_validate_secrets.py
    assert {case[1] for case in CASES} | told_elsewhere == declared


def test_the_example_spec_is_right() -> None:
    spec, found = judged(read(EVERY_KEY.read_text()))
    assert found == ()
    assert spec is not None


def test_all_faults_are_reported_in_one_run_and_once() -> None:
    found = faults(
        "mdels: {}\ncode: {A: {uri: x}, b: {}}\njobs: {a: {kind: nope}, b: {kind: train}}"
    )
    assert [d.code.id for d in found] == [
        "E1201",
        "E1103",
        "E1103",
        "E1202",
        "E1102",
        *["E1202"] * 3,
    ]
    assert len(set(found)) == len(found)


def test_data_that_is_no_mapping_at_all_is_an_error_and_no_traceback() -> None:
    for text in ("[]", "5", "hello", "[[[]]]"):
        diagnostics = Diagnostics()
        assert validate(read(text), REGISTRY, diagnostics) is None
        assert [d.code.id for d in diagnostics.in_order()] == ["E1101"]


def test_an_unknown_vocabulary_accepts_any_name() -> None:
    data = read("edgewright: v1\nproject: {name: a}\nfleet: {}\n" + WORKER + "{server: own}")
    diagnostics = Diagnostics()
    assert validate(data, REGISTRY, diagnostics) is not None


def _fragment(section: str, name: str, text: str) -> tuple[SpecModel | None, Diagnostics]:
    diagnostics = Diagnostics()
    data = read(text)
    made = validate_fragment(section, name, data, REGISTRY, diagnostics, vocabularies=VOCABULARIES)
    return made, diagnostics


def test_a_fragment_is_validated_like_its_entry() -> None:
    job, found = _fragment("jobs", "watch", "{kind: serve, models: [m], worker: {}}")
    assert not found.in_order()
    assert type(job).__name__ == "ServeSpec"
    model, _ = _fragment("models", "m", "{target: '1'}")
    assert type(model).__name__ == "ModelSpec"
    site, _ = _fragment("fleet.sites", "a", "{cluster: c, layer: edge, profile: p}")
    assert type(site).__name__ == "SiteSpec"
    project, _ = _fragment("project", "", "{name: p}")
    assert type(project).__name__ == "ProjectSpec"


def test_a_fragment_names_its_whole_path() -> None:
    made, found = _fragment("jobs", "watch", "{kind: serve, worker: {imgae: x}, inputs: {}}")
    assert made is None
    messages = [d.message for d in found.in_order()]
    assert any("jobs.watch.worker" in message for message in messages)
    assert any("jobs.watch needs the key models" in message for message in messages)


def test_a_fragment_of_no_section_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        _fragment("nowhere", "x", "{}")
