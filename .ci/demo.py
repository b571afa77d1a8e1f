"""Compiles the example fleets into scratch/, shows what came out, and what one line changes.

Usage: python .ci/demo.py (or `make demo`). Removes scratch/ first; touches nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = Path("scratch")
KINDS_SHOWN = 9
LINES_SHOWN = 40


def main() -> None:
    """The demonstration, from an empty folder to the second compile."""
    started = time.monotonic()
    os.chdir(ROOT)
    shutil.rmtree(SCRATCH, ignore_errors=True)
    output = SCRATCH / "generated"

    say("1. Helmet detection: one site at the edge, one in the cloud, once on Sedna, once without")
    edgewright("compile", "specs/helmet-detection", "--output", output)
    tree(output / "helmet-detection")
    show(output / "helmet-detection/sedna/hub/jobs/inference", "jointinferenceservice", "spec:")

    say("2. Two thousand stores: two clusters, three kinds of hardware, a rollout at step 1 of 2")
    edgewright("compile", "specs/thousand-stores", "--output", output)
    tree(output / "store-vision")
    show(output / "store-vision/prod/west/sites/store-0021", "deployment", "      containers:")

    say("3. One line of a spec: the fleet that `edgewright init` makes gets its next model")
    one_line()

    say(f"Done in {time.monotonic() - started:.1f} s. Where to look next")
    print(f"""\
  {output}/          everything that was compiled
  specs/thousand-stores/      the fleet behind it: three files and a table
  docs/quickstart.md          from nothing to a reviewed pull request

  With .venv/bin on your PATH:
  edgewright explain watch-shelves specs/thousand-stores --site store-0217
  edgewright graph specs/thousand-stores
""")


def one_line() -> None:
    """A small fleet of our own: compiled, changed in one line, compiled again."""
    fleet = SCRATCH / "my-fleet"
    edgewright("init", fleet, quiet=True)
    jobs = fleet / "specs/jobs.yaml"
    generated = fleet / "generated"
    edgewright("compile", fleet / "specs", "--output", generated)
    before = contents(generated)
    text = jobs.read_text(encoding="utf-8")
    jobs.write_text(text.replace('target: "1.0.0"', 'target: "1.1.0"'), encoding="utf-8")
    print(f'\n  {jobs}: target: "1.0.0" becomes target: "1.1.0"\n')
    edgewright("compile", fleet / "specs", "--output", generated)
    after = contents(generated)
    changed = [path for path in after if before.get(path) != after[path]]
    print("\n  files that differ, ledgers left out:")
    for path in sorted(changed):
        if path.suffix == ".yaml":
            print(f"    {path.relative_to(generated)}")
    print("  No Deployment among them: no pod restarts, the sidecars swap the model.")


def edgewright(*arguments: object, quiet: bool = False) -> None:
    """Run the program as a user would; findings are counted, errors end the demonstration."""
    words = [str(argument) for argument in arguments]
    print(f"$ edgewright {' '.join(words)}", flush=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "compiler", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}edgewright ended with {done.returncode}")
    if not quiet:
        print("".join(f"  {line}\n" for line in done.stdout.splitlines()[:1]), end="")
    findings = Counter(
        word for line in done.stderr.splitlines() for word in line.split()[1:2] if is_code(word)
    )
    for code, count in sorted(findings.items()):
        print(f"  {count} × {code} (edgewright explain {code})")


def is_code(word: str) -> bool:
    """Whether a word is the code of a finding."""
    return len(word) == 5 and word[0] in "EWN" and word[1:].isdigit()


def tree(root: Path) -> None:
    """The directories below a project, sites counted, with the number of objects."""
    print()
    for target in sorted(path.parent for path in root.glob("*/*/root")):
        print(f"  {target}/")
        for role in ("root", "apps", "bootstrap", "base", "inputs", "jobs", "sites", "shards"):
            folder = target / role
            if folder.is_dir():
                files = objects(folder)
                parts = sum(1 for path in folder.iterdir() if path.is_dir())
                units = f"{counted(parts, 'directory', 'directories')}, " if parts else ""
                print(f"    {role + '/':<11} {units}{counted(len(files), 'object')}{kinds(files)}")


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def objects(folder: Path) -> list[Path]:
    """The files of a folder that hold objects."""
    return [path for path in folder.rglob("*.yaml") if path.name != "kustomization.yaml"]


def kinds(files: list[Path]) -> str:
    """How many objects there are of which kind, the most frequent first."""
    found = Counter(path.name.partition("-")[0].partition(".")[0] for path in files)
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{count:,} {kind}" for kind, count in ranked[:KINDS_SHOWN]]
    return f": {', '.join(shown)}" if shown else ""


def show(folder: Path, kind: str, start: str) -> None:
    """Part of one object, from the line `start` on."""
    path = next(path for path in sorted(folder.iterdir()) if path.name.startswith(kind))
    lines = path.read_text(encoding="utf-8").splitlines()
    first = lines.index(start)
    part = lines[first : first + LINES_SHOWN]
    print(f"\n  {path}, lines {first + 1} to {first + len(part)} of {len(lines)}")
    print("".join(f"    {line}\n" for line in part), end="")


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def say(title: str) -> None:
    """A heading."""
    print(f"\n{title}\n{'-' * len(title)}", flush=True)


if __name__ == "__main__":
    main()
