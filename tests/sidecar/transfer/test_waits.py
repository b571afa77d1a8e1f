"""Waits that a fetch tells about: another process with the same digest, and an object replaced."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread

import pytest

from sidecar.disk import locks
from sidecar.model.reasons import ReasonError
from sidecar.transfer.scheme import Wanted
from sidecar.transfer.schemes import find
from tests.sidecar.support.web import Web
from tests.sidecar.transfer.fetching import bench, content, document, entry

DATA = content(100_000)


def test_a_fetch_waits_for_who_fetches_the_same_digest_says_so_and_then_goes_on(
    tmp_path: Path,
) -> None:
    with Web({"/x": DATA}) as web, bench(document(tmp_path, [entry(DATA, web.url("/x"))])) as b:
        other = locks.try_lock(b.layout.lock(f"fetch-{b.artifact.sha256}"))
        assert other is not None
        fetching = Thread(target=b.fetch)
        fetching.start()
        deadline = time.monotonic() + 20
        while not b.said and time.monotonic() < deadline:
            time.sleep(0.01)
        assert b.said[0] == ("progress", {"phase": "wait", "reason": "WaitingForFetch"})
        assert web.asked == []
        other.release()
        fetching.join(20)
        assert b.blob() == DATA


@pytest.mark.parametrize("heeds", [True, False], ids=["answers 412", "ignores the condition"])
def test_a_resume_of_an_object_that_was_replaced_is_told_as_changed(
    tmp_path: Path, heeds: bool
) -> None:
    with Web({"/x": DATA}) as web, bench(document(tmp_path, [entry(DATA, web.url("/x"))])) as b:
        web.heeds_if_match = heeds
        (remote,) = find(b.artifact.sources, Wanted(), b.context)
        first = remote.open(0, "")
        identity = first.identity
        first.close()
        web.objects["/x"] = content(100_000, seed=2)
        with pytest.raises(ReasonError) as caught:
            remote.open(50_000, identity)
        assert caught.value.code == "SourceChanged"
