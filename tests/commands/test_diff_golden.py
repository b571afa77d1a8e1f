"""What `diff` says of edits to the examples, word by word, with their history in real Git.

Rewritten by `pytest --update-golden`; the difference is then reviewed like any other change.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.adapters.test_git import git
from tests.commands.running import ROOT, run
from tests.stages.compare.edits import EDITS, Edit

GOLDEN = ROOT / "tests" / "golden" / "diff"
CASES = {
    "hot-swap-and-records": "thousand stores: back to the version before",
    "re-create-at-every-store": "thousand stores: a parameter",
    "refused-claims": "thousand stores: scratch that shrinks",
    "removed-services": "thousand stores: no Service",
    "a-loop-begins-again": "helmets, Sedna: a loop's image",
    "an-unstaged-roll": "another version of a rolling model",
    "a-job-and-its-claim-go": "a job less",
    "nothing-in-other-words": "the same memory in other words",
}
FORMATS = {"text": "txt", "markdown": "md"}
LOCK_LINE = re.compile(r"(edgewright\.lock(?::|&#58;))\d+")
"""Lines of a generated file: they move whenever an example gets another artifact."""
COMMIT = re.compile(r"\([0-9a-f]{12}\)")


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "compiled"])
@pytest.mark.parametrize("case", CASES)
def test_a_diff_reads_as_it_was_reviewed(
    case: str, committed: bool, tmp_path: Path, update: bool
) -> None:
    (edit,) = [one for one in EDITS if one.name == CASES[case]]
    clone = history(edit, tmp_path, committed=committed)
    for name, suffix in FORMATS.items():
        options = [word for one in edit.before.environments for word in ("--env", one)]
        result = run("diff", *options, "--format", name, at=clone)
        assert result.exit_code == 0, result.output
        said = LOCK_LINE.sub(r"\1LINE", COMMIT.sub("(COMMIT)", result.stdout))
        golden = GOLDEN / f"{case}.{suffix}"
        if update and committed:
            golden.write_text(said, encoding="utf-8")
        assert said == golden.read_text(encoding="utf-8")


def history(edit: Edit, folder: Path, *, committed: bool) -> Path:
    """A clone whose main branch holds a fleet, and whose work tree holds the edited one."""
    git(folder, "init", "-q", "-b", "main", "fleet")
    clone = folder / "fleet"
    write(edit.before.files, clone / "specs")
    if committed:
        options = [word for one in edit.before.environments for word in ("--env", one)]
        assert run("compile", "--no-cache", *options, at=clone).exit_code == 0
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "Begin")
    git(clone, "switch", "-qc", "change")
    write(edit.after.files, clone / "specs")
    return clone


def write(files: object, folder: Path) -> None:
    assert isinstance(files, dict)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_every_golden_text_belongs_to_a_case() -> None:
    names = {f"{case}.{suffix}" for case in CASES for suffix in FORMATS.values()}
    assert {path.name for path in GOLDEN.iterdir()} == names
