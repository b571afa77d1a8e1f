"""Two teams change different jobs of one fleet: Git merges them, and compile mends the output."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.model.diagnostics import CompileError, Diagnostics
from tests.proof.compiling import changed, read, write

FLEET = """\
edgewright: v1
project: {name: shop}
sidecar: {image: "r.example.com/sidecar:1", contract: 1}
stores: {main: {url: "s3://artifacts", endpoint: "https://s3.example.com", region: eu-west-1}}
fleet:
  clusters:
    hub:
      kubernetes: "1.32"
      gitops: {engine: argocd}
      repo: {url: "https://git.example.com/fleet.git", branch: main, path: generated}
  profiles: {box: {arch: amd64, cpu: 16, memory: 64Gi, disk: 64Gi}}
  sites:
    site-1: {cluster: hub, layer: edge, profile: box, hosts: {host-1: {}}}
    site-2: {cluster: hub, layer: edge, profile: box, hosts: {host-2: {}}}
    site-3: {cluster: hub, layer: edge, profile: box, hosts: {host-3: {}}}
"""
JOB = """\
  {name}:
    kind: serve
    models: [{model}]
    worker:
      image: r.example.com/ovms:1
      server: ovms
      env: {{LEVEL: info}}
      params: {{every: 5}}
      ports: {{http: {{port: {port}}}}}
    place: {{layer: edge}}

"""
MODEL = """\
  {name}:
    framework: onnx
    versions:
      "1": {{uri: "main:{name}/1.onnx"}}
      "2": {{uri: "main:{name}/2.onnx"}}
    target: "1"

"""
LOCKED = """\

default.artifacts.models/{name}:{version}:
  serveVersion: {serve}
  sha256: {digest}
  size: {size}
  uri: "main:{name}/{version}.onnx"
"""
NAMES = ("anna", "bert", "carl")


def lock(sizes: dict[tuple[str, str], int]) -> str:
    blocks = [
        LOCKED.format(name=n, version=v, serve=int(v), size=size, digest=(n[0] + v) * 32)
        for (n, v), size in sorted(sizes.items())
    ]
    return "lock: 1\n" + "".join(blocks)


SIZES = {(name, version): 1000 for name in NAMES for version in "12"}
Edit = Callable[[Path], None]


def replace(file: str, old: str, new: str) -> Edit:
    """An edit of the first place of a text after which it stands."""

    def edit(spec: Path) -> None:
        text = (spec / file).read_text()
        assert old in text
        (spec / file).write_text(text.replace(old, new, 1))

    return edit


def job_of(name: str, old: str, new: str) -> Edit:
    """An edit of one job."""

    def edit(spec: Path) -> None:
        before, mark, after = (spec / "jobs.yaml").read_text().partition(f"  {name}:\n")
        assert mark
        assert old in after
        (spec / "jobs.yaml").write_text(before + mark + after.replace(old, new, 1))

    return edit


def add_file(name: str, text: str) -> Edit:
    def edit(spec: Path) -> None:
        (spec / name).write_text(text)

    return edit


def lock_size(name: str, version: str, size: int) -> Edit:
    """An edit of one entry of the lock, as `lock` would make it."""

    def edit(spec: Path) -> None:
        (spec / "edgewright.lock").write_text(lock({**SIZES, (name, version): size}))

    return edit


def target(name: str) -> Edit:
    """Move one model to its second version."""

    def edit(spec: Path) -> None:
        before, mark, after = (spec / "models.yaml").read_text().partition(f"  {name}:\n")
        assert mark
        (spec / "models.yaml").write_text(before + mark + after.replace('"1"\n', '"2"\n', 1))

    return edit


ADDED = "jobs:\n" + JOB
TEAMS: dict[str, tuple[list[Edit], list[Edit]]] = {
    "each changes a value of its job": (
        [job_of("watch-anna", "LEVEL: info", "LEVEL: debug"), lock_size("anna", "1", 2000)],
        [job_of("watch-carl", "every: 5", "every: 9"), lock_size("carl", "2", 3000)],
    ),
    "each moves its own model": (
        [target("anna"), lock_size("anna", "2", 2000)],
        [target("carl"), lock_size("carl", "2", 3000)],
    ),
    "each adds a job": (
        [add_file("more-a.yaml", ADDED.format(name="extra-a", model="anna", port=9001))],
        [add_file("more-b.yaml", ADDED.format(name="extra-b", model="bert", port=9002))],
    ),
    "one adds a job and the other a site": (
        [add_file("more-a.yaml", ADDED.format(name="extra-a", model="anna", port=9001))],
        [replace("fleet.yaml", "  sites:\n", "  sites:\n    site-0: {cluster: hub, layer: edge, "
                 "profile: box, hosts: {host-0: {}}}\n")],
    ),
}  # fmt: skip


class Repository:
    """A Git repository with a spec, its lock and its committed output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = folder / "specs"
        self.out = folder / "generated"
        self.spec.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        (self.spec / "fleet.yaml").write_text(FLEET)
        jobs = [JOB.format(name=f"watch-{n}", model=n, port=8000 + i) for i, n in enumerate(NAMES)]
        (self.spec / "jobs.yaml").write_text("jobs:\n" + "".join(jobs))
        models = "".join(MODEL.format(name=name) for name in NAMES)
        (self.spec / "models.yaml").write_text("models:\n" + models)
        (self.spec / "edgewright.lock").write_text(lock(SIZES))
        self.commit()

    def git(self, *arguments: str, check: bool = True) -> str:
        own = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        made = subprocess.run(
            ["git", *own, *arguments], cwd=self.folder, capture_output=True, text=True, check=check
        )
        return made.stdout

    def commit(self) -> None:
        write(self.spec, self.out)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "work")

    def branch(self, name: str, edits: list[Edit]) -> None:
        """A branch off main with some edits and the output that they make."""
        self.git("checkout", "-q", "-b", name, "main")
        for edit in edits:
            edit(self.spec)
        self.commit()

    def merge(self, name: str) -> list[str]:
        """Merge a branch into the current one; the files that conflict."""
        self.git("merge", "-q", "--no-edit", name, check=False)
        return self.git("diff", "--name-only", "--diff-filter=U").split()


@pytest.fixture
def merged(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Repository, list[str]]:
    """A repository after the merge of two teams' branches, with the files that conflict."""
    repository = Repository(tmp_path / "work")
    left, right = TEAMS[request.param]
    repository.branch("left", left)
    repository.branch("right", right)
    return repository, repository.merge("left")


@pytest.mark.parametrize("merged", TEAMS, indirect=True)
def test_spec_and_lock_merge_by_plain_git_and_compile_mends_the_output(
    merged: tuple[Repository, list[str]], tmp_path: Path
) -> None:
    repository, conflicts = merged
    assert all(name.startswith("generated/") for name in conflicts)
    diagnostics = Diagnostics()
    write(repository.spec, repository.out, diagnostics=diagnostics)
    write(repository.spec, tmp_path / "fresh")
    assert changed(read(tmp_path / "fresh"), read(repository.out)) == []
    assert any(d.code.id == "N6011" for d in diagnostics.in_order()) is bool(conflicts)


@pytest.mark.parametrize("merged", ["each adds a job"], indirect=True)
def test_what_both_teams_changed_really_conflicts_and_the_merge_can_then_be_committed(
    merged: tuple[Repository, list[str]],
) -> None:
    repository, conflicts = merged
    assert any(name.endswith("/.edgewright.ledger") for name in conflicts)
    write(repository.spec, repository.out)
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "merge")
    found = read(repository.out)
    assert not any(b"<<<<<<<" in data for data in found.values())
    outcome = write(repository.spec, repository.out)
    assert outcome.changes is not None
    assert not outcome.changes.any


def test_the_output_has_what_both_teams_wanted(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "work")
    left, right = TEAMS["each changes a value of its job"]
    repository.branch("left", left)
    repository.branch("right", right)
    repository.merge("left")
    write(repository.spec, repository.out)
    texts = {name: data.decode() for name, data in read(repository.out).items()}
    for site in ("site-1", "site-2", "site-3"):
        anna, carl = (
            next(text for name, text in texts.items()
                 if f"deployment.apps-watch-{who}-{site}" in name)
            for who in ("anna", "carl")
        )  # fmt: skip
        assert "value: debug" in anna
        assert "value: debug" not in carl
    assert any('"every":9' in text.replace(" ", "") for text in texts.values())


def test_two_teams_that_change_one_value_do_conflict_in_the_spec(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "work")
    repository.branch("left", [job_of("watch-anna", "LEVEL: info", "LEVEL: debug")])
    repository.branch("right", [job_of("watch-anna", "LEVEL: info", "LEVEL: warn")])
    assert "specs/jobs.yaml" in repository.merge("left")
    with pytest.raises(CompileError):
        write(repository.spec, repository.out)
