"""The journal: bounded, whole lines, never a reason to fail."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from sidecar.disk import journal, store, tenants
from sidecar.disk.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = store.open_store(f"{tmp_path}/store")
    lock = tenants.enter(found, "job.worker")
    assert lock is not None
    lock.release()
    return found


def test_events_are_lines_with_their_time(layout: Layout) -> None:
    log = journal.Journal(layout, "job.worker")
    log.write({"event": "Active", "detail": "ü\n"})
    (line,) = Path(log.path).read_text().splitlines()
    found = json.loads(line)
    assert found.pop("time") > 1_000_000_000
    assert found == {"event": "Active", "detail": "ü\n"}


def test_two_files_of_a_quarter_of_a_mebibyte_are_all_that_is_kept(layout: Layout) -> None:
    log = journal.Journal(layout, "job.worker")
    for number in range(3000):
        log.write({"event": "Retry", "number": number, "detail": "x" * 300})
    sizes = [Path(f"{log.path}{end}").stat().st_size for end in ("", ".1")]
    assert all(size <= journal.LIMIT for size in sizes)
    lines = [
        json.loads(line)["number"]
        for end in (".1", "")
        for line in Path(f"{log.path}{end}").read_text().splitlines()
    ]
    assert lines == list(range(lines[0], 3000))


def test_an_event_that_is_too_long_is_cut(layout: Layout) -> None:
    log = journal.Journal(layout, "job.worker")
    log.write({"event": "Odd", "detail": "x" * (2 * journal.LIMIT)})
    assert Path(log.path).stat().st_size <= journal.LIMIT


def test_threads_do_not_mix_their_lines(layout: Layout) -> None:
    log = journal.Journal(layout, "job.worker")

    def write(name: str) -> None:
        for number in range(100):
            log.write({"event": name * 50, "number": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in Path(log.path).read_text().splitlines()]
    assert len(lines) == 400


def test_a_journal_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    journal.Journal(Layout(f"{tmp_path}/missing"), "job.worker").write({"event": "unheard"})
