"""Asks stores and registries about everything that the lock does not know: many at once.

A store that fails is not asked further, unless the user wants that, and nothing that was learnt is
lost by it. Decides nothing of what the answers mean for the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import field, replace
from itertools import islice, takewhile
from threading import Lock as Mutex
from typing import TypeVar

from compiler import datasets
from compiler.model.archives import ArchiveError
from compiler.model.codes import lock as codes
from compiler.model.codes import world as world_codes
from compiler.model.counted import UncountableError
from compiler.model.declared import declared, holds
from compiler.model.diagnostics import Code, Diagnostics, Span
from compiler.model.inputs import Location
from compiler.model.lock import Lock, LockedArtifact, LockedDataset, LockedImage
from compiler.model.lockable import LockableArtifact, LockableImage, missing_platforms
from compiler.model.ports import Registry, Stores
from compiler.model.record import dataclass
from compiler.model.stored import Stored, StoreError, list_location
from compiler.stages.lock import prefix
from compiler.stages.lock.hosts import host_of, registry_of
from compiler.stages.lock.lock import Asked, named
from compiler.stages.lock.measure import CHUNKED_FROM, Read, chunk_list, measure
from compiler.stages.lock.nouns import Answers, Measured
from compiler.workflows.counting import count

AT_ONCE = 16
"""Questions under way at the same time."""

STRANGERS = 1000
"""Objects that nobody asked about and that a listing may hold before it is given up."""

LISTED = ("s3",)
"""Schemes of which one request lists a thousand objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Who is asked."""

    stores: Stores
    registry: Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How to ask. `update` names what is asked about again although nothing seems changed."""

    only: frozenset[str] = frozenset()
    update: frozenset[str] = frozenset()
    offline: bool = False
    keep_going: bool = False
    push_chunks: bool = False
    progress: Callable[[int, int], None] | None = None


_Wanted = TypeVar("_Wanted")
_Answer = TypeVar("_Answer")


def ask(
    everything: Sequence[Asked],
    old: Lock,
    world: World,
    wishes: Wishes,
    diagnostics: Diagnostics,
) -> Answers:
    """What is known now of all that is wanted; what failed is reported and has no answer."""
    bytes_: dict[tuple[Location, str], list[LockableArtifact]] = {}
    pictures: dict[str, list[LockableImage]] = {}
    for one in everything:
        for name, artifact in one.artifacts.items():
            if not wishes.only or named(name, wishes.only):
                bytes_.setdefault((artifact.location, artifact.unpack), []).append(artifact)
        for reference, image in one.images.items():
            if not wishes.only or named(reference, wishes.only):
                pictures.setdefault(reference, []).append(image)
    asker = _Asker(old, world, wishes, diagnostics)
    if wishes.offline:
        return asker.offline(bytes_.values(), pictures.values())
    return asker.answers(list(bytes_.values()), list(pictures.values()))


def count_all(
    everything: Sequence[Asked],
    old: Lock,
    answers: Answers,
    world: World,
    wishes: Wishes,
    diagnostics: Diagnostics,
) -> dict[tuple[str, str], LockedDataset]:
    """Count each version of a dataset whose bytes nobody counted yet; failures are reported."""
    found: dict[tuple[str, str], LockedDataset] = {}
    for one in everything:
        environment = one.resolved.environment
        for name, dataset in one.resolved.base.datasets.items():
            for version in dataset.versions:
                wanted = one.artifacts.get(f"datasets/{name}:{version}")
                answer = answers.artifacts.get((environment, f"datasets/{name}:{version}"))
                if wanted is None or answer is None or dataset.format not in datasets.FORMATS:
                    continue
                before = old.dataset(environment, f"{name}:{version}")
                again = named(wanted.name, wishes.update)
                same = before is not None and before.digest == answer.sha256
                if before is not None and same and holds(before, dataset, version) and not again:
                    continue
                try:
                    counted = count(world.stores, dataset, version, wanted.location)
                except (StoreError, UncountableError) as error:
                    diagnostics.add(error.code, f"{wanted.name}: {error}", wanted.span, error.hint)
                    continue
                entry = {
                    "digest": answer.sha256,
                    "samples": counted.samples,
                    "classes": counted.classes,
                    "splits": counted.splits,
                    "problems": tuple(map(str, counted.problems)),
                    "countedAs": declared(dataset, version),
                }
                found[environment, f"{name}:{version}"] = LockedDataset.model_validate(entry)
    return found


@dataclass(slots=True)
class _Asker:
    old: Lock
    world: World
    wishes: Wishes
    diagnostics: Diagnostics
    failed: dict[str, int] = field(default_factory=dict)
    listed: dict[str, Stored] = field(default_factory=dict)
    unlisted: list[str] = field(default_factory=list)
    mutex: Mutex = field(default_factory=Mutex)

    def answers(
        self, bytes_: Sequence[list[LockableArtifact]], pictures: Sequence[list[LockableImage]]
    ) -> Answers:
        """Ask about all of it."""
        pool, files = ThreadPoolExecutor(AT_ONCE), ThreadPoolExecutor(AT_ONCE)
        try:
            self._list([several[0].location for several in bytes_], pool)
            measured = self._all(pool, lambda several: self._bytes(several, files), bytes_)
            found = self._all(pool, self._picture, pictures)
        finally:
            # Whoever interrupts does not wait for gigabytes that are under way.
            for one in (pool, files):
                one.shutdown(wait=False, cancel_futures=True)
        for host, others in sorted(self.failed.items()):
            if others:
                self._tell_unasked(host, others)
        self._tell_unlisted()
        return Answers(
            artifacts={
                (one.environment, one.name): answer
                for several, answer in zip(bytes_, measured, strict=True)
                for one in several
                if answer is not None
            },
            images={
                (one.environment, one.reference): image
                for several, image in zip(pictures, found, strict=True)
                for one in several
                if image is not None
            },
        )

    def offline(
        self,
        bytes_: Iterable[list[LockableArtifact]],
        pictures: Iterable[list[LockableImage]],
    ) -> Answers:
        """What the old lock and the spec say; the rest is reported."""
        artifacts: dict[tuple[str, str], Measured] = {}
        for one in (one for several in bytes_ for one in several):
            entry = self._known(one)
            if entry is not None and entry.sha256 == (one.sha256 or entry.sha256):
                artifacts[one.environment, one.name] = Measured.of(entry)
            elif one.sha256:
                artifacts[one.environment, one.name] = Measured(one.sha256, None)
            else:
                self._not_asked(one.name, one.span)
        for image in (image for several in pictures for image in several):
            if self.old.image(image.environment, image.reference) is None:
                self._not_asked(image.reference, image.span)
        return Answers(artifacts=artifacts)

    def _all(
        self, pool: Executor, question: Callable[[_Wanted], _Answer], wanted: Sequence[_Wanted]
    ) -> list[_Answer]:
        tasks = [pool.submit(question, one) for one in wanted]
        for done, _ in enumerate(as_completed(tasks), 1):
            if self.wishes.progress:
                self.wishes.progress(done, len(tasks))
        return [task.result() for task in tasks]

    def _bytes(self, several: list[LockableArtifact], files: Executor) -> Measured | None:
        wanted = several[0]
        entry = next((e for one in several if (e := self._known(one)) is not None), None)
        host = host_of(wanted.location)
        if self._given_up(host):
            return None
        try:
            if wanted.prefix:
                return self._prefix(wanted, entry, files)
            return self._object(wanted, entry)
        except StoreError as error:
            self._fail(host, wanted.name, wanted.span, error)
        except ArchiveError as error:
            self._add(codes.ARCHIVE_REFUSED, f"{wanted.name}: {error}", wanted.span)
        return None

    def _object(self, wanted: LockableArtifact, entry: LockedArtifact | None) -> Measured:
        again = named(wanted.name, self.wishes.update)
        stored = self.listed.get(wanted.location.url)
        if stored is None or not _same(entry, stored):
            stored = self.world.stores.look(wanted.location)
        pushes = self.wishes.push_chunks and stored.size > CHUNKED_FROM
        if (
            entry is not None
            and _same(entry, stored)
            and not again
            and (entry.chunks or not pushes)
        ):
            if stored.size > CHUNKED_FROM and entry.chunks is None:
                self.unlisted.append(wanted.name)
            return Measured.of(entry)
        return self._with_chunks(wanted, measure(self.world.stores, wanted, stored))

    def _with_chunks(self, wanted: LockableArtifact, read: Read) -> Measured:
        """The chunk list is only told of where it is there: a device would look for it in vain."""
        if not read.chunks:
            return read.measured
        at = list_location(wanted.location)
        if self.wishes.push_chunks:
            self.world.stores.put(at, read.chunks)
        elif not self._has(at, read.chunks):
            self.unlisted.append(wanted.name)
            return read.measured
        return replace(read.measured, chunks=chunk_list(read))

    def _has(self, at: Location, data: bytes) -> bool:
        with suppress(StoreError), self.world.stores.open(at) as stream:
            return stream.read(len(data) + 1) == data
        return False

    def _prefix(
        self, wanted: LockableArtifact, entry: LockedArtifact | None, pool: Executor
    ) -> Measured:
        stores, push = self.world.stores, self.wishes.push_chunks
        files = prefix.files_of(stores, wanted.location)
        local = wanted.location.url.startswith("file:")
        again = local or named(wanted.name, self.wishes.update)
        same = entry is not None and entry.etag == prefix.state_of(files)
        if entry is not None and same and not again and (entry.manifest or not push):
            return Measured.of(entry)
        found = prefix.measure_prefix(stores, wanted, files, pool, push=push)
        return replace(found, etag="") if local else found

    def _picture(self, several: list[LockableImage]) -> LockedImage | None:
        wanted = several[0]
        entries = [self.old.image(one.environment, one.reference) for one in several]
        known = entries[0]
        if (
            known is not None
            and all(entry == known for entry in entries)
            and not any(missing_platforms(one, known) for one in several)
            and not named(wanted.reference, self.wishes.update)
        ):
            return known
        host = registry_of(wanted.reference)
        if self._given_up(host):
            return None
        try:
            return self.world.registry.image(wanted.reference)
        except StoreError as error:
            self._fail(host, wanted.reference, wanted.span, error)
        return None

    def _list(self, locations: Sequence[Location], pool: Executor) -> None:
        """List what many are asked of, so that none of them needs a question of its own."""
        groups: dict[tuple[str, ...], list[Location]] = {}
        for at in locations:
            scheme, _, rest = at.url.partition("://")
            if scheme in LISTED and not at.url.endswith("/"):
                groups.setdefault((at.endpoint, at.store, rest.partition("/")[0]), []).append(at)
        several = [group for group in groups.values() if len(group) > 1]
        for found in pool.map(self._listing, several):
            self.listed |= found

    def _listing(self, group: list[Location]) -> dict[str, Stored]:
        folders = [at.url.split("/")[:-1] for at in group]
        shared = takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False))
        prefix = "".join(f"{parts[0]}/" for parts in shared)
        wanted = {at.url for at in group}
        found: dict[str, Stored] = {}
        # Who may not list may still look; who can do neither is told so when looking.
        with suppress(StoreError):
            listing = self.world.stores.list(replace(group[0], url=prefix))
            for one in islice(listing, STRANGERS + 20 * len(group)):
                url = f"{prefix}{one.name}"
                if url in wanted:
                    found[url] = one
                    if len(found) == len(wanted):
                        break
        return found

    def _known(self, wanted: LockableArtifact) -> LockedArtifact | None:
        """What the lock has for these bytes, in this environment or in another."""
        own = self.old.artifact(wanted.environment, wanted.name)
        others = (
            entry
            for (_, section, name), entry in self.old.entries.items()
            if (section, name) == ("artifacts", wanted.name) and isinstance(entry, LockedArtifact)
        )
        candidates = [own] if own is not None else others
        return next((entry for entry in candidates if entry.uri == wanted.uri), None)

    def _given_up(self, host: str) -> bool:
        with self.mutex:
            if host not in self.failed or self.wishes.keep_going:
                return False
            self.failed[host] += 1
            return True

    def _fail(self, host: str, name: str, span: Span | None, error: StoreError) -> None:
        absent = error.code is world_codes.STORE_ABSENT
        with self.mutex:
            told = host in self.failed
            if not absent and not self.wishes.keep_going:
                self.failed[host] = self.failed.get(host, 0) + told
                if told:
                    return
        self._add(error.code, f"{name}: {error.message}", span, error.hint)

    def _add(self, code: Code, message: str, span: Span | None, hint: str = "") -> None:
        with self.mutex:
            self.diagnostics.add(code, message, span, hint)

    def _not_asked(self, name: str, span: Span | None) -> None:
        hint = "run `edgewright lock` without --offline"
        self.diagnostics.add(codes.NOT_ASKED, f"{name} is not in the lock", span, hint)

    def _tell_unasked(self, host: str, others: int) -> None:
        self.diagnostics.add(
            world_codes.GIVEN_UP,
            f"{others} more of {host or 'the folder'} {'were' if others > 1 else 'was'} not asked",
            None,
            "pass --keep-going to ask about each of them all the same",
        )

    def _tell_unlisted(self) -> None:
        if self.unlisted:
            names = sorted(self.unlisted)
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            verb = "have" if more else "has"
            self.diagnostics.add(
                codes.NO_CHUNKS,
                f"{names[0]}{more} {verb} no list of chunks in the store",
                None,
                "run `edgewright lock --push-chunks`",
            )


def _same(entry: LockedArtifact | None, stored: Stored) -> bool:
    return bool(entry and entry.etag and (entry.etag, entry.size) == (stored.etag, stored.size))
