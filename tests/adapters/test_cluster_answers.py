"""What an API server's refusals mean: in its own words, as a real one said them."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.adapters.cluster_answers import (
    Verdict,
    conflicts,
    fixed_fields,
    is_conflict,
    is_missing_namespace,
    refusals,
    told_once,
    unknown_account,
)
from compiler.model.codes import world


def said(status: int, message: str, reason: str = "", *causes: Any) -> list[tuple[str, str]]:
    """Code and text of every finding."""
    found = refusals(status, message, reason, tuple(causes))
    return [(one.code.id, one.text) for one in found]


def cause(field: str, message: str, reason: str = "FieldValueInvalid") -> dict[str, str]:
    return {"field": field, "message": message, "reason": reason}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (".spec.x: field not declared in schema", ["spec.x is not known to the server"]),
        (".spec.prune: expected boolean, got &{3}", ["spec.prune: expected boolean, got &{3}"]),
        (
            "errors:\n  .a: field not declared in schema\n  .b: expected string, got &{1}",
            ["a is not known to the server", "b: expected string, got &{1}"],
        ),
    ],
)
def test_a_field_that_the_definition_lacks_is_a_fault_of_the_spec_although_it_comes_as_500(
    message: str, expected: list[str]
) -> None:
    text = f"failed to create typed patch object (shop/d; apps/v1, Kind=Deployment): {message}"
    assert said(500, text) == [("E8101", words) for words in expected]


def test_each_invalid_field_is_one_finding() -> None:
    found = said(
        422,
        'Service "s" is invalid: [spec.ports[0].name: Required value, …]',
        "Invalid",
        cause("spec.ports[0].name", "Required value", "FieldValueRequired"),
        cause("spec.ports[0].port", "Invalid value: 99999: must be between 1 and 65535"),
    )
    assert found == [
        ("E8101", "spec.ports[0].name: Required value"),
        ("E8101", "spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535"),
    ]


def test_an_immutable_field_is_told_without_its_value() -> None:
    found = said(
        422,
        'Job.batch "j" is invalid: …',
        "Invalid",
        cause("spec.template", 'Invalid value: {"metadata": {}}: field is immutable'),
    )
    words = "spec.template: the live object has another value, and the field is immutable"
    assert found == [("E8102", words)]


def test_a_long_quoted_value_is_left_out() -> None:
    message = f"Invalid value: {'{' + 'x' * 400 + '}'}: may not be so"
    ((_, text),) = said(422, "", "Invalid", cause("spec", message))
    assert text == "spec: Invalid value: may not be so"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, 'pods "p" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi'),
        (403, 'pods "p" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot'),
        (403, 'pods "p" is forbidden: failed quota: q: must specify limits.memory for: a'),
        (403, 'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, '
              'limited: pods=0'),
        (400, 'admission webhook "w.example.com" denied the request: no'),
        (422, "deployments.apps \"d\" is forbidden: ValidatingAdmissionPolicy 'v' with binding "
              "'b' denied request: images come from our registry"),
    ],
)  # fmt: skip
def test_a_policy_that_denies_is_quoted_without_the_name_of_the_object(
    status: int, message: str
) -> None:
    ((code, text),) = said(status, message, "Invalid", {"message": message})
    assert code == "E8103"
    assert text == message.partition(" is forbidden: ")[2] or message.startswith(text)


def test_a_quota_that_is_only_full_is_a_warning() -> None:
    text = "exceeded quota: q, requested: limits.memory=2Gi,pods=1, "
    text += "used: limits.memory=3Gi,pods=4, limited: limits.memory=4Gi,pods=9"
    assert said(403, f'pods "p" is forbidden: {text}') == [("W8112", text)]
    assert said(403, text.replace("limited: limits.memory=4Gi", "limited: limits.memory=1Gi")) == [
        ("E8103", text.replace("limited: limits.memory=4Gi", "limited: limits.memory=1Gi"))
    ]
    odd = text.replace("limited: limits.memory=4Gi", "limited: limits.memory=what")
    assert said(403, odd)[0][0] == "E8103"


def test_a_webhook_that_is_silent_is_the_worlds_fault_and_one_without_dry_runs_nobodys() -> None:
    text = 'Internal error occurred: failed calling webhook "w": connect: connection refused'
    words = 'failed calling webhook "w": connect: connection refused'
    assert said(500, text, "InternalError", {"message": words}) == [("E8009", words)]
    text = 'admission webhook "w" does not support dry run'
    assert said(400, text, "BadRequest") == [("N8123", text)]


def test_any_other_refusal_is_told_too() -> None:
    assert said(413, "limit is 3145728") == [("E8101", "the server answers 413: limit is 3145728")]
    assert said(500, "etcdserver: no leader") == [
        ("E8007", "the server answers 500: etcdserver: no leader")
    ]


def test_owners_of_fields_are_told_one_by_one() -> None:
    causes = (
        {"reason": "FieldManagerConflict", "message": 'conflict with "hpa"', "field": ".spec.b"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "hpa"', "field": ".spec.a"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "edit"', "field": ".x"},
    )
    assert is_conflict(409, causes)
    assert not is_conflict(409, ({"reason": "AlreadyExists"},))
    assert [one.text for one in conflicts(causes)] == [
        "x: owned by edit",
        "spec.a, spec.b: owned by hpa",
    ]
    assert {one.code.id for one in conflicts(causes)} == {"W8111"}


def test_a_field_that_may_not_change_is_not_said_to_be_taken_over() -> None:
    fields = (".spec.selector", ".spec.selector.a", ".spec.selectors", ".spec.replicas")
    causes = tuple(
        {"reason": "FieldManagerConflict", "message": 'conflict with "edit"', "field": field}
        for field in fields
    )
    fixed = fixed_fields((cause("spec.selector", "Invalid value: {}: field is immutable"),
                          cause("spec.replicas", "Required value")))  # fmt: skip
    assert [one.text for one in conflicts(causes, fixed)] == [
        "spec.replicas, spec.selectors: owned by edit"
    ]


def test_pod_security_that_denies_does_not_warn_as_well() -> None:
    warning = Verdict(world.SERVER_WARNING, 'would violate PodSecurity "restricted:latest": x')
    other = Verdict(world.SERVER_WARNING, "goes away")
    denial = Verdict(world.DENIED, 'its pods: violates PodSecurity "restricted:latest": x')
    assert told_once((warning, other, denial)) == (other, denial)
    assert told_once((warning, other)) == (warning, other)


def test_a_missing_namespace_is_told_from_a_missing_object() -> None:
    assert is_missing_namespace(404, {"details": {"kind": "namespaces", "name": "shop"}})
    assert not is_missing_namespace(404, {"details": {"kind": "pods", "name": "shop"}})
    assert not is_missing_namespace(404, {"details": None})


def test_an_account_that_is_not_there_is_named() -> None:
    text = 'pods "p" is forbidden: error looking up service account shop/w: serviceaccount "w" '
    assert unknown_account(f"{text}not found") == "w"
    assert unknown_account("no") == ""
