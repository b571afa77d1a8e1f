"""Signed configs as a node sees them: a file of keys turns them on, and a child checks (row I3)."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.contract import envelope as rules
from sidecar.contract.accept import Accepted, read
from sidecar.model.reasons import ReasonError
from sidecar.resident import vouching
from tests.sidecar.contract.documents import document, text_of
from tests.sidecar.contract.signing import envelope, roots, statement

KEY = Ed25519PrivateKey.generate()
COMMAND = [sys.executable, "-m", "sidecar", "worker"]


def moment(days: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86_400))


class Node:
    """A mounted config, and a node's file of keys."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.json"
        self.config.write_bytes(text_of(document()))
        self.keys = folder / "keys.json"
        self.accepted: Accepted = read(self.config.read_bytes(), machine="amd64")

    def trust(self, *keys: Ed25519PrivateKey) -> None:
        self.keys.write_text(json.dumps(roots(*keys)))

    def sign(self, key: Ed25519PrivateKey = KEY, **changes: Any) -> None:
        times = {"issued": moment(-1), "expires": moment(30)}
        payload = statement(**{"revision": self.accepted.revision, **times, **changes})
        made = json.dumps(envelope(payload, key))
        self.config.with_name(rules.NAME).write_text(made)

    def judged(self) -> str:
        try:
            vouching.insist(self.accepted, str(self.config), COMMAND, str(self.keys))
        except ReasonError as fault:
            return f"{fault.code}: {fault.detail}"
        return "accepted"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_without_a_file_of_keys_nothing_has_to_be_signed(node: Node) -> None:
    assert node.judged() == "accepted"


def test_i3_with_one_an_unsigned_config_is_refused(node: Node) -> None:
    node.trust(KEY)
    assert node.judged().startswith("SignatureInvalid: ")
    assert "envelope.json: No such file" in node.judged()


def test_i3_a_config_that_a_trusted_key_signed_is_accepted(node: Node) -> None:
    node.trust(KEY)
    node.sign()
    assert node.judged() == "accepted"


def test_i3_every_other_signature_is_refused(node: Node) -> None:
    node.trust(KEY)
    node.sign(Ed25519PrivateKey.generate())
    assert node.judged() == "SignatureInvalid: 0 of the 1 keys that it needs have signed it"
    node.sign(revision="ab" * 32)
    assert node.judged() == "SignatureInvalid: it is for another config"
    node.sign(site="store-999")
    assert node.judged().startswith("SignatureInvalid: it is for another site")
    node.sign(expires=moment(-0.5))
    assert node.judged() == "SignatureInvalid: it has expired"
    node.sign(issued=moment(1))
    assert node.judged().startswith("ClockSkew: ")


def test_a_file_of_keys_that_is_broken_trusts_nobody(node: Node) -> None:
    node.sign()
    node.keys.write_text("{}")
    assert node.judged().startswith("SignatureInvalid: ")


def test_a_program_that_cannot_be_asked_accepts_nothing(node: Node) -> None:
    node.trust(KEY)
    node.sign()
    for command in (["/nowhere/python", "worker"], ["/bin/true", "worker"]):
        with pytest.raises(ReasonError) as caught:
            vouching.insist(node.accepted, str(node.config), command, str(node.keys))
        assert caught.value.code == "SignatureInvalid"


def test_both_names_of_the_file_of_keys_are_one() -> None:
    assert vouching.ROOTS == rules.ROOTS
