"""Certificates, clocks and proxies: rows N13, N15 and N16 of the failure matrix."""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.sidecar.support import s3 as s3_server
from tests.sidecar.support.proxy import Forward, answer
from tests.sidecar.support.s3 import S3
from tests.sidecar.support.web import Reply, Web
from tests.sidecar.transfer.fetching import bench, content, document, entry, refusal

DATA = content(100_000)
NAME = "artifacts.example"
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.crt"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def served(authority: trustme.CA, *names: str, **dates: Any) -> Web:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, **dates).configure_cert(context)
    return Web({"/model": DATA}, tls=context)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def test_n13_a_server_with_a_certificate_of_the_bundle_is_trusted(
    authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    with served(authority, "localhost") as web:
        made = document(
            tmp_path / "store", [entry(DATA, web.url("/model", "localhost"))],
            network={"caFile": ca_file},
        )  # fmt: skip
        with bench(made) as b:
            b.fetch()
            assert b.blob() == DATA


def test_n13_an_unknown_authority_is_refused_without_a_second_try(
    authority: trustme.CA, tmp_path: Path
) -> None:
    with served(authority, "localhost") as web:
        url = web.url("/model", "localhost")
        caught = refusal(document(tmp_path, [entry(DATA, url)]))
        assert (caught.code, caught.reason.kind) == ("TlsVerify", "blocked")
        assert web.asked == [], "not even the request was sent"
        assert web.connections == 1


@pytest.mark.parametrize(
    ("name", "dates", "code"),
    [
        ("elsewhere.example", {}, "TlsVerify"),
        ("localhost", {"not_after": now() - DAY}, "TlsVerify"),
        ("localhost", {"not_before": now() + DAY, "not_after": now() + 9 * DAY}, "ClockSkew"),
    ],
)
def test_n13_n15_certificates_that_do_not_fit_say_why(
    authority: trustme.CA, ca_file: str, tmp_path: Path, name: str, dates: dict[str, Any], code: str
) -> None:
    with served(authority, name, **dates) as web:
        url = web.url("/model", "localhost")
        network = {"caFile": ca_file}
        caught = refusal(document(tmp_path / "store", [entry(DATA, url)], network=network))
        assert caught.code == code
        assert web.asked == []


@pytest.mark.parametrize("text", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_n13_a_bundle_without_certificates_is_an_error_and_not_an_exception_to_the_rule(
    authority: trustme.CA, tmp_path: Path, text: str | None
) -> None:
    bundle = tmp_path / "ca.crt"
    if text is not None:
        bundle.write_text(text)
    with served(authority, "localhost") as web:
        made = document(
            tmp_path / "store", [entry(DATA, web.url("/model", "localhost"))],
            network={"caFile": str(bundle)},
        )  # fmt: skip
        caught = refusal(made)
        assert caught.code == "TlsVerify"
        assert str(bundle) in caught.detail


def test_n13_a_bundle_that_is_replaced_is_read_again(
    authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.crt"
    trustme.CA().cert_pem.write_to_path(str(bundle))
    with served(authority, "localhost") as web:
        made = document(
            tmp_path / "store", [entry(DATA, web.url("/model", "localhost"))],
            network={"caFile": str(bundle)},
        )  # fmt: skip
        with bench(made) as b:
            assert b.refused().code == "TlsVerify"
            Path(ca_file).replace(bundle)
            assert b.fetch().bytes == len(DATA)


def test_n13_plain_text_where_tls_is_wanted_is_no_reason_to_go_without(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web:
        url = web.url("/model").replace("http:", "https:")
        assert refusal(document(tmp_path, [entry(DATA, url)])).code == "TlsVerify"
        assert not any(one.method == "GET" for one in web.asked)


def test_n15_a_clock_that_is_two_hours_off_is_put_right_by_the_servers(
    s3: S3, tmp_path: Path
) -> None:
    keys = s3_server.credentials(tmp_path / "secret")
    url = s3.put("row-n15", "model.onnx", DATA)
    stores = [s3.store(credentials=keys)]
    for hours in (-2, 2):
        made = document(tmp_path / f"{hours}", [entry(DATA, f"{url} @ main")], stores=stores)
        with bench(made) as b:
            b.context.set_clock("127.0.0.1", time.time() + hours * 3600)
            b.fetch()
            assert b.blob() == DATA
            assert abs(b.context.now("127.0.0.1") - time.time()) < 60


def test_n15_a_server_that_is_never_content_with_the_time_is_clock_skew(tmp_path: Path) -> None:
    keys = s3_server.credentials(tmp_path / "secret")
    body = b"<Error><Code>RequestTimeTooSkewed</Code><Message>late</Message></Error>"
    with Web(script=lambda _: Reply(403, body=body)) as web:
        store = {"name": "main", "endpoint": web.url(""), "credentials": keys}
        made = document(tmp_path / "s", [entry(DATA, "s3://bucket/key @ main")], stores=[store])
        assert refusal(made).code == "ClockSkew"
        assert len(web.asked) == 1


# --- N16


def test_n16_plain_requests_go_to_the_proxy_with_their_whole_address(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web, Forward({NAME: web.port}) as proxy:
        made = document(
            tmp_path, [entry(DATA, f"http://{NAME}/model")],
            network={"proxy": f"http://{proxy.address}"},
        )  # fmt: skip
        with bench(made) as b:
            b.fetch()
            assert b.blob() == DATA
        assert [one.target for one in proxy.asked] == [f"http://{NAME}/model"]
        assert web.asked[0].headers["host"] == NAME


@pytest.mark.parametrize("tls_proxy", [False, True])
def test_n16_tls_goes_through_a_tunnel_and_is_verified_at_its_end(
    authority: trustme.CA, ca_file: str, tmp_path: Path, tls_proxy: bool
) -> None:
    tls = None
    if tls_proxy:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(tls)
    with served(authority, NAME) as web, Forward({NAME: web.port}, tls=tls) as proxy:
        scheme = "https" if tls_proxy else "http"
        network = {"proxy": f"{scheme}://localhost:{proxy.port}", "caFile": ca_file}
        artifacts = [entry(DATA, f"https://{NAME}/model")]
        with bench(document(tmp_path / "store", artifacts, network=network)) as b:
            b.fetch()
            assert b.blob() == DATA
        assert [one.target for one in proxy.asked] == [f"{NAME}:443"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_n16_a_proxy_that_is_down_is_never_gone_around(tmp_path: Path, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Web({"/model": DATA}) as web:
        url = f"{scheme}://127.0.0.1:{web.port}/model"
        network = {"proxy": f"http://127.0.0.1:{port}"}
        caught = refusal(document(tmp_path, [entry(DATA, url)], network=network))
        assert (caught.code, caught.reason.kind) == ("ProxyError", "wait")
        assert web.connections == 0


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "502 Bad Gateway"])
def test_n16_a_proxy_that_refuses_a_tunnel_is_a_proxy_error(tmp_path: Path, status: str) -> None:
    with Forward(refusal=answer(status)) as proxy:
        network = {"proxy": f"http://{proxy.address}"}
        made = document(tmp_path, [entry(DATA, f"https://{NAME}/model")], network=network)
        assert refusal(made).code == "ProxyError"


@pytest.mark.parametrize("rule", ["127.0.0.0/8", "127.0.0.1", "127.0.0.1:{port}", "*"])
def test_n16_hosts_of_no_proxy_are_reached_directly(tmp_path: Path, rule: str) -> None:
    with Web({"/model": DATA}) as web, Forward() as proxy:
        excepted = ["10.0.0.0/8", rule.format(port=web.port)]
        network = {"proxy": f"http://{proxy.address}", "noProxy": excepted}
        with bench(document(tmp_path, [entry(DATA, web.url("/model"))], network=network)) as b:
            b.fetch()
        assert proxy.connections == 0
