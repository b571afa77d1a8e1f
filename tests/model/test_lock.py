"""The lock file: read, written, merged; and every fault of it at its line."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from compiler.model.diagnostics import Diagnostic, Diagnostics, Span
from compiler.model.lock import (
    FILE,
    Lock,
    LockedArtifact,
    LockedDataset,
    LockedImage,
    LockedRollout,
    LockedTarget,
    dump,
    read,
)
from compiler.model.source import parse
from compiler.model.spec.base import SpecModel

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1)
COUNTS = st.integers(0, 2**40)
NAMES = st.from_regex(r"[a-z][a-z0-9/:.@-]{0,40}", fullmatch=True)

ARTIFACTS = st.fixed_dictionaries(
    {"uri": TEXTS, "sha256": DIGESTS},
    optional={
        "size": COUNTS,
        "unpacked": COUNTS,
        "files": COUNTS,
        "versionId": TEXTS,
        "serveVersion": st.integers(1, 999),
    },
).map(LockedArtifact.model_validate)
ENTRIES: dict[str, st.SearchStrategy[SpecModel]] = {
    "artifacts": ARTIFACTS,
    "images": st.builds(
        lambda digest, names: LockedImage(digest=f"sha256:{digest}", platforms=tuple(names)),
        DIGESTS,
        st.lists(st.sampled_from(["linux/amd64", "linux/arm64"]), unique=True),
    ),
    "rollouts": st.builds(
        lambda old, new, step: LockedRollout.model_validate({"from": old, "to": new, "step": step}),
        TEXTS,
        TEXTS,
        st.integers(0, 50),
    ),
    "targets": st.builds(lambda v, why: LockedTarget(version=v, reason=why), TEXTS, TEXTS),
    "datasets": st.builds(
        lambda digest, samples, classes: LockedDataset(
            digest=digest, samples=samples, classes=classes
        ),
        DIGESTS,
        st.integers(0, 2**40),
        st.dictionaries(TEXTS, st.integers(0, 999), max_size=4),
    ),
}
LOCKS = st.lists(
    st.sampled_from(sorted(ENTRIES)).flatmap(
        lambda section: st.tuples(
            st.tuples(st.sampled_from(["prod", "lab"]), st.just(section), NAMES), ENTRIES[section]
        )
    ),
    max_size=8,
).map(lambda pairs: Lock(dict(pairs)))


def loaded(text: str) -> tuple[Lock, tuple[Diagnostic, ...]]:
    diagnostics = Diagnostics()
    documents = parse(FILE, text, diagnostics)
    diagnostics.raise_errors()
    data = documents[0].data
    return read(data, data.marks, diagnostics), diagnostics.in_order()


@given(LOCKS)
def test_what_is_written_reads_back_equal_and_writes_the_same_text(lock: Lock) -> None:
    text = dump(lock)
    again, found = loaded(text)
    assert not found
    assert again.entries == lock.entries
    assert dump(again) == text


def entry(letter: str, size: int) -> LockedArtifact:
    return LockedArtifact.model_validate(
        {"uri": f"main:{letter}.onnx", "sha256": letter * 64, "size": size}
    )


MODELS = {
    ("prod", "artifacts", f"models/{name}:1"): entry(letter, 10)
    for name, letter in (("anna", "a"), ("bert", "b"), ("carl", "c"))
}


def test_blocks_are_sorted_and_parted_by_a_blank_line() -> None:
    text = dump(Lock(dict(reversed(MODELS.items()))))
    blocks = text.split("\n\n")
    assert blocks[0] == "lock: 1"
    assert [block.splitlines()[0] for block in blocks[1:]] == [
        f'"prod.artifacts.models/{name}:1":' for name in ("anna", "bert", "carl")
    ]


def test_entries_are_found_by_environment_and_name_with_their_line() -> None:
    lock, _ = loaded(dump(Lock(MODELS)))
    assert lock.artifact("prod", "models/bert:1") == entry("b", 10)
    assert lock.artifact("lab", "models/bert:1") is None
    assert lock.image("prod", "models/bert:1") is None
    assert lock.span("prod", "artifacts", "models/bert:1") == Span(FILE, 8, 1)
    assert sorted(lock.of("prod", "artifacts")) == [
        "models/anna:1",
        "models/bert:1",
        "models/carl:1",
    ]


def test_two_branches_that_each_change_one_entry_merge_by_plain_git(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        own = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *own, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def commit(lock: Lock) -> None:
        (tmp_path / FILE).write_text(dump(lock), encoding="utf-8")
        git("add", FILE)
        git("commit", "-q", "-m", "lock")

    names = list(MODELS)
    left = {**MODELS, names[0]: entry("d", 20)}
    added = ("prod", "images", "r.example.com/x:1")
    right = {**MODELS, names[1]: entry("e", 30), added: LockedImage(digest="sha256:" + "f" * 64)}
    git("init", "-q", "-b", "main")
    commit(Lock(MODELS))
    git("checkout", "-q", "-b", "left")
    commit(Lock(left))
    git("checkout", "-q", "-b", "right", "main")
    commit(Lock(right))
    git("merge", "-q", "--no-edit", "left")

    merged = (tmp_path / FILE).read_text(encoding="utf-8")
    lock, found = loaded(merged)
    assert not found
    assert lock.entries == {**right, names[0]: entry("d", 20)}
    assert dump(lock) == merged


def test_a_file_of_another_release_is_refused_at_its_number() -> None:
    _, (wrong,) = loaded("lock: 2\n")
    assert (wrong.code.id, wrong.span) == ("E7001", Span(FILE, 1, 7))
    assert wrong.message == "lock is 2; this compiler reads 1"
    _, (absent,) = loaded('"prod.targets.detector": {version: "1"}\n')
    assert absent.code.id == "E7001"


def test_every_bad_entry_is_reported_and_the_good_ones_stay() -> None:
    lock, found = loaded(
        "lock: 1\n\n"
        "nonsense: {}\n\n"
        "prod.artefacts.x: {}\n\n"
        "prod.rollouts.watch/d:\n  from: a\n  to: b\n  step: -1\n\n"
        f"prod.artifacts.code/x:\n  uri: main:x\n  sha256: {'A' * 64}\n  sise: 3\n\n"
        'prod.targets.detector:\n  version: "1"\n'
    )
    assert list(lock.entries) == [("prod", "targets", "detector")]
    assert [(d.span.line if d.span else 0, d.message.split(":")[0]) for d in found] == [
        (3, "nonsense is not <environment>.<section>.<name>"),
        (5, "artefacts is not a section of the lock; there are artifacts, datasets, images, "
            "rollouts, targets"),
        (10, "step of prod.rollouts.watch/d"),
        (14, "sha256 of prod.artifacts.code/x"),
        (15, "sise of prod.artifacts.code/x"),
    ]  # fmt: skip
    assert [d.hint for d in found][1] == "Did you mean artifacts?"


def test_an_entry_that_is_no_mapping_is_a_fault_and_no_crash() -> None:
    for value in ("7", "[1, 2]", "text", "~"):
        lock, found = loaded(f"lock: 1\nprod.targets.detector: {value}\n")
        assert not lock.entries
        assert found
        assert all(d.span is not None and d.span.line == 2 for d in found)
