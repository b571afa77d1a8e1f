"""A signed envelope: its form, whose signatures count, and what time does to it (row I3)."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.contract import envelope as rules
from sidecar.model.reasons import ReasonError
from sidecar.transfer import signature
from tests.sidecar.contract.signing import EXPIRES, ISSUED, REVISION, envelope, roots, statement

KEYS = [Ed25519PrivateKey.generate() for _ in range(3)]
STRANGER = Ed25519PrivateKey.generate()
NOW = datetime(2026, 12, 1, tzinfo=UTC).timestamp()


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


def checked(made: dict[str, Any], trusted: dict[str, Any]) -> rules.Statement:
    return signature.check(text(made), rules.roots(text(trusted)))


def refused(made: dict[str, Any], trusted: dict[str, Any]) -> str:
    with pytest.raises(ReasonError) as caught:
        checked(made, trusted)
    assert caught.value.code == "SignatureInvalid"
    return caught.value.detail


def test_an_envelope_of_a_trusted_key_says_which_config_is_meant_where_and_how_long() -> None:
    found = checked(envelope(statement(), KEYS[0]), roots(KEYS[0]))
    assert (found.revision, found.site) == (REVISION, "store-001")
    assert found.issued == datetime.fromisoformat(ISSUED).timestamp()
    assert found.expires == datetime.fromisoformat(EXPIRES).timestamp()
    rules.judge(found, REVISION, "store-001", NOW)


def test_as_many_keys_as_the_threshold_says_must_have_signed() -> None:
    trusted = roots(*KEYS, threshold=2)
    checked(envelope(statement(), KEYS[0], KEYS[2]), trusted)
    checked(envelope(statement(), STRANGER, KEYS[1], KEYS[2]), trusted)
    told = refused(envelope(statement(), KEYS[0], STRANGER), trusted)
    assert told == "1 of the 2 keys that it needs have signed it"


def test_one_key_counts_once_however_often_it_signed_or_is_named() -> None:
    made = envelope(statement(), KEYS[0], KEYS[0], KEYS[0])
    for number, one in enumerate(made["signatures"]):
        one["keyid"] = f"key-{number}"
    assert refused(made, roots(*KEYS, threshold=2)).startswith("1 of the 2")


def test_a_signature_over_the_payload_alone_or_over_another_type_does_not_count() -> None:
    bare = envelope(statement(), KEYS[0])
    bare["signatures"][0]["sig"] = base64.b64encode(KEYS[0].sign(statement())).decode()
    refused(bare, roots(KEYS[0]))
    assert "payloadType" in refused(
        envelope(statement(), KEYS[0], kind="application/json"), roots(KEYS[0])
    )


def test_every_changed_bit_of_what_is_signed_is_noticed() -> None:
    made, payload = envelope(statement(), KEYS[0]), statement()
    for at in range(len(payload)):
        changed = bytearray(payload)
        changed[at] ^= 1
        made["payload"] = base64.b64encode(changed).decode()
        refused(made, roots(KEYS[0]))


@pytest.mark.parametrize(
    "change",
    [
        {"payload": "no base64!"},
        {"payload": "a"},
        {"payload": ""},
        {"signatures": []},
        {"signatures": [{"keyid": "x"}]},
        {"signatures": "x"},
        {"payloadType": None},
    ],
)
def test_what_is_no_envelope_is_refused(change: dict[str, Any]) -> None:
    refused({**envelope(statement(), KEYS[0]), **change}, roots(KEYS[0]))


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b"[]",
        b"no json",
        statement(revision="AB" * 32),
        statement(site=""),
        statement(issued="2026-11-01"),
        statement(issued="2026-11-01T00:00:00+01:00"),
        statement(expires=1_800_000_000),
        statement(expires="2027-13-01T00:00:00Z"),
        statement(generation=7),
        b'{"site": "a", ' + statement()[1:],
    ],
)
def test_what_is_signed_but_no_statement_is_refused(payload: bytes) -> None:
    refused(envelope(payload, KEYS[0]), roots(KEYS[0]))


def test_urls_base64_is_read_like_the_plain_one() -> None:
    made = envelope(statement(site="ü?>ü?>"), KEYS[0])
    for where, key in ((made, "payload"), (made["signatures"][0], "sig")):
        where[key] = where[key].replace("+", "-").replace("/", "_").rstrip("=")
    assert checked(made, roots(KEYS[0])).site == "ü?>ü?>"


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 0},
        {"threshold": 2},
        {"threshold": True},
        {"keys": []},
        {"keys": [{"ed25519": "AAAA"}]},
        {"keys": [{"rsa": "AAAA"}]},
        {"keys": roots(KEYS[0], KEYS[0])["keys"]},
        {"mode": "off"},
    ],
)
def test_a_file_of_keys_that_is_not_right_trusts_nobody(change: dict[str, Any]) -> None:
    with pytest.raises(ReasonError) as caught:
        rules.roots(text({**roots(KEYS[0]), **change}))
    assert caught.value.code == "SignatureInvalid"
    assert rules.ROOTS in caught.value.detail or "key" in caught.value.detail


def judged(now: float, *, revision: str = REVISION, site: str = "store-001") -> str:
    found = rules.read(text(envelope(statement(), KEYS[0]))).statement
    try:
        rules.judge(found, revision, site, now)
    except ReasonError as fault:
        return f"{fault.code}: {fault.detail}"
    return "fine"


def test_i3_an_envelope_for_another_config_or_site_is_refused() -> None:
    assert judged(NOW) == "fine"
    assert judged(NOW, revision="cd" * 32) == "SignatureInvalid: it is for another config"
    assert judged(NOW, site="store-2").startswith("SignatureInvalid: it is for another site")


def test_i3_an_expired_envelope_freezes_new_switches() -> None:
    expires = datetime.fromisoformat(EXPIRES).timestamp()
    assert judged(expires - 1) == "fine"
    assert judged(expires) == "SignatureInvalid: it has expired"
    found = rules.read(text(envelope(statement(), KEYS[0]))).statement
    assert not rules.frozen(found, expires - 1)
    assert rules.frozen(found, expires)


def test_i3_a_clock_before_the_signing_is_told_apart_from_a_bad_signature() -> None:
    issued = datetime.fromisoformat(ISSUED).timestamp()
    assert judged(issued - rules.SKEW) == "fine"
    assert judged(issued - rules.SKEW - 1).startswith("ClockSkew: ")
    assert judged(0).startswith("ClockSkew: ")


def test_i3_an_older_envelope_is_as_good_as_a_newer_one_until_it_expires() -> None:
    older = rules.read(text(envelope(statement(issued="2026-10-01T00:00:00Z"), KEYS[0])))
    rules.judge(older.statement, REVISION, "store-001", NOW)


def test_times_are_what_the_calendar_says() -> None:
    moment = datetime(1968, 1, 1, 23, 59, 58, tzinfo=UTC)
    while moment.year < 2110:
        assert rules.seconds(moment.strftime("%Y-%m-%dT%H:%M:%SZ")) == moment.timestamp()
        moment += timedelta(days=13, hours=5)


def test_without_its_package_every_envelope_is_refused_with_what_to_install() -> None:
    script = """
import sys
sys.modules["cryptography"] = None
from sidecar.transfer import signature
from sidecar.contract.envelope import roots
from sidecar.model.reasons import ReasonError
made, trusted = sys.argv[1:]
try:
    signature.check(made.encode(), roots(trusted.encode()))
except ReasonError as fault:
    print(fault)
"""
    made, trusted = envelope(statement(), KEYS[0]), roots(KEYS[0])
    command = [sys.executable, "-c", script, json.dumps(made), json.dumps(trusted)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told.startswith("SignatureInvalid: ")
    assert "edgewright-sidecar[signature]" in told
