"""Whatever tenants do beside a collector, what they need is there and what nobody needs goes."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecar.disk import blobs, collect, documents, owner, scrub, store, tenants, trees
from tests.sidecar.disk.given import accept, activate, limits, raw, sha
from tests.sidecar.support.invariants import problems

TENANTS = ("one.worker", "two.worker", "roll.worker.aa", "roll.worker.bb")
VERSIONS = tuple(f"version {n}".encode() for n in range(5))
GRACE = 100

which = st.sampled_from(TENANTS)
versions = st.sampled_from(VERSIONS)


class Store(RuleBasedStateMachine):
    """Tenants accept, switch, roll back and crash; one collector and one scrubber look around."""

    @initialize(keep=st.integers(0, 3))
    def open(self, keep: int) -> None:
        self.folder = tempfile.mkdtemp(dir="/dev/shm")
        self.layout = store.open_store(f"{self.folder}/store")
        self.own = owner.enter(self.layout)
        self.keep = keep
        self.now = 1_000_000.0
        self.wanted: dict[str, list[bytes]] = {}
        self.active: dict[str, bytes] = {}

    @rule(tenant=which, some=st.lists(versions, max_size=2, unique=True))
    def accept(self, tenant: str, some: list[bytes]) -> None:
        accept(self.layout, self.own, tenant, [sha(one) for one in some])
        self.wanted[tenant] = some

    @rule(tenant=which)
    def bring(self, tenant: str) -> None:
        for one in self.wanted.get(tenant, ()):
            raw(self.layout, self.own, one)

    @rule(tenant=which)
    def switch(self, tenant: str) -> None:
        """To what is wanted, where all of it is known; nothing is fetched for it."""
        for one in self.wanted.get(tenant, ())[:1]:
            tree = trees.known(self.layout, sha(one), "raw")
            if tree is not None:
                activate(self.layout, self.own, tenant, "model.a", {"model/a": (sha(one), tree)})
                self.active[tenant] = one

    @rule(tenant=which, phase=st.sampled_from(["idle", "probation", "rollback"]))
    def note(self, tenant: str, phase: str) -> None:
        slot = self.layout.slot(tenant, "model.a")
        if Path(slot).is_dir():
            releases = sorted(one.name for one in Path(slot, "releases").iterdir())
            document = {"phase": phase, "target": releases[0] if releases else ""}
            with tenants.keeping(self.layout):
                documents.write(self.own, f"{slot}/record.json", document)

    @rule()
    def leave_something_behind(self) -> None:
        """A process that dies at work: its staging and its token stay."""
        dead = owner.enter(self.layout)
        Path(dead.scratch()).mkdir()
        dead._lock.release()

    @rule(seconds=st.integers(0, 3 * GRACE), quota=st.sampled_from([0, 0, 1]))
    def collect(self, seconds: int, quota: int) -> None:
        self.now += seconds
        bounds = limits(self.layout.root, grace=GRACE, keep_previous=self.keep, max_bytes=quota)
        collect.collect(self.layout, self.own, bounds, self.now)

    @rule()
    def scrub(self) -> None:
        digest = scrub.next_blob(self.layout)
        assert not digest or scrub.check(self.layout, digest)

    @invariant()
    def nothing_is_promised_in_vain(self) -> None:
        assert problems(self.layout.root) == []

    @invariant()
    def what_is_active_is_shown(self) -> None:
        for tenant, one in self.active.items():
            path = self.layout.slot(tenant, "model.a", "current/model/a/model.onnx")
            assert Path(path).read_bytes() == one

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        self.what_nobody_needs_goes()
        self.own.leave()
        shutil.rmtree(self.folder)

    def what_nobody_needs_goes(self) -> None:
        for tenant in TENANTS:
            self.note(tenant, "idle")
        bounds = limits(self.layout.root, grace=GRACE, max_bytes=1)
        for step in range(4):
            collect.collect(self.layout, self.own, bounds, self.now + (step + 1) * GRACE)
        needed = {sha(one) for one in itertools.chain(*self.wanted.values(), self.active.values())}
        left = {one.name for one in Path(self.layout.store("blobs")).glob("*/*")}
        # a flip was made by the real clock, so the version before it may still have its grace
        previous = {sha(one) for one in VERSIONS if self._is_previous(one)}
        assert left <= needed | previous
        assert {one for one in needed if blobs.has(self.layout, one)} == needed & left
        assert list(Path(self.layout.store("owners")).iterdir()) == [
            Path(self.layout.owner(self.own.token))
        ]

    def _is_previous(self, one: bytes) -> bool:
        shown = Path(self.layout.root).glob("tenants/*/slots/*/previous/model/a/model.onnx")
        return any(path.read_bytes() == one for path in shown)


TestStore = Store.TestCase
TestStore.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
