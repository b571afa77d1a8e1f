"""Readers by the documented protocols never miss a file and never see two versions at once."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.activation import switch, views
from sidecar.activation.records import NOTHING
from sidecar.activation.releases import Member
from sidecar.activation.switch import Slot
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from tests.sidecar.activation.given import member, opened, slot_of

SCRIPT = Path(__file__).parents[1] / "support/reading.py"
SWITCHES, READS = 1_000, 100_000
KEPT = 300
"""Numbers below the active one that stay, as a grace of some seconds would keep them."""


def test_no_reader_misses_a_file_or_sees_two_versions(campaign: bool) -> None:
    switches, wanted = (SWITCHES, READS) if campaign else (SWITCHES // 10, READS // 10)
    seen = watched(switches, wanted, "handle", "number")
    print(f"\n{switches} switches: {seen}")
    for protocol, found in seen.items():
        assert found["reads"] >= wanted, protocol
        assert found["versions"] > switches / 20, protocol
        assert (found["missing"], found["mixed"]) == (0, 0), protocol


def test_a_reader_by_paths_sees_two_versions_at_once(campaign: bool) -> None:
    """The control: the switches are quick enough to catch whoever is careless."""
    switches = SWITCHES if campaign else SWITCHES // 5
    seen = watched(switches, 1000, "paths")["paths"]
    print(f"\n{switches} switches: {seen}")
    assert seen["mixed"] > 0


def watched(switches: int, reads: int, *protocols: str) -> dict[str, dict[str, int]]:
    """Switch as often as that, and until each reader has read enough; what the readers saw."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        layout, owner = opened(Path(folder) / "store")
        slot = slot_of(layout, owner, "bundle.watch")
        pairs = [(version(layout, owner, text)) for text in (b"one", b"two", b"three")]
        flip(slot, pairs[0], 1)
        counts = [Path(folder) / f"count-{at}" for at in range(len(protocols))]
        with readers(slot, slot.view(pairs[0][0]), protocols, counts) as running:
            number = 1
            while number <= switches or min(map(counted, counts)) < reads:
                number += 1
                flip(slot, pairs[number % 3], number)
            found = [ended(one) for one in running]
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    return dict(zip(protocols, found, strict=True))


def version(layout: Layout, owner: Owner, text: bytes) -> tuple[Member, Member]:
    """A model and its code, each file of which names the version."""
    model = member(
        layout, owner, "model/det", {"weights": text, "labels/names": text}, view="tfserving"
    )
    return model, member(layout, owner, "code/io", {"weights": text, "more": b"code"})


def flip(slot: Slot, pair: tuple[Member, Member], number: int) -> None:
    """Switch to a version under another number, and let old numbers go as after their grace."""
    model, code = pair
    switch.activate(slot, (model._replace(number=number), code), {}, NOTHING)
    if number % 100 == 0:
        views.expire(slot.owner, slot.view(model), below=number - KEPT)


@contextmanager
def readers(
    slot: Slot, view: str, protocols: tuple[str, ...], counts: list[Path]
) -> Iterator[list[subprocess.Popen[str]]]:
    running = [
        subprocess.Popen(
            [sys.executable, "-I", str(SCRIPT), protocol, slot.path, view, str(count)],
            stdout=subprocess.PIPE, text=True,
        )
        for protocol, count in zip(protocols, counts, strict=True)
    ]  # fmt: skip
    try:
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        yield running
    finally:
        for one in running:
            one.kill()
            one.wait()
            if one.stdout is not None:
                one.stdout.close()


def counted(path: Path) -> int:
    """How many reads there were so far."""
    return int(path.read_text() or 0) if path.exists() else 0


def ended(reader: subprocess.Popen[str]) -> dict[str, int]:
    """What a reader saw until it was told to end."""
    reader.terminate()
    assert reader.stdout is not None
    found: dict[str, int] = json.loads(reader.stdout.readline())
    return found
