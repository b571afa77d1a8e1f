"""What the lock does not cover: an image by tag is told once, wherever it is named."""

from __future__ import annotations

from compiler.model.diagnostics import Diagnostic, Diagnostics
from compiler.stages.plan.lock import check_lock
from tests.stages.resolving import SHOP, at_mark, resolved, said

DIGEST = f"r.example.com/s@sha256:{'a' * 64}"
TEXT = SHOP.replace("r.example.com/s:1", DIGEST)
WORKER = 'worker: {image: "r.example.com/ovms:1", server: ovms, env: {LEVEL: info}}'
SECOND = """  greet:
    kind: serve
    models: [detector]
    worker: {image: "r.example.com/ovms:1", server: ovms}
    place: {layer: edge}
"""
ENVIRONMENTS = """environments:
  production: {where: {region: north}}
  staging:
    where: {region: west}
    set: {jobs: {watch: {worker: {image: "r.example.com/ovms:1"}}}}
"""


def judged(text: str, *names: str, lock: str = "", locked: bool = False) -> tuple[Diagnostic, ...]:
    """What the lock leaves open in these environments of a text."""
    diagnostics = Diagnostics()
    found = [resolved(text, diagnostics, name, lock) for name in names or ("default",)]
    check_lock(found, locked=locked, diagnostics=diagnostics)
    return diagnostics.in_order()


def test_an_image_by_tag_is_a_warning_on_its_line() -> None:
    text, place = at_mark(TEXT.replace('image: "r', 'image: §"r'))
    told = said(judged(text), "W7201")
    assert told.span == place
    assert told.message == (
        "r.example.com/ovms:1 is named by tag; what runs can change without a commit"
    )


def test_an_image_by_digest_or_in_the_lock_is_no_warning() -> None:
    fixed = TEXT.replace("r.example.com/ovms:1", DIGEST)
    assert "W7201" not in {one.code.id for one in judged(fixed)}
    lock = f'lock: 1\n"default.images.r.example.com/ovms:1": {{digest: "sha256:{"b" * 64}"}}\n'
    assert "W7201" not in {one.code.id for one in judged(TEXT, lock=lock)}


def test_two_jobs_with_one_image_are_one_warning_that_counts_the_other_place() -> None:
    text, place = at_mark((TEXT + SECOND).replace('image: "r', 'image: §"r', 1))
    told = said(judged(text), "W7201")
    assert (told.span, told.message.partition(";")[0]) == (
        place,
        "r.example.com/ovms:1, here and in 1 more place, is named by tag",
    )


def test_environments_that_name_one_image_are_one_warning() -> None:
    text = TEXT + SECOND + ENVIRONMENTS
    told = said(judged(text, "production", "staging"), "W7201")
    assert told.message.startswith("r.example.com/ovms:1, here and in 2 more places, is named")
    alone = said(judged(text, "production"), "W7201")
    assert alone.message.startswith("r.example.com/ovms:1, here and in 1 more place, is named")


def test_what_must_be_locked_and_is_not_is_one_error_for_an_image() -> None:
    found = judged(TEXT + SECOND + ENVIRONMENTS, "production", "staging", locked=True)
    told = [one.message for one in found if one.code.id == "E7102" and "ovms" in one.message]
    assert told == ["r.example.com/ovms:1, here and in 2 more places, has no entry in the lock"]
    assert "W7201" not in {one.code.id for one in found}
