"""Making room for a fetch: what is given up for it, and what never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.disk import blobs, owner, space, store
from sidecar.model import tasks
from tests.sidecar.disk.given import accept, activate, limits, raw
from tests.sidecar.support import disks
from tests.sidecar.transfer.fetching import MIB, document, entry
from tests.sidecar.worker.talking import worker


@pytest.mark.parametrize(("more", "stays"), [(MIB // 2, False), (3 * MIB // 2, True)])
def test_a_version_before_is_given_up_only_for_what_fits_then(
    tmp_path: Path, more: int, stays: bool
) -> None:
    with disks.tmpfs("8m", at=str(tmp_path)):
        layout = store.open_store(f"{tmp_path}/store")
        with owner.enter(layout) as own:
            versions = [raw(layout, own, bytes([number]) * MIB) for number in range(2)]
            for version in versions:
                accept(layout, own, "watch.serve", [version[0]])
                activate(layout, own, "watch.serve", "model.a", {"model/a": version})
        made = document(layout.root, [entry(b"1", "http://127.0.0.1:9/x")])
        made["store"]["grace"] = 0
        need = space.room(layout, limits(layout.root)).bytes + more
        with worker(made) as one:
            done = one.do("collect", tasks.collect(need))
        assert done.event == "done", done.body
        assert blobs.has(layout, versions[0][0]) == stays
        assert blobs.has(layout, versions[1][0])
