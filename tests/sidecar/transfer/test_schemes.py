"""The registry of schemes, many sources, and hosts that are left alone for a while."""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path

import pytest

from sidecar.model.config import ANONYMOUS, Source, Store
from sidecar.model.reasons import ReasonError
from sidecar.transfer import schemes, verdict
from sidecar.transfer.breaker import Breaker
from sidecar.transfer.schemes import SCHEMES
from tests.sidecar.support.proxy import Fault, Relay
from tests.sidecar.support.web import Reply, Web
from tests.sidecar.transfer.fetching import MIB, bench, content, document, entry, refusal

DATA = content(2 * MIB, seed=71)


def test_the_registry_has_every_scheme_of_the_folder() -> None:
    folder = Path(schemes.__file__).parent
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    found = [import_module(f"sidecar.transfer.schemes.{name}").SCHEME for name in names]
    assert sorted(SCHEMES) == sorted(found)
    taken = [name for scheme in SCHEMES for name in scheme.names]
    assert sorted(taken) == ["file", "http", "https", "oci", "peer", "s3"]


def test_a_source_that_no_scheme_reaches_leaves_the_others(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web:
        made = document(tmp_path, [entry(DATA, web.url("/model"))])
        with bench(made) as b:
            odd = Source("gopher://old.example/model")
            alone = b.artifact._replace(sources=(odd,))
            assert b.refused(alone).code == "SchemeUnsupported"
            assert b.fetch(b.artifact._replace(sources=(odd, *b.artifact.sources))).bytes == 2 * MIB


@pytest.mark.parametrize(
    ("url", "store", "address"),
    [
        ("s3://b/k", ANONYMOUS, "https://b.s3.us-east-1.amazonaws.com/k"),
        ("s3://b/k", Store(region="cn-north-1"), "https://b.s3.cn-north-1.amazonaws.com.cn/k"),
        ("s3://b.c/k", ANONYMOUS, "https://s3.us-east-1.amazonaws.com/b.c/k"),
        ("s3://b/k", Store(endpoint="https://s3.example"), "https://b.s3.example/k"),
        ("s3://b/k", Store(endpoint="https://s3.example/x/", path_style=True),
         "https://s3.example/x/b/k"),
        ("s3://b/k", Store(endpoint="http://10.0.0.1:9000"), "http://10.0.0.1:9000/b/k"),
        ("s3://b/a b/c%20d+e?f", ANONYMOUS,
         "https://b.s3.us-east-1.amazonaws.com/a%20b/c%2520d%2Be%3Ff"),
    ],
)  # fmt: skip
def test_where_an_object_of_a_bucket_lies(
    tmp_path: Path, url: str, store: Store, address: str
) -> None:
    with bench(document(tmp_path, [])) as b:
        assert schemes.target(Source(url, store), b.context).url == address


def test_sources_are_asked_in_order_and_the_rest_is_not_asked(tmp_path: Path) -> None:
    with Web({"/b": DATA, "/c": DATA}) as web:
        urls = [web.url(path) for path in ("/a", "/b", "/c")]
        with bench(document(tmp_path, [entry(DATA, *urls)])) as b:
            assert b.fetch().source == urls[1]
        assert [one.target for one in web.asked] == ["/a", "/b"]


def test_a_mirror_that_is_down_costs_its_wait_once_and_not_for_every_artifact(
    tmp_path: Path,
) -> None:
    objects = {f"/{n}": content(1000, seed=n) for n in range(8)}
    with Web(objects) as web, Relay(web.port, always=Fault(stall=0)) as mirror:
        artifacts = [
            entry(data, f"http://{mirror.address}{path}", web.url(path), name=f"m{path[1:]}")
            for path, data in objects.items()
        ]
        with bench(document(tmp_path, artifacts, network={"timeout": 1})) as b:
            for one in b.config.artifacts:
                b.fetch(one)
        assert len(mirror.asked) == 2


def test_a_host_that_is_left_alone_is_asked_where_it_is_the_only_one(tmp_path: Path) -> None:
    with Web(script=lambda _: Reply(200, {"Content-Length": "5000"}, b"short")) as web:
        made = document(tmp_path, [entry(content(5000), web.url("/a"))])
        with bench(made) as b:
            for _ in range(3):
                b.refused()
            assert b.context.breaker.wait(f"127.0.0.1:{web.port}") > 0
            web.script = None
            web.objects["/a"] = content(5000)
            assert b.fetch().bytes > 0
            assert b.context.breaker.wait(f"127.0.0.1:{web.port}") == 0


def test_a_breaker_counts_what_speaks_of_the_host_and_waits_longer_each_time() -> None:
    breaker = Breaker()
    for code in ("NotFound", "AccessDenied", "DigestMismatch", "Busy"):
        for _ in range(5):
            breaker.failed("a", code)
    assert breaker.wait("a") == 0
    waits = []
    for _ in range(12):
        breaker.failed("a", "Offline")
        waits.append(round(breaker.wait("a")))
    assert waits == [0, 15, 30, 60, 120, 240, 300, 300, 300, 300, 300, 300]
    assert breaker.wait("b") == 0
    breaker.worked("a")
    assert breaker.wait("a") == 0


@pytest.mark.parametrize(
    ("codes", "paused", "told"),
    [
        (["NotFound", "Offline"], (), "Offline"),
        (["Busy", "Offline"], (), "Busy"),
        (["NotFound", "DigestMismatch"], (), "DigestMismatch"),
        (["NotFound", "AccessDenied", "TooLarge"], (), "TooLarge"),
        (["NotFound"], (30.0,), "Offline"),
        ([], (), "Offline"),
    ],
)
def test_of_many_failures_the_one_that_helps_is_told(
    codes: list[str], paused: tuple[float, ...], told: str
) -> None:
    found = verdict.of([ReasonError(code, code.lower()) for code in codes], paused)
    assert found.code == told
    assert found.after == (30.0 if paused else 0)
    for code in codes:
        assert code.lower() in found.detail


def test_the_wait_that_is_told_is_the_shortest() -> None:
    failures = [ReasonError("Busy", after=40), ReasonError("Busy", after=20)]
    assert verdict.of(failures).after == 20
    assert verdict.of([*failures, ReasonError("NotFound")], (5.0,)).after == 5


def test_two_processes_fetch_a_digest_once(tmp_path: Path) -> None:
    from threading import Thread

    with Web({"/model": DATA}) as web, Relay(web.port, always=Fault(rate=4 * MIB)) as relay:
        made = document(tmp_path, [entry(DATA, f"http://{relay.address}/model")])
        with bench(made) as one, bench(made) as other:
            done: list[int] = []
            threads = [
                Thread(target=lambda b=b: done.append(b.fetch().bytes)) for b in (one, other)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(done) == [0, 2 * MIB]
            said = [body for b in (one, other) for _, body in b.said]
            assert {"phase": "wait", "reason": "WaitingForFetch"} in said
        assert relay.sent == 2 * MIB


def test_a_link_local_address_is_not_asked_through_a_proxy_either(tmp_path: Path) -> None:
    from tests.sidecar.support.proxy import Forward

    with Forward() as proxy:
        network = {"proxy": f"http://{proxy.address}"}
        made = document(tmp_path, [entry(DATA, "http://169.254.169.254/x")], network=network)
        assert refusal(made).code == "AddressRefused"
        assert proxy.connections == 0


def test_waiting_for_a_silent_server_is_bounded(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web, Relay(web.port, always=Fault(latency=30)) as relay:
        url = f"http://{relay.address}/model"
        began = time.monotonic()
        made = document(tmp_path, [entry(DATA, url)], network={"timeout": 1})
        assert refusal(made).code == "Stalled"
        assert time.monotonic() - began < 25


@pytest.mark.parametrize(("status", "code"), [(500, "ServerFailed"), (502, "ServerFailed"),
                                              (503, "Busy"), (429, "Busy")])  # fmt: skip
def test_a_server_that_fails_is_not_said_to_be_busy(tmp_path: Path, status: int, code: str) -> None:
    with Web(script=lambda _: Reply(status, {"Content-Length": "0"}, b"")) as web:
        assert refusal(document(tmp_path, [entry(DATA, web.url("/a"))])).code == code
