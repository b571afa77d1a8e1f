"""What is never spoken to, redirects, and which hosts go around the proxy."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.model.config import Network
from sidecar.model.reasons import ReasonError
from sidecar.transfer import addresses
from sidecar.transfer.proxies import proxy_for
from tests.sidecar.support import s3 as s3_server
from tests.sidecar.support.web import Reply, Web
from tests.sidecar.transfer.fetching import bench, content, document, entry, refusal

DATA = content(50_000)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "224.0.0.1",
        "ff02::1", "255.255.255.255",
    ],
)  # fmt: skip
def test_addresses_of_metadata_services_are_refused_even_where_declared(address: str) -> None:
    with pytest.raises(ReasonError) as caught:
        addresses.check(address, address, 80, {(address, 80)})
    assert caught.value.code == "AddressRefused"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "0.1.2.3", "::", "::ffff:127.0.0.1"]
)
def test_loopback_is_refused_unless_host_and_port_are_declared(address: str) -> None:
    with pytest.raises(ReasonError) as caught:
        addresses.check(address, "sneaky.example", 80, {("127.0.0.1", 80)})
    assert caught.value.code == "AddressRefused"
    addresses.check(address, "127.0.0.1", 80, {("127.0.0.1", 80)})


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.0.9", "8.8.8.8", "2001:db8::1", "fd12::1"]
)
def test_addresses_of_networks_are_fine(address: str) -> None:
    addresses.check(address, "store.example", 443, ())


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0xa9fea9fe", "2852039166"]
)
def test_a_link_local_source_is_blocked_without_a_packet(tmp_path: Path, host: str) -> None:
    caught = refusal(document(tmp_path, [entry(DATA, f"http://{host}/latest/meta-data")]))
    assert (caught.code, caught.reason.kind) == ("AddressRefused", "blocked")


def test_a_redirect_to_a_port_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as hidden, Web() as web:
        web.script = lambda _: Reply(302, {"Location": hidden.url("/model")})
        caught = refusal(document(tmp_path, [entry(DATA, web.url("/model"))]))
        assert caught.code == "AddressRefused"
        assert hidden.connections == 0


def test_a_name_that_leads_to_loopback_is_refused_though_the_address_is_declared(
    tmp_path: Path,
) -> None:
    with Web({"/model": DATA}) as web:
        artifacts = [
            entry(DATA, f"http://localhost.localdomain:{web.port}/model"),
            entry(DATA, web.url("/model"), name="other"),
        ]
        assert refusal(document(tmp_path, artifacts)).code in ("AddressRefused", "Offline")
        assert web.connections == 0


# --- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_n14_a_redirect_is_followed_and_no_credential_goes_with_it(
    tmp_path: Path, status: int
) -> None:
    keys = s3_server.credentials(tmp_path / "secret", token="test-token")
    with Web({"/model": DATA}) as other, Web() as web:
        web.script = lambda _: Reply(status, {"Location": other.url("/model")})
        store = {"name": "main", "endpoint": web.url(""), "credentials": keys}
        artifacts = [
            entry(DATA, "s3://bucket/key @ main"),
            entry(DATA, other.url("/model"), name="declares-the-other-port"),
        ]
        with bench(document(tmp_path / "store", artifacts, stores=[store])) as b:
            b.fetch()
            assert b.blob() == DATA
        assert "authorization" in web.asked[0].headers
        sent = " ".join(f"{k}: {v}" for k, v in other.asked[0].headers.items())
        for word in ("authorization", "x-amz", "test-"):
            assert word not in sent


def test_n14_a_redirect_within_the_store_is_signed_anew(tmp_path: Path) -> None:
    keys = s3_server.credentials(tmp_path / "secret")
    with Web({"/elsewhere": DATA}) as web:
        web.script = lambda asked: (
            Reply(307, {"Location": "/elsewhere"}) if asked.target != "/elsewhere" else None
        )
        store = {"name": "main", "endpoint": web.url(""), "credentials": keys}
        made = document(tmp_path / "s", [entry(DATA, "s3://bucket/key @ main")], stores=[store])
        with bench(made) as b:
            b.fetch()
        first, second = (one.headers["authorization"] for one in web.asked)
        assert first.rpartition("=")[2] != second.rpartition("=")[2]


def test_n14_redirects_end_somewhere(tmp_path: Path) -> None:
    with Web(script=lambda asked: Reply(302, {"Location": f"{asked.target}x"})) as web:
        caught = refusal(document(tmp_path, [entry(DATA, web.url("/a"))]))
        assert (caught.code, caught.reason.kind) == ("RedirectRefused", "blocked")
        assert len(web.asked) == 6


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "//[", ""]
)
def test_n14_a_redirect_to_no_address_of_http_is_a_protocol_error(
    tmp_path: Path, target: str
) -> None:
    with Web(script=lambda _: Reply(302, {"Location": target})) as web:
        assert refusal(document(tmp_path, [entry(DATA, web.url("/a"))])).code in (
            "Protocol", "RedirectRefused",
        )  # fmt: skip


# --- noProxy


@pytest.mark.parametrize(
    ("rule", "host", "direct"),
    [
        ("example.com", "example.com", True),
        ("example.com", "s3.example.com", True),
        (".example.com", "s3.example.com", True),
        ("*.example.com", "s3.example.com", True),
        (".example.com", "badexample.com", False),
        ("example.com", "badexample.com", False),
        ("example.com", "example.com.evil.test", False),
        ("EXAMPLE.com", "example.COM.", True),
        ("example.com:8443", "example.com", False),
        ("example.com:443", "example.com", True),
        ("10.0.0.0/8", "10.200.3.4", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "ten.example.com", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("0.0.1", "10.0.0.1", False),
        ("fd00::/8", "fd12::1", True),
        ("fd00::/8", "10.0.0.1", False),
        ("::1", "::1", True),
        ("nonsense/99", "10.0.0.1", False),
        ("*", "anything.example", True),
    ],
)
def test_no_proxy_means_names_domains_addresses_and_networks(
    rule: str, host: str, direct: bool
) -> None:
    network = Network(proxy="http://proxy.example:3128", no_proxy=(rule,))
    assert (proxy_for(network, host, 443) is None) is direct
