"""Puts beside each model at each site what the branches, the clusters and the sidecars tell of it.

Takes what was asked and what came back, and judges; asks nobody itself. Whether a site is ready is
decided where rollouts decide it too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from compiler.model.observed import Finding, Verdict
from compiler.model.record import dataclass
from compiler.model.report import Report, ReportedArtifact
from compiler.model.truth import Column, Mark, Truth, Wish
from compiler.model.verdicts import Row
from compiler.stages.roll import Expected, Standing, standing
from compiler.stages.roll import Verdict as Stand
from compiler.workflows.publications import Publication, published

_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came back, and when: `rows` by cluster's target, job and site, `reports` by environment.

    `silent` are the words for an environment whose reports there are not; `failed` are those
    environments whose store was asked and did not answer. `moving` are the rollouts under way.
    """

    branches: Sequence[Publication]
    rows: Mapping[tuple[str, str, str], Row]
    unasked: str
    reports: Mapping[str, Sequence[Report]]
    silent: Mapping[str, str]
    failed: Collection[str]
    moving: Collection[tuple[str, str, str]]
    now: float


def truths(wished: Sequence[Wish], told: Told) -> list[Truth]:
    """Each wish with what is told of it."""
    by_target = {target: one for one in told.branches for target in one.targets}
    said = {name: _by_place(found) for name, found in told.reports.items()}
    columns = published(wished, by_target)
    jobs: dict[tuple[str, str], list[Row]] = {}
    for (target, job, _), row in told.rows.items():
        jobs.setdefault((target, job), []).append(row)
    return [
        _Judge(
            wish, told, column, step,
            said.get(wish.environment, {}).get((wish.site, wish.job), []),
            jobs.get((wish.cluster.target, wish.job), []),
        ).truth()
        for wish, (column, step) in zip(wished, columns, strict=True)
    ]  # fmt: skip


def _by_place(reports: Iterable[Report]) -> dict[tuple[str, str], list[Report]]:
    found: dict[tuple[str, str], list[Report]] = {}
    for one in reports:
        found.setdefault((one.site, one.job), []).append(one)
    return found


@dataclass(frozen=True, slots=True)
class _Judge:
    wish: Wish
    told: Told
    published: Column
    step: str
    reports: Sequence[Report]
    of_job: Sequence[Row]

    def truth(self) -> Truth:
        wish = self.wish
        expected = Expected(site=wish.site, digests={wish.model: {wish.digest}}, added=False)
        mine = [one for one in self.reports if any(self._is_mine(a) for a in one.artifacts)]
        stand = standing(expected, mine, self.told.now)
        accepted, running = self._accepted(mine), self._running(mine, stand)
        found = [
            *self._unpublished(),
            *self._refused(accepted),
            *self._behind(running, stand),
            *self._earlier(accepted, running),
            *self._strange(mine),
        ]
        found.sort(key=lambda one: -one.verdict.weight)
        return Truth(
            wish=wish,
            published=self.published,
            applied=self._applied(),
            accepted=accepted,
            running=running,
            findings=tuple(found),
            said=tuple(self._said(one) for one in mine),
        )

    # The columns.

    def _applied(self) -> Column:
        row = self._row()
        if row is None:
            return Column(Mark.UNASKED, "", self.told.unasked)
        engines = "; ".join(
            f"{one.kind} {one.name} {one.state}" + (f" at {one.revision}" if one.revision else "")
            for one in row.engines
        )
        if row.unseen:
            text = next((one.text for one in row.findings if one.text.startswith("not seen")), "")
            return Column(Mark.UNKNOWN, "", text)
        if row.missing:
            return Column(Mark.ABSENT, "", f"missing: {', '.join(row.missing)}")
        if row.older:
            version = next(filter(None, map(self._live_version, row.records)), "")
            return Column(Mark.OTHER, version, f"another: {', '.join(row.older)}")
        return Column(Mark.SAME, self.wish.version, engines)

    def _live_version(self, live: Mapping[str, Any]) -> str:
        spec = live.get("spec") or {}
        return str(spec.get("version") or "") if spec.get("model") == self.wish.model else ""

    def _accepted(self, mine: Sequence[Report]) -> Column:
        if (silent := self._nobody()) is not None:
            return silent
        if not mine:
            return Column(Mark.NEVER)
        at = min(one.time for one in mine)
        refused = [one for one in mine if one.rejected]
        if refused:
            return Column(Mark.REFUSED, "", f"{refused[0].rejected} on {refused[0].host}", at)
        other = [one for one in mine if one.revision != self.wish.configs.get(one.role, "")]
        if other:
            words = f"config {other[0].revision[:_SHORT]}… on {other[0].host}"
            return Column(Mark.OTHER, "", words, at)
        return Column(Mark.SAME, self.wish.version, "", at)

    def _running(self, mine: Sequence[Report], stand: Standing) -> Column:
        if (silent := self._nobody()) is not None:
            return silent
        if not mine:
            return Column(Mark.NEVER)
        version = ", ".join(sorted({_serves(one, self.wish.model) for one in mine} - {""}))
        marks = {Stand.READY: Mark.SAME, Stand.FAILED: Mark.REFUSED, Stand.SILENT: Mark.OLD}
        mark = marks.get(stand.verdict, Mark.OTHER)
        at = stand.seen or max(one.time for one in mine)
        return Column(mark, version, stand.words, at)

    def _nobody(self) -> Column | None:
        """The column where no sidecar could tell anything."""
        wish = self.wish
        if wish.delivery == "native":
            return self._native()
        if wish.environment in self.told.silent:
            failed = wish.environment in self.told.failed
            mark = Mark.UNKNOWN if failed else Mark.UNASKED
            return Column(mark, "", self.told.silent[wish.environment])
        return None

    def _native(self) -> Column:
        """What the cluster tells of a model that no sidecar brings: its pods, and Sedna's words.

        Where nothing at the site itself makes pods, those of the whole job are meant: Sedna makes
        the cloud's from the objects of edge sites.
        """
        row = self._row()
        if row is None:
            return Column(Mark.UNASKED, "", "no sidecar brings it: only the cluster knows")
        rows = [row] if row.workloads else self.of_job
        found = [finding for one in rows for finding in one.findings]
        worst = max(found, key=lambda one: one.verdict.weight, default=None)
        if worst is not None:
            mark = Mark.UNKNOWN if worst.verdict is Verdict.UNKNOWN else Mark.OTHER
            return Column(mark, "", worst.text)
        if not any(one.workloads for one in rows):
            return Column(Mark.UNASKED, "", "the cluster has nothing that runs it")
        return Column(Mark.SAME, self.wish.version, "as the cluster says of its pods")

    def _row(self) -> Row | None:
        wish = self.wish
        return self.told.rows.get((wish.cluster.target, wish.job, wish.site))

    # What is wrong.

    def _unpublished(self) -> Iterator[Finding]:
        if self.published.mark not in (Mark.OTHER, Mark.ABSENT):
            return
        has = f" has {self.published.version}" if self.published.version else " has none of it"
        detail = f"{self.published.words}{has}"
        text = "what is compiled here is not what is published"
        yield Finding(Verdict.OLDER, text, detail, self.step)

    def _refused(self, accepted: Column) -> Iterator[Finding]:
        if accepted.mark is Mark.REFUSED:
            text = "its sidecar refused the newest config"
            yield Finding(Verdict.DEGRADED, text, accepted.words, self._doctor())

    def _behind(self, running: Column, stand: Standing) -> Iterator[Finding]:
        model, wanted = self.wish.model, self.wish.version
        if self.wish.delivery == "native":
            # The cluster's own row says what is wrong there.
            return
        if running.mark is Mark.NEVER:
            yield Finding(Verdict.OFFLINE, "has never reported", "", self._pods())
        elif running.mark is Mark.OLD:
            text = "has not reported within the hour"
            yield Finding(Verdict.OFFLINE, text, stand.words, self._pods())
        elif running.mark is Mark.REFUSED:
            step = f"edgewright explain {self.wish.site}"
            if (self.wish.environment, self.wish.job, model) in self.told.moving:
                step = f"edgewright rollback {model} --dry-run"
            text = f"left {model}:{wanted} again"
            yield Finding(Verdict.DEGRADED, text, stand.words, step)
        elif running.mark is Mark.OTHER:
            stuck = stand.words.startswith(("BLOCKED", "REFUSED"))
            verdict = Verdict.DEGRADED if stuck else Verdict.PROGRESSING
            text = f"{'cannot get' if stuck else 'is on its way to'} {model}:{wanted}"
            yield Finding(verdict, text, stand.words, self._doctor())

    def _earlier(self, accepted: Column, running: Column) -> Iterator[Finding]:
        """The right bytes by another config, such as that of an earlier commit."""
        if accepted.mark is Mark.OTHER and running.mark is Mark.SAME:
            text = "has another config than the one compiled here"
            yield Finding(Verdict.PROGRESSING, text, accepted.words)

    def _strange(self, mine: Sequence[Report]) -> Iterator[Finding]:
        """What runs there and should run nowhere."""
        wish = self.wish
        for one in mine:
            for artifact in filter(self._is_mine, one.artifacts):
                if artifact.active and wish.known and artifact.active not in wish.known:
                    text = f"runs bytes of {wish.model} that neither the spec nor the lock knows"
                    detail = f"{artifact.serves or artifact.active[:_SHORT]} on {one.host}"
                    step = f"edgewright models show {wish.model}"
                    yield Finding(Verdict.DEGRADED, text, detail, step)
                version = _serves(one, wish.model)
                if version in wish.yanked and version != wish.version:
                    text = f"runs {wish.model}:{version}, which is yanked: {wish.yanked[version]}"
                    yield Finding(Verdict.DEGRADED, text, f"on {one.host}", self._doctor())

    def _pods(self) -> str:
        wish = self.wish
        labels = f"edgewright.io/job={wish.job},edgewright.io/site={wish.site}"
        return f"kubectl -n {wish.cluster.namespace} get pods -l {labels} -o wide"

    def _doctor(self) -> str:
        wish = self.wish
        if not wish.workload:
            return self._pods()
        program = "python3 -I -S /edgewright-sidecar.pyz doctor"
        return f"kubectl -n {wish.cluster.namespace} exec {wish.workload} -c sidecar -- {program}"

    def _is_mine(self, one: ReportedArtifact) -> bool:
        return (one.kind, one.name) == ("model", self.wish.model)

    def _said(self, one: Report) -> dict[str, Any]:
        mine = [artifact for artifact in one.artifacts if self._is_mine(artifact)]
        wanted = self.wish.configs.get(one.role, "")
        return {
            "host": one.host,
            "role": one.role,
            "ageSeconds": max(0, int(self.told.now - one.time)),
            "clockAheadSeconds": int(one.ahead),
            "revision": one.revision,
            "wantedRevision": wanted or None,
            "rejected": one.rejected or None,
            "reason": ": ".join(filter(None, (one.reason, one.detail))) or None,
            "version": _serves(one, self.wish.model) or None,
            "towards": next((artifact.version for artifact in mine), None),
            "digest": next((artifact.active for artifact in mine if artifact.active), None),
            "state": next((artifact.state for artifact in mine), None),
            "phase": next((artifact.phase for artifact in mine if artifact.phase), None),
            "why": next(
                (why for a in mine if (why := ": ".join(filter(None, (a.reason, a.detail))))), None
            ),
        }


def _serves(report: Report, model: str) -> str:
    """The version that a host serves of a model; empty where none does."""
    for one in report.artifacts:
        if one.name == model and one.kind == "model":
            return one.serves or (one.version if one.active and one.active == one.wanted else "")
    return ""
