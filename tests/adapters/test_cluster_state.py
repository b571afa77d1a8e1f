from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from compiler.adapters.cluster import Connection, Resource
from compiler.adapters.cluster_config import world
from compiler.adapters.cluster_state import ask, ask_all
from compiler.model.codes import world as codes
from compiler.model.observed import Question

POD, SECRET = Question("v1", "Pod", "shop", "a=b"), Question("v1", "Widget", "shop")
NODE = Question("v1", "Node")


class FakeConnection:
    """Serves pods and nodes; of nodes, the user may see none."""

    name = "context fake (127.0.0.1:1)"

    def __init__(self) -> None:
        self.listed: list[tuple[str, ...]] = []

    def served(self, api_version: str, kind: str) -> Resource | None:
        del api_version
        return Resource(f"{kind.lower()}s", True) if kind in ("Pod", "Node") else None

    def list(
        self, api_version: str, kind: str, namespace: str = "", selector: str = ""
    ) -> Iterator[dict[str, Any]]:
        self.listed.append((api_version, kind, namespace, selector))
        if kind == "Node":
            raise world(codes.FORBIDDEN, "may not list nodes")
        yield {"metadata": {"name": "one"}}


def test_a_question_that_fails_leaves_the_others_their_answers() -> None:
    fake = FakeConnection()
    found = ask(cast("Connection", fake), [POD, SECRET, NODE])
    answers = found.snapshot.answers
    assert answers[POD].items == ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}},)
    assert (answers[SECRET].served, answers[SECRET].problem) == (False, "")
    assert answers[NODE].problem == "may not list nodes"
    assert [one.code.id for one in found.problems] == ["E8006"]
    assert sorted(fake.listed) == [("v1", "Node", "", ""), ("v1", "Pod", "shop", "a=b")]


def test_a_question_that_nobody_asked_has_no_answer() -> None:
    found = ask(cast("Connection", FakeConnection()), [POD])
    assert found.snapshot.answer(NODE).problem == "not asked"


def test_without_a_kubeconfig_every_question_has_the_reason(tmp_path: Path) -> None:
    found = ask_all({"a": ("", [POD]), "b": ("x", [NODE])}, tmp_path / "none")
    assert [one.code.id for asked in found.values() for one in asked.problems] == ["E8001"] * 2
    assert "there is no kubeconfig" in found["a"].snapshot.answer(POD).problem
    assert found["b"].name == ""
