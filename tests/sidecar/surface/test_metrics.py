"""Metrics, read by a strict reader of the format."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sidecar.surface import Counters, metrics
from sidecar.surface.counters import COUNTERS
from tests.sidecar.surface.prometheus import Family, read
from tests.sidecar.surface.states import NEW, OLD, artifact, group, shown, status, stream


def families() -> dict[str, Family]:
    seen = status(
        group(artifact(active=OLD, bytes=10), phase="wait", reason="Offline", attempts=3),
        group(artifact(key="code/pre"), name="code.pre"),
        streams=(stream(held=(("DiskFull", 2),)),),
        rejected="ConfigInvalid",
        release=NEW,
        reason="StoreReadOnly",
    )
    return read(metrics.text(seen, Counters()))


def test_a_strict_reader_accepts_every_family_of_a_full_status() -> None:
    found = families()
    ours = [name for name in found if name.startswith(metrics.PREFIX)]
    assert len(ours) >= 25
    assert all(family.help for family in found.values())
    name = f"{metrics.PREFIX}group_reason"
    assert found[name].samples == {
        (("group", "model.shelf"), ("reason", "Offline"), ("kind", "wait")): 1.0
    }
    held = found[f"{metrics.PREFIX}outbox_held"].samples
    assert held == {(("stream", "hard"), ("reason", "DiskFull")): 2.0}
    current = found[f"{metrics.PREFIX}artifact_current"].samples
    assert current == {(("artifact", "model/shelf"),): 0.0, (("artifact", "code/pre"),): 1.0}


def test_without_a_status_there_are_counters_and_the_process() -> None:
    found = read(metrics.text(None, Counters()))
    assert f"{metrics.PREFIX}config_changes_total" in found
    assert found["process_resident_memory_bytes"].samples[()] > 1e6
    assert found["process_open_fds"].samples[()] > 2
    assert f"{metrics.PREFIX}ready" not in found


@given(some.text())
def test_labels_come_back_as_they_were(words: str) -> None:
    seen = status(site=words)
    found = read(metrics.text(seen, Counters()))
    (labels,) = found[f"{metrics.PREFIX}info"].samples
    assert dict(labels)["site"] == words


def test_the_page_has_the_formats_own_type(tmp_path: Path) -> None:
    with shown(tmp_path, status) as one:
        answer = one.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert read(answer.body.decode())


def test_counters_grow_and_never_shrink() -> None:
    counters = Counters()
    counters.add("fetched_bytes", 10, "s3")
    counters.add("fetched_bytes", 5, "s3")
    counters.add("fetched_bytes", -100, "s3")
    counters.add("fetched_bytes", 1, "peer")
    counters.add("reports")
    assert counters.values("fetched_bytes") == {"peer": 1.0, "s3": 15.0}
    assert counters.values("reports") == {"": 1.0}
    found = read(metrics.text(status(), counters))
    samples = found[f"{metrics.PREFIX}fetched_bytes_total"].samples
    assert samples == {(("source", "peer"),): 1.0, (("source", "s3"),): 15.0}
    with pytest.raises(KeyError):
        counters.add("absent")


def test_counters_of_endless_labels_stay_small_and_lose_nothing() -> None:
    counters = Counters()
    for number in range(10_000):
        counters.add("failures", label=f"reason {number}")
    values = counters.values("failures")
    assert len(values) <= 65
    assert sum(values.values()) == 10_000


def test_counters_lose_nothing_between_threads() -> None:
    counters = Counters()

    def count() -> None:
        for _ in range(5000):
            counters.add("fetched_bytes", 1, "s3")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.values("fetched_bytes") == {"s3": 20_000.0}


def test_every_counter_has_a_name_that_the_format_allows_and_a_sentence() -> None:
    for name, counter in COUNTERS.items():
        assert re.fullmatch("[a-z_]+", name)
        assert not name.endswith("_total")
        assert counter.help.endswith(".")


def test_thousands_of_artifacts_are_shown_in_moderate_bytes() -> None:
    many = [
        group(artifact(key=f"model/m{number}"), name=f"model.m{number}") for number in range(1000)
    ]
    shown_ = metrics.text(status(*many), Counters())
    assert len(read(shown_)[f"{metrics.PREFIX}artifact_info"].samples) == 1000
    assert len(shown_) < 2_000_000
