"""Class lists and tensors against each other."""

from __future__ import annotations

import pytest

from compiler.model.matching import Classes, classes_differ, tensors_differ
from compiler.model.spec.signature import TensorSpec


def tensors(*given: tuple[str, list[int]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec.model_validate({"name": f"t{at}", "datatype": kind, "shape": shape})
        for at, (kind, shape) in enumerate(given)
    )


@pytest.mark.parametrize(
    ("left", "right", "known", "how"),
    [
        (["a", "b"], ["a", "b"], {}, ""),
        (["a", "b"], [], {}, ""),
        ([], ["a"], {}, ""),
        (["a", "b"], ["a", "c"], {}, "class 2 of m is b, of p c"),
        (["a", "b"], ["b", "a"], {}, "class 1 of m is a, of p b"),
        (["a"], ["a", "b"], {}, "p has b, and m has not"),
        (["a", "b"], ["a"], {}, "m has b, and p has not"),
        (["a", "b"], ["b", "a"], {"a": "a"}, ""),
        (["a", "b"], ["x", "y", "z"], {"a": "z", "b": "x"}, ""),
        (["a", "b"], ["x", "b"], {"a": "y"}, "a of m is y, which is no class of p"),
        (["a", "b"], ["x", "y"], {"a": "x"}, "b of m is b, which is no class of p"),
        (["a"], ["x"], {"c": "x"}, "classMap names c, which is no class of m"),
    ],
)
def test_classes_are_the_same_in_the_same_order_or_mapped(
    left: list[str], right: list[str], known: dict[str, str], how: str
) -> None:
    assert classes_differ(Classes("m", left), Classes("p", right), known)[0] == how


def test_the_hint_is_a_map_that_fits_where_names_are_near() -> None:
    left, right = Classes("m", ["person", "helmets"]), Classes("p", ["helmet", "person"])
    how, fits = classes_differ(left, right, {})
    assert how
    assert fits.endswith("classMap: {helmets: helmet}")
    assert classes_differ(left, right, {"helmets": "helmet"}) == ("", "")


@pytest.mark.parametrize(
    ("makes", "takes", "how"),
    [
        ([("FP32", [1, 3])], [("FP32", [1, 3])], ""),
        ([("FP32", [-1, 3])], [("FP32", [1, -1])], ""),
        ([("FP32", [1, 3])], [("FP16", [1, 3])], "FP32 [1, 3], not FP16 [1, 3]"),
        ([("FP32", [1, 3])], [("FP32", [1, 3, 1])], "FP32 [1, 3], not FP32 [1, 3, 1]"),
        ([("FP32", [1])], [("FP32", [1]), ("FP32", [1])], "1 tensor, not 2"),
        ([("FP32", [1]), ("UINT8", [2])], [("FP32", [1]), ("UINT8", [3])],
         "UINT8 [2], not UINT8 [3]"),
    ],
)  # fmt: skip
def test_tensors_have_one_type_and_shape(
    makes: list[tuple[str, list[int]]], takes: list[tuple[str, list[int]]], how: str
) -> None:
    assert tensors_differ(tensors(*makes), tensors(*takes)) == how
