"""Whether workers and hosts have the memory that models need while a version is loaded.

Judges only what versions say that they need. What pods request by themselves is summed elsewhere;
here it is raised to what their models need, where that is more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.model.codes import gates as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.figures import Figures
from compiler.model.fit_words import bytes_text
from compiler.model.fleet import Site
from compiler.model.loading import Worker
from compiler.model.quantity import MILLI
from compiler.model.site_fit import worker
from compiler.model.tenants import Placed
from compiler.stages.check.room import Fault, Room, shares
from compiler.stages.check.summary import Pods, Summary
from compiler.stages.check.words import Wrong


def check_workers(
    summaries: Sequence[Summary],
    sites: Mapping[str, Site],
    figures: Mapping[str, Figures],
    diagnostics: Diagnostics,
) -> None:
    """Report every worker whose limit is below what its models need while one is swapped."""
    for summary in summaries:
        for pods in summary.pods if summary.tenants else ():
            placed, found = _worker(summary, pods)
            if placed is None or not found.limit or found.peak <= found.limit:
                continue
            site, known = sites.get(placed.site), figures.get(placed.environment)
            if site is None:
                continue
            span = known.resources_span(placed.site, placed.job, placed.role) if known else None
            diagnostics.add_at_site(
                codes.MEMORY_OF_WORKER,
                f"the {placed.role} of jobs.{placed.job} has a limit of {bytes_text(found.limit)}, "
                f"and its models need {_least(found)}{bytes_text(found.peak)} of memory"
                f"{' while one is swapped' if found.swapped else ''}",
                site.name,
                site.span,
                span or summary.origins[pods.object].span,
                _hint(found),
                table=tuple(_rows(found)),
            )


def loaded(room: Room) -> Iterator[Fault]:
    """A host whose memory holds what pods request, but not what their models need."""
    users = shares(room.work, "memory")
    total = sum(amount for _, _, amount in users) // MILLI
    raised: list[tuple[int, Summary, Pods, Worker]] = []
    for summary, pods, count in room.work:
        _, one = _worker(summary, pods)
        more = (one.peak - one.request) * count
        if more > 0:
            raised.append((more, summary, pods, one))
    total += sum(more for more, _, _, _ in raised)
    free = room.free["memory"] * room.hosts // MILLI
    if not raised or total <= free:
        return
    raised.sort(key=lambda one: (-one[0], one[3].name))
    listed = "; ".join(f"{one.name} {bytes_text(one.peak)} ({_models(one)})" for *_, one in raised)
    hosts = "the host gives" if room.hosts == 1 else f"its {room.hosts} hosts give"
    text = (
        f"while versions are loaded the work here takes memory {bytes_text(total)}, and {hosts} "
        f"{bytes_text(free)} (profile {room.site.profile.name}); models need more than is "
        f"requested: {listed}"
    )
    _, summary, pods, _ = raised[0]
    hint = "place fewer models at the site, or use variants that need less"
    yield summary, pods.object, room.name, Wrong(codes.MEMORY_OF_HOST, text, hint)


def _worker(summary: Summary, pods: Pods) -> tuple[Placed | None, Worker]:
    asked, limit = pods.worker_memory // MILLI, pods.worker_limit // MILLI
    return worker(dict(pods.labels), asked, limit, summary.tenants)


def _rows(worker: Worker) -> Iterator[str]:
    for one in sorted(worker.models, key=lambda one: (-(one.needs or 0), one.title)):
        amount = "unknown" if one.needs is None else bytes_text(one.needs)
        yield f"{amount:>8}  {one.title}{f' ({one.source})' if one.source else ''}"
    swapped = worker.swapped
    if swapped is not None:
        new = "as much again" if swapped.coming is None else "of the version that comes"
        yield f"{bytes_text(swapped.new):>8}  {new} while {swapped.title} is swapped"


def _hint(worker: Worker) -> str:
    raised = f"give it {_rounded(worker.peak)} of memory"
    one_at_a_time = sum(one.needs or 0 for one in worker.models)
    if worker.hot and one_at_a_time <= worker.limit:
        return f"{raised}, or write update: rolling, which gives a new version its own worker"
    return raised


def _models(worker: Worker) -> str:
    known = [f"{one.title} {bytes_text(one.needs)}" for one in worker.models if one.needs]
    swapped = worker.swapped
    more = [f"{bytes_text(swapped.new)} more while {swapped.title} is swapped"] if swapped else []
    return ", ".join([*known, *more])


def _least(worker: Worker) -> str:
    return "at least " if worker.unknown else ""


def _rounded(size: int) -> str:
    return f"{-(-size // 1024**2)}Mi"
