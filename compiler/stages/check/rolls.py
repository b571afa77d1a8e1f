"""Whether an update finds room: a pod that is started before an old one ends needs a place.

Asks it of work that fits as it stands. Updates of one commit happen together, and each is
judged alone all the same: the one whose pod finds room gives as much back when its old pod
goes, and the next one follows. For the same reason one more pod is enough whatever maxSurge
says. A new version that never becomes ready keeps what it took, and others then wait for its
end; that is not judged here. What Sedna replaces is not either: its controller ends a pod first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.model.codes import check as codes
from compiler.model.record import dataclass
from compiler.stages.check.layout import Load, left_over
from compiler.stages.check.room import Fault, Job, Room, load, loads, ports, shares, takes
from compiler.stages.check.room import words as amount_words
from compiler.stages.check.summary import Pods, Summary
from compiler.stages.check.words import Wrong

_FIRST = "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"
_ANEW = "strategy: {type: Recreate, rollingUpdate: null}"
_DAEMON = "updateStrategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"


def starts_before_it_ends(pods: Pods, count: int) -> bool:
    """Whether an update of so many pods waits for a new one before it ends an old one."""
    if not pods.roll or not count:
        return False
    surge, unavailable = pods.roll
    return _part(surge, count, up=True) > 0 and _part(unavailable, count, up=False) == 0


def on_a_host(room: Room) -> Iterator[Fault]:
    """The updates for which one host has no room, or no port, beside its pods."""
    surging = _surging(room.work)
    if not surging:
        return
    totals = {name: sum(amount for _, _, amount in shares(room.work, name)) for name in room.free}
    for summary, pods in surging:
        lacking = [
            f"the pods here request {name} {amount_words(name, totals[name])} together, one more "
            f"{amount_words(name, amount)}, and the host gives {amount_words(name, free)}"
            for name, free in room.free.items()
            if (amount := load(pods).requests.get(name, 0)) and totals[name] + amount > free
        ]
        if lacking:
            text = f"{_update(summary, pods)}: {'; '.join(lacking)} ({_profile(room)})"
            yield summary, pods.object, room.name, _wrong(summary, pods, text)
        if pods.host_ports:
            text = f"{_update(summary, pods)}: the old one has {ports(load(pods))} of the host"
            yield summary, pods.object, room.name, _wrong(summary, pods, text, port=True)


@dataclass(frozen=True, slots=True)
class _Layout:
    """The pods that choose among the hosts of a pool, and those that each host has."""

    free: Mapping[str, int]
    loose: Sequence[Load]
    bound: Sequence[Sequence[Load]]

    def takes(self, new: Load, host: int | None) -> bool:
        """Whether all find a place with one more pod, on a host or on any."""
        if host is None:
            return left_over([*self.loose, new], self.free, self.bound) is None
        more = [[*held, new] if n == host else held for n, held in enumerate(self.bound)]
        return left_over(self.loose, self.free, more) is None


def in_a_pool(room: Room, rooms: Mapping[str, Room]) -> Iterator[Fault]:
    """The updates after which a pod of a pool of hosts, or of one of these, finds no place."""
    held = [rooms[name].work if name in rooms else [] for name in room.of_hosts]
    layout = _Layout(room.free, _loads(room.work), [_loads(work) for work in held])
    places = [(None, room.work), *enumerate(held)]
    judged: dict[tuple[int | None, str, str], bool] = {}
    for host, work in places:
        for summary, pods in _surging(work):
            new = load(pods)
            key = (host, takes(new), ports(new))
            if key not in judged:
                judged[key] = layout.takes(new, host)
            if not judged[key]:
                port = bool(new.ports) and layout.takes(Load(new.requests), host)
                wants = ports(new) if port else takes(new)
                text = (
                    f"{_update(summary, pods)}: it takes {wants}, and beside the other pods here "
                    f"the {room.hosts} hosts have no room for it ({_profile(room)})"
                )
                yield summary, pods.object, room.name, _wrong(summary, pods, text, port=port)


def _surging(work: Sequence[Job]) -> list[tuple[Summary, Pods]]:
    return [(one, pods) for one, pods, count in work if starts_before_it_ends(pods, count)]


def _loads(work: Sequence[Job]) -> list[Load]:
    return [one for _, _, one in loads(work)]


def _part(written: int | str, count: int, *, up: bool) -> int:
    if isinstance(written, int):
        return written
    digits = written.removesuffix("%")
    hundredths = int(digits) * count if digits.isdecimal() else 0
    return -(-hundredths // 100) if up else hundredths // 100


def _update(summary: Summary, pods: Pods) -> str:
    subject = summary.origins[pods.object].subject
    return f"an update of {subject} starts a new pod before it ends an old one"


def _profile(room: Room) -> str:
    return f"profile {room.site.profile.name}"


def _wrong(summary: Summary, pods: Pods, text: str, *, port: bool = False) -> Wrong:
    code = codes.HOST_PORT if port else codes.DOES_NOT_FIT
    shrink = "Let the old pod go first" if port else "Request less, or let the old pod go first"
    return Wrong(code, text, f"{shrink}: {_way_out(summary, pods)}.")


def _way_out(summary: Summary, pods: Pods) -> str:
    identity = summary.identities[pods.object]
    subject = summary.origins[pods.object].subject
    ways = [_DAEMON] if identity.kind == "DaemonSet" else [_FIRST, _ANEW]
    if summary.raw[pods.object] or not subject.startswith("jobs."):
        return "write " + " or ".join(ways) + f" under spec of the {identity.kind}"
    job = subject.removeprefix("jobs.")
    written = f"patch: {{spec: {{{ways[0]}}}}}"
    other = "".join(f", or in it {way}" for way in ways[1:])
    return f"under patches: write {{job: {job}, kind: {identity.kind}, {written}}}{other}"
