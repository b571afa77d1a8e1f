"""The example fleet, through the whole compiler, against Sedna's published objects."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from compiler.model.diagnostics import Diagnostics
from compiler.model.manifest import Tree
from compiler.pipeline import Request, compile_tree
from tests.backends.sedna_published import incremental_learning, joint_inference

EXAMPLE = Path(__file__).parents[2] / "specs" / "helmet-detection"


@pytest.fixture(scope="module")
def tree() -> Tree:
    diagnostics = Diagnostics()
    made = compile_tree(Request(root=EXAMPLE, environments=("sedna",)), diagnostics)
    diagnostics.raise_errors()
    return made


def specs(tree: Tree, kind: str) -> dict[str, Any]:
    """The `spec` of every object of one of Sedna's kinds, by name."""
    return {
        str(item.identity.name): copy.deepcopy(dict(item.data["spec"]))
        for directory in tree.directories.values()
        for item in directory.objects
        if item.identity.kind == kind and item.identity.group == "sedna.io"
    }


def test_the_joint_inference_of_the_example_means_what_is_published(tree: Tree) -> None:
    (service,) = specs(tree, "JointInferenceService").values()
    joint_inference(service, specs(tree, "Model"))


def test_the_incremental_learning_of_the_example_means_what_is_published(tree: Tree) -> None:
    (job,) = specs(tree, "IncrementalLearningJob").values()
    incremental_learning(job, specs(tree, "Model"), specs(tree, "Dataset"))


def test_the_example_holds_no_object_of_sednas_that_is_not_published(tree: Tree) -> None:
    assert len(specs(tree, "Model")) == 4
    assert len(specs(tree, "Dataset")) == 1
