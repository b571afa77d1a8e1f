"""What the columns of a model say where no sidecar brings it: the cluster's own words."""

from __future__ import annotations

from compiler.model.observed import Verdict
from compiler.model.truth import Mark, Truth
from compiler.model.verdicts import Row
from compiler.workflows.truths import Told, truths
from compiler.workflows.wishes import wishes
from tests.model.cluster_said import Live, altered, case, judged, rows

CASE = "joint-inference"


def told(judgements: dict[tuple[str, str], Row]) -> dict[tuple[str, str], Truth]:
    """The truths of the Sedna environment by site and model."""
    mine = [row for row in rows(CASE) if row.environment == "sedna"]
    fronts = [one for one in case(CASE).fronts if one.context.environment == "sedna"]
    by_key = {
        (row.wanted.cluster.target, row.wanted.job, row.wanted.site): row
        for row in judgements.values()
    }
    found = truths(
        wishes(fronts, mine),
        Told(branches=[], rows=by_key, unasked="", reports={}, silent={}, failed=(), moving=(),
             now=0.0),
    )  # fmt: skip
    return {(one.wish.site, one.wish.model): one for one in found}


def of_cluster(*change: object) -> dict[tuple[str, str], Row]:
    mine = [row for row in rows(CASE) if row.environment == "sedna"]
    return judged(mine, *change)  # type: ignore[arg-type] # one change, or none


def test_without_a_cluster_nobody_knows_and_it_is_not_called_ready() -> None:
    for one in told({}).values():
        assert one.wish.delivery == "native"
        assert (one.accepted.mark, one.running.mark) == (Mark.UNASKED, Mark.UNASKED)
        assert one.verdict is Verdict.UNKNOWN


def test_the_cloud_is_told_by_what_the_whole_job_runs() -> None:
    good = told(of_cluster())
    assert {one.running.mark for one in good.values()} == {Mark.SAME}
    assert {one.applied.mark for one in good.values()} == {Mark.SAME}

    def other(live: Live) -> None:
        live["spec"]["edgeWorker"]["template"]["spec"]["containers"][0]["image"] = "another"

    bad = told(of_cluster(altered("JointInferenceService", other, "north")))
    marks = {site: one.running.mark for (site, _), one in bad.items()}
    assert marks == {"north": Mark.OTHER, "south": Mark.SAME, "cloud": Mark.OTHER}
    assert "JointInferenceService is another" in bad["cloud", "big"].running.words


def test_a_record_alone_is_no_proof_that_anything_runs() -> None:
    cloud = {key: row for key, row in of_cluster().items() if key[1] == "cloud"}
    marks = {site: one.running.mark for (site, _), one in told(cloud).items()}
    assert marks == dict.fromkeys(("cloud", "north", "south"), Mark.UNASKED)
