"""The shipped templates: the same pod everywhere, within the rules of every template."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from compiler.backends import kubernetes_files as files
from compiler.model.inputs import Binding
from compiler.model.member import Place
from compiler.model.plan import Distribution
from compiler.model.worker import ConfigFile, Worker
from compiler.stages.render.templates import Templates, TemplateSource
from tests.backends.kubernetes_cases import artifact, container, emit, pod, service

FOLDER = Path(__file__).parents[2] / "templates" / "kubernetes"
WORKLOADS = ("deployment", "daemonset", "job", "cronjob")


def pod_of(kind: str) -> str:
    text = (FOLDER / f"{kind}.yaml.j2").read_text()
    rest = text[text.index("template:\n", text.index("spec:")) :].partition("\n")[2]
    lines = [line for line in rest.splitlines() if not line.startswith("{%")]
    return textwrap.dedent("\n".join(lines))


@pytest.mark.parametrize("kind", WORKLOADS[1:])
def test_every_workload_has_the_same_pod(kind: str) -> None:
    assert pod_of(kind) == pod_of("deployment")


def test_users_may_override_any_template_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "kubernetes"
    own.mkdir()
    for path in FOLDER.glob("*.j2"):
        (own / path.name).write_text(path.read_text())
    assert Templates(TemplateSource(own=tmp_path)).check() == []


def test_the_node_role_and_a_pods_sidecar_are_one_program_with_one_set_of_mounts() -> None:
    node = Distribution(
        job="spread",
        name="spread",
        place=Place("hub", "store-1", "edge"),
        artifacts=(Binding("model", artifact()),),
    )
    alone = container(pod(emit(node), "DaemonSet"), "sidecar")
    beside = container(pod(emit(service((artifact(),)))), "sidecar")
    assert alone["volumeMounts"] == beside["volumeMounts"]
    assert alone["securityContext"] == beside["securityContext"]


def test_files_of_one_name_in_two_directories_have_two_keys() -> None:
    worker = Worker(
        name="w",
        image="i",
        files=(ConfigFile("/a/x.yaml", "1"), ConfigFile("/b/x.yaml", "2")),
    )
    made = files.texts(worker, view=False)
    assert sorted(made.data.values()) == ["1", "2"]
    assert {path: [one[1] for one in items] for path, items in made.directories.items()} == {
        "/a": ["x.yaml"],
        "/b": ["x.yaml"],
    }


def test_a_name_that_no_config_map_key_can_hold_still_gives_the_right_path() -> None:
    worker = Worker(name="w", image="i", files=(ConfigFile("/a/naïve file.yaml", "1"),))
    made = files.texts(worker, view=False)
    ((key, path),) = made.directories["/a"]
    assert path == "naïve file.yaml"
    assert made.data[key] == "1"
    assert key.isascii()
