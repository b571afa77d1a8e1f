"""Disks of hosts are held against what the emitted configs keep on them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.model import contract
from compiler.model.diagnostics import Diagnostic
from compiler.model.fleet import Site
from compiler.model.layout import CONFIG_FILE
from compiler.servers import server
from tests.model import contract_cases
from tests.stages.check.objects import config_map, facts, judge, obj, site

MI = 1024**2


def config(job: str = "watch", size: int | None = 100 * MI, **more: Any) -> dict[str, Any]:
    """A config of one model; `number` tells models apart, `host` binds it, `at` is its site."""
    number, host = more.pop("number", 1), more.pop("host", "")
    who = contract_cases.member(contract_cases.artifact(number=number), server="triton")
    document = json.loads(
        contract.canonical(contract.config(job, who, server("triton"), contract_cases.facts()))
    )
    document.pop("outbox", None)
    document["node"]["site"] = more.pop("at", "store-1")
    document["node"]["namespace"] = more.pop("namespace", "shop")
    if host:
        document["node"]["host"] = host
    for one in document["artifacts"]:
        for key in ("size", "unpacked"):
            one.pop(key) if size is None else one.update({key: size})
    return {**document, **more}


def node_config(size: int) -> dict[str, Any]:
    document = config("spread", size, number=7)
    document["tenant"]["role"] = "node"
    return document


def found(*documents: dict[str, Any], at: Site, **more: Site) -> list[Diagnostic]:
    sites = (at, *more.values())
    objects = [
        obj(config_map(f"c{number}", data={CONFIG_FILE: json.dumps(one)}), site=at.name)
        for number, one in enumerate(documents)
    ]
    codes = ("E7510", "W7513")
    return [d for d in judge(*objects, known=facts(*sites)) if d.code.id in codes]


ONE = 512 + 1 + 3 * 200
"""Mebibytes that one model needs that takes 200: served, before and to come, records and floor."""


@pytest.mark.parametrize(("mebibytes", "codes"), [(ONE, []), (ONE - 1, ["E7510"])])
def test_a_disk_has_to_hold_one_model_three_times(mebibytes: int, codes: list[str]) -> None:
    here = site(disk=f"{mebibytes}Mi")
    assert [d.code.id for d in found(config(), at=here)] == codes


def test_a_profile_without_a_disk_is_not_judged() -> None:
    assert found(config(size=2**50), at=site()) == []


def test_what_is_reserved_is_not_the_stores() -> None:
    assert found(config(), at=site(disk=f"{ONE + 9}Mi", reserved_disk="9Mi")) == []
    assert found(config(), at=site(disk=f"{ONE + 9}Mi", reserved_disk="10Mi"))


def test_equal_hosts_are_told_once_with_the_first_sites() -> None:
    many = [site(f"store-{number}", disk="1Gi") for number in range(1, 7)]
    documents = [config(at=one.name) for one in many]
    (told,) = found(*documents, at=many[0], **{one.name: one for one in many[1:]})
    assert told.message == (
        "a host of profile orin has to hold 1.1Gi, and its disk has 1Gi "
        "at sites store-1, store-2, store-3 and 3 more"
    )
    assert told.table[0] == "   200Mi  shelf:1.1.0 of watch.serve"


def test_the_hint_names_what_fits_and_the_largest_artifact() -> None:
    (told,) = found(config(), at=site(disk="1000Mi"))
    assert told.hint == (
        "it would fit on a disk of 1.1Gi or with cache: {previous: 0}, which gives up the way "
        "back; the largest artifact is shelf:1.1.0 with 200Mi"
    )
    (told,) = found(config(), at=site(disk="700Mi"))
    assert told.hint.startswith("it would fit on a disk of 1.1Gi; the largest")


def test_a_size_that_nobody_states_is_said_to_be_unknown() -> None:
    assert found(config(size=None), at=site(disk="10Gi")) == []
    documents = (config(size=None), config("count", 4096 * MI, number=2))
    (told,) = found(*documents, at=site(disk="10Gi"))
    assert "has to hold at least 26.5Gi" in told.message
    assert " unknown  shelf:1.1.0 of watch.serve" in told.table


def test_two_jobs_that_share_a_model_have_it_once() -> None:
    here = site(disk=f"{ONE}Mi")
    assert found(config(), config("count"), at=here) == []
    assert found(config(), config("count", number=2), at=here)


def test_two_environments_of_a_host_have_a_store_each() -> None:
    both = (config(), config(namespace="lab"))
    assert found(*both, at=site(disk=f"{ONE + 1 + 400}Mi")) == []
    assert found(*both, at=site(disk=f"{ONE + 400}Mi"))


HOSTS = ("a", "b")


def test_jobs_that_are_bound_to_two_hosts_do_not_meet() -> None:
    bound = (config(host="a"), config("count", number=2, host="b"))
    here = site(hosts=HOSTS, disk=f"{ONE}Mi")
    assert found(*bound, at=here) == []
    (told,) = found(config(host="a"), config("count", number=2, host="a"), at=here)
    assert told.code.id == "E7510"


def test_jobs_that_may_meet_on_a_host_are_a_warning_and_each_alone_must_fit() -> None:
    loose = (config(), config("count", number=2))
    assert found(*loose, at=site(hosts=HOSTS, disk=f"{ONE + 400}Mi")) == []
    (told,) = found(*loose, at=site(hosts=HOSTS, disk=f"{ONE}Mi"))
    assert told.code.id == "W7513"
    assert told.message.startswith("if all of it lands on one host, a host of profile orin")
    (told,) = found(*loose, at=site(hosts=HOSTS, disk=f"{ONE - 1}Mi"))
    assert told.code.id == "E7510"


def test_what_every_host_keeps_is_counted_on_each_and_has_no_version_before() -> None:
    everywhere = (node_config(50 * MI), config(host="a"))
    least = 512 + 1 + 2 * 200 + 100 + 200
    assert found(*everywhere, at=site(hosts=HOSTS, disk=f"{least}Mi")) == []
    (told,) = found(*everywhere, at=site(hosts=HOSTS, disk=f"{least - 1}Mi"))
    assert told.code.id == "E7510"


def test_of_a_site_without_hosts_each_job_is_judged_alone() -> None:
    loose = (config(), config("count", number=2))
    assert found(*loose, at=site(hosts=(), disk=f"{ONE}Mi")) == []
    assert found(*loose, at=site(hosts=(), disk=f"{ONE - 1}Mi"))


def test_pods_that_are_replaced_bring_all_that_they_have_at_once() -> None:
    document = config(bundles=[])
    document["artifacts"].append({**document["artifacts"][0], "name": "other", "sha256": "f" * 64})
    hot, rolling = document, json.loads(json.dumps(document))
    rolling["tenant"]["revision"] = "0123456789"
    assert found(hot, at=site(disk=f"{512 + 1 + 5 * 200}Mi")) == []
    assert found(rolling, at=site(disk=f"{512 + 1 + 5 * 200}Mi"))
    assert found(rolling, at=site(disk=f"{512 + 1 + 6 * 200}Mi")) == []


def test_a_site_that_the_fleet_does_not_have_is_not_judged() -> None:
    assert found(config(at="nowhere"), at=site(disk="1Mi")) == []
