"""What others rely on: attributes, shapes, source text and positions of the models."""

from __future__ import annotations

import copy
import pickle

import pytest
from pydantic import ValidationError

from compiler.kinds import KINDS, kind
from compiler.kinds.serve import ServeSpec
from compiler.model.diagnostics import Span
from compiler.model.spec.base import SpecModel, key_of
from compiler.model.spec.fleet import ClusterSpec, SiteSpec
from compiler.model.spec.job import StepSpec, UpdateSpec
from compiler.model.spec.shape import fields, models_below
from compiler.model.spec.spec import Spec
from compiler.model.spec.worker import WorkerSpec
from tests.spec_cases import EVERY_KEY, judged, read

TEXT = EVERY_KEY.read_text()


def _spec() -> Spec:
    spec, found = judged(read(TEXT))
    assert spec is not None, found
    return spec


SPEC = _spec()


def _watch() -> ServeSpec:
    job = SPEC.jobs["watch-shelves"]
    assert isinstance(job, ServeSpec)
    return job


def _written_at(span: Span | None) -> str:
    assert span is not None
    return TEXT.splitlines()[span.line - 1][span.column - 1 :]


def test_an_attribute_is_the_snake_case_of_its_key() -> None:
    assert key_of("read_only_root") == "readOnlyRoot"
    assert key_of("from_") == "from"
    roots: list[type[SpecModel]] = [Spec, StepSpec, *(kind(name).spec for name in KINDS)]
    for root in roots:
        for model in models_below(root):
            for key, field in fields(model).items():
                assert key == key_of(field.attribute)
                assert key.isalnum()


def test_every_position_is_where_its_author_wrote_it() -> None:
    job = _watch()
    assert _written_at(job.span_of("kind")).startswith("serve")
    assert _written_at(job.worker.key_span_of("image_pull_policy")).startswith("imagePullPolicy:")
    assert _written_at(job.place.span_of("where", "ring", "not")).startswith("lab}")
    assert _written_at(job.worker.env["RTSP_URL"].span).startswith("{secret: ")
    assert job.place.where is not None
    assert _written_at(job.place.where.span_at("region", 1)).startswith("west]")
    assert _written_at(SPEC.span_of("policies", 0, "assert")).startswith('"objects.filter')


def test_an_absent_field_has_the_place_of_its_model() -> None:
    assert _watch().span_of("load_test") == _watch().span
    assert _watch().key_span_of("load_test") == _watch().span
    assert not _watch().wrote("load_test")
    assert _watch().wrote("backend")


def test_models_built_from_plain_data_have_no_position() -> None:
    site = SiteSpec.model_validate({"cluster": "c", "layer": "edge", "profile": "p"})
    assert site.span is None
    assert site.span_of("cluster") is None
    assert site.key_span_of("cluster") is None


def test_positions_survive_copying_and_pickling_and_do_not_count_for_equality() -> None:
    site = SPEC.fleet.sites["store-001"]
    for made in (copy.deepcopy(site), pickle.loads(pickle.dumps(site)), site.model_copy()):
        assert made == site
        assert made.span == site.span
    plain = SiteSpec.model_validate(site.model_dump(by_alias=True, exclude_none=True))
    assert plain == site
    assert plain.span is None


def test_models_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        SPEC.project.name = "other"  # type: ignore[misc]


def test_numbers_keep_their_source_text_in_params_env_args_and_vars() -> None:
    worker = _watch().worker
    assert worker.params["threshold"].text == "0.50"
    assert worker.env["THRESHOLD"].value == "0.50"
    assert worker.env["DEBUG"].value == "false"
    assert worker.args == ("--lang={site.vars.lang}", "--port", "8080")
    assert SPEC.fleet.sites["store-001"].vars["cameras"] == "04"


def test_short_and_long_ways_of_writing_become_one_shape() -> None:
    flat = WorkerSpec.model_validate({"resources": {"cpu": 2}}).resources
    apart = WorkerSpec.model_validate(
        {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}}
    )
    assert flat == apart.resources
    listed = WorkerSpec.model_validate({"ports": [8080]}).ports
    assert listed == WorkerSpec.model_validate({"ports": {"port-8080": {"port": 8080}}}).ports
    hot = UpdateSpec.model_validate({"hot": {"poll": "60s"}})
    assert (hot.how, hot.poll) == ("hot", "60s")
    assert UpdateSpec.model_validate("hot").how == "hot"
    west = SPEC.fleet.clusters["west"]
    assert isinstance(west, ClusterSpec)
    assert (SPEC.fleet.clusters["hub"].kubernetes, west.kubernetes) == (("1.32",), ("1.33", "1.34"))


def test_replicas_and_expose_say_which_shape_was_written() -> None:
    front, watch = SPEC.jobs["front"], SPEC.jobs["watch"]
    assert isinstance(front, ServeSpec)
    assert isinstance(watch, ServeSpec)
    job = _watch()
    assert job.replicas is not None
    assert job.replicas.per_host
    assert watch.replicas is not None
    assert (watch.replicas.count, watch.replicas.per_host) == (1, False)
    assert front.replicas is not None
    assert (front.replicas.min, front.replicas.max, front.replicas.cpu) == (1, 3, 70)
    assert watch.expose is not None
    assert watch.expose.how == "mesh"
    assert job.expose is not None
    assert job.expose.node is not None
    assert (job.expose.how, job.expose.node.port) == ("node", 30080)
    assert front.expose is not None
    assert front.expose.ingress is not None
    assert front.expose.ingress.class_ == "nginx"


def test_every_kind_becomes_its_own_model() -> None:
    found = {job.kind: type(job) for job in SPEC.jobs.values()}
    assert found == {name: kind(name).spec for name in KINDS}
    steps = SPEC.jobs["cv-pipeline"].steps  # type: ignore[attr-defined]
    assert type(steps["prep"]) is StepSpec
    assert steps["train"].outputs["best"].type == "model"
    assert steps["train"].outputs["best"].format == "pytorch"
    assert steps["try"].companions["service"].server == "bentoml-0.13"


def test_unused_classes_stay_unbuilt() -> None:
    class Unused(SpecModel):
        """A model that nobody validates."""

        name: str

    assert not Unused.__pydantic_complete__
