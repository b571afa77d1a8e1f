"""A lock whose writer is killed is the old one or the new one, whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands.locking import MODELS, fleet
from tests.commands.running import ROOT, run

ROUNDS = 8
CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
from compiler.workflows import locking
from compiler.model.diagnostics import Diagnostics
from compiler.stages.load import lock_path

root, sabotage = Path(sys.argv[1]), sys.argv[2] == "sabotage"
opened = locking.open_spec(root, (), False, Diagnostics())
texts = [Path(name).read_text() for name in sys.argv[3:]]
now = opened.text
print("ready", flush=True)
while True:
    for text in texts:
        if sabotage:
            lock_path(root).write_text(text)
        else:
            made = locking.Made(opened.lock, (), text, "")
            locking.write(replace(opened, text=now), made, Diagnostics())
        now = text
"""


def torn(folder: Path, how: str, seed: int) -> int:
    """How often the file was neither of the two texts after its writer had been killed."""
    spec = fleet(folder, models=MODELS) / "specs"
    texts = [
        "lock: 1\n" + "".join(
            f"\ndefault.images.r.example.com/i{number}:{text}:\n"
            f'  digest: "sha256:{format(number, "064x")}"\n'
            for number in range(4000)
        )
        for text in "ab"
    ]  # fmt: skip
    names = [folder / "a.lock", folder / "b.lock"]
    for name, text in zip(names, texts, strict=True):
        name.write_text(text)
    chance, found = random.Random(seed), 0
    for _ in range(ROUNDS):
        (spec / "edgewright.lock").write_text(texts[0])
        command = [sys.executable, "-c", CHILD, str(spec), how, *map(str, names)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.001, 0.03))
            child.kill()
        found += (spec / "edgewright.lock").read_text() not in texts
    return found


@pytest.mark.parametrize("how", ["whole", "sabotage"])
def test_a_killed_writer_leaves_a_whole_lock(tmp_path: Path, how: str) -> None:
    found = torn(tmp_path, how, 7)
    assert (found > 0) is (how == "sabotage")
    if how == "whole":
        (tmp_path / "specs/edgewright.lock").unlink()
        assert run("lock", at=tmp_path).exit_code == 0
        names = {path.name for path in (tmp_path / "specs").iterdir()}
        assert names == {"edgewright.lock", "fleet.yaml", "models.yaml"}
