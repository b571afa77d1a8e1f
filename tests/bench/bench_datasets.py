"""Counting datasets against what Python itself has: time and memory of whole processes.

Run it as `python tests/bench/bench_datasets.py [MEGABYTES]`; the files are made first, COCO's with
1,000 MB unless another size is given. The first rivals do less: they decode every record, and
count and check nothing. The plain loops count what a user would.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.measuring import Ran, Row, heading, run

COCO_MEGABYTES = 1000
BYTES_OF_IMAGE = 2750
"""An image of COCO with its six annotations, each with an outline of 20 corners."""

OURS = """
import sys
from pathlib import Path
from compiler.workflows.counting import StoreFiles
from compiler.adapters.stores import AllStores
from compiler.datasets import dataset_format
from compiler.model.counted import CountRequest
from compiler.model.inputs import Location
counter, path = dataset_format(sys.argv[1]), Path(sys.argv[2])
if path.stat().st_size:
    found = counter.count(StoreFiles(AllStores(), Location(path.as_uri())), CountRequest())
    print(found.samples, found.labels)
"""
RIVALS = {
    "coco": ("json.load", "import json, sys; json.load(open(sys.argv[2]))"),
    "jsonl": (
        "json.loads of each line",
        "import json, sys\nfor line in open(sys.argv[2]): json.loads(line)",
    ),
    "csv": (
        "csv.reader",
        "import csv, sys\nfor row in csv.reader(open(sys.argv[2], newline='')): pass",
    ),
}
LOOPS = {
    "jsonl": (
        "a plain loop that counts classes and ids",
        "import json, sys\nfrom collections import Counter\n"
        "classes, ids = Counter(), Counter()\n"
        "for line in open(sys.argv[2]):\n"
        "    record = json.loads(line)\n"
        "    classes[record['label']] += 1\n"
        "    ids[record.get('id')] += 1\n"
        "print(len(classes), max(ids.values()))",
    ),
    "csv": (
        "a plain loop over csv.DictReader that counts classes and ids",
        "import csv, sys\nfrom collections import Counter\n"
        "classes, ids = Counter(), Counter()\n"
        "for record in csv.DictReader(open(sys.argv[2], newline='')):\n"
        "    classes[record['label']] += 1\n"
        "    ids[record.get('id')] += 1\n"
        "print(len(classes), max(ids.values()))",
    ),
}
"""What whoever has no such command writes: it does half of the work, and keeps every id."""
GOALS = {"coco": "> 1 ×", "jsonl": "≥ 3 ×", "csv": "1 ×"}
RECORDS = 1_500_000
CASES = (
    ("coco", "with ids"),
    ("jsonl", "with ids"),
    ("jsonl", "without ids"),
    ("csv", "with ids"),
    ("csv", "without ids"),
)
"""Ids are compared with each other, which no rival does."""


def rows(megabytes: int = COCO_MEGABYTES, records: int = RECORDS) -> Iterator[Row]:
    """One row for the time of each format, and one for the memory of COCO."""
    with tempfile.TemporaryDirectory(prefix="edgewright-bench-") as name:
        folder = Path(name)
        for form, ids in CASES:
            path = folder / f"data.{form}"
            empty = folder / f"empty.{form}"
            empty.touch()
            # In a process of its own: what this one holds would count for its children.
            size = str(megabytes if form == "coco" else records)
            run([sys.executable, __file__, "--write", form, size, ids, path], folder)
            yield from _compared(form, ids, path, empty, folder)
            path.unlink()


def _compared(form: str, ids: str, path: Path, empty: Path, folder: Path) -> Iterator[Row]:
    name, program = RIVALS[form]
    # The least disturbed of three each, turn by turn, on a machine with other work.
    pairs = [(_run(OURS, form, path, folder), _run(program, form, path, folder)) for _ in range(3)]
    ours = min((one for one, _ in pairs), key=lambda ran: ran.processor)
    theirs = min((one for _, one in pairs), key=lambda ran: ran.processor)
    start = _run(OURS, form, empty, folder)
    size = path.stat().st_size / 1e6
    ratio = theirs.processor / ours.processor
    yield Row(
        f"counting {size:,.0f} MB of {form} {ids}, against {name}",
        GOALS[form],
        f"{ours.processor:.1f} s to {theirs.processor:.1f} s, {ratio:.1f} × as fast",
    )
    if form in LOOPS:
        yield _beside(LOOPS[form], ours, form, ids, path, folder)
    yield Row(
        "memory for it, over a process that counts nothing",
        "≤ 64 MB" if form == "coco" else "report",
        f"{ours.peak - start.peak:.0f} MB ({name}: {theirs.peak:,.0f} MB)",
    )


def _beside(loop: tuple[str, str], ours: Ran, form: str, ids: str, path: Path, folder: Path) -> Row:
    name, program = loop
    theirs = min((_run(program, form, path, folder) for _ in range(3)), key=lambda r: r.processor)
    ratio = theirs.processor / ours.processor
    return Row(
        f"counting the same {form} {ids}, against {name}",
        "report",
        f"{ours.processor:.1f} s to {theirs.processor:.1f} s, {ratio:.1f} × as fast",
    )


def _run(program: str, form: str, path: Path, folder: Path) -> Ran:
    return run([sys.executable, "-c", program, form, str(path)], folder)


def write(form: str, size: int, ids: str, path: Path) -> None:
    """Write one file: COCO of so many megabytes, or so many records."""
    chance = random.Random(1)
    key = "id" if ids == "with ids" else "key"
    with path.open("w", encoding="utf-8") as file:
        if form == "coco":
            _write_coco(file, int(size * 1e6 / BYTES_OF_IMAGE), chance)
        elif form == "jsonl":
            for i in range(size):
                boxes = [[round(chance.uniform(0, 600), 2) for _ in range(4)] for _ in range(3)]
                record = {key: f"frame-{i:07}", "label": f"class {i % 20}", "boxes": boxes}
                more = {"camera": "north-2", "score": round(chance.random(), 4)}
                file.write(f"{json.dumps({**record, **more})}\n")
        else:
            file.write(f"{key},label,width,height,note\n")
            for i in range(size):
                file.write(f'r{i},class {i % 20},{i % 640},{i % 480},"some text, and {i} more"\n')


def _write_coco(file: TextIO, images: int, chance: random.Random) -> None:
    outlines = [
        json.dumps([[round(chance.uniform(0, 600), 2) for _ in range(40)]]) for _ in range(200)
    ]
    file.write('{"info":{"year":2026},"licenses":[],"images":[')
    for i in range(images):
        name = f"{i:012d}.jpg"
        address = f"http://images.example.com/val/{name}"
        one = {"license": 3, "file_name": name, "coco_url": address, "height": 480, "width": 640}
        one |= {"date_captured": "2026-11-14 17:02:52", "id": 3 * i}
        file.write(f"{',' if i else ''}{json.dumps(one)}")
    file.write('],"annotations":[')
    ids = list(range(6 * images))
    chance.shuffle(ids)
    for at, number in enumerate(ids):
        left, top = round(chance.uniform(0, 500), 2), round(chance.uniform(0, 400), 2)
        box = f"[{left},{top},{chance.uniform(1, 130):.2f},{chance.uniform(1, 75):.2f}]"
        file.write(
            f'{"," if at else ""}{{"segmentation":{outlines[at % 200]},"area":{left * 3.3:.3f},'
            f'"iscrowd":0,"image_id":{3 * chance.randrange(images)},"bbox":{box},'
            f'"category_id":{chance.randrange(1, 81)},"id":{number}}}'
        )
    names = [{"supercategory": "x", "id": i, "name": f"class {i}"} for i in range(1, 81)]
    file.write(f'],"categories":{json.dumps(names)}}}')


def main() -> None:
    """Print the table, each row as soon as it is known."""
    if sys.argv[1:2] == ["--write"]:
        form, size, ids, path = sys.argv[2:]
        write(form, int(size), ids, Path(path))
        return
    print(heading())
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else COCO_MEGABYTES
    for row in rows(megabytes):
        print(f"{row.work:60} {row.goal:>8}   {row.measured}", flush=True)


if __name__ == "__main__":
    main()
