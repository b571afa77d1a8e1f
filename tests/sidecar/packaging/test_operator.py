"""`verify` and `doctor` as whoever is on call runs them: real processes on a real store."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sidecar.commands import findings
from sidecar.commands.doctor import once
from sidecar.contract.semantics import this_machine
from sidecar.disk import blobs, owner, trees
from sidecar.disk.journal import Journal
from sidecar.disk.layout import Layout
from sidecar.disk.store import open_store
from sidecar.model.reasons import ReasonError
from tests.sidecar.contract.documents import document, text_of

DATA = b"a model\n" * 1000
DIGEST = sha256(DATA).hexdigest()


class Place(NamedTuple):
    """A store with one sealed artifact, and a config of it mounted as a kubelet does."""

    layout: Layout
    config: Path
    tree: str

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sidecar", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def doctor(self, *words: str) -> tuple[int, list[dict[str, str]]]:
        done = self.run(
            "doctor", "--json", "--config", str(self.config / "config.json"),
            "--view", str(self.config), *words,
        )  # fmt: skip
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def mount(self, value: dict[str, Any] | bytes) -> None:
        data = self.config / f"..{time.monotonic_ns()}"
        data.mkdir()
        (data / "config.json").write_bytes(value if isinstance(value, bytes) else text_of(value))
        link = self.config / "..data"
        link.unlink(missing_ok=True)
        link.symlink_to(data.name)
        file = self.config / "config.json"
        if not file.is_symlink():
            file.symlink_to("..data/config.json")


def plain(root: str) -> dict[str, Any]:
    """A config of one artifact in that store."""
    value = document()
    for key in ("bundles", "release", "peers", "outbox", "reports", "stores", "network"):
        value.pop(key)
    value["node"]["arch"] = this_machine()
    value["store"] = {"root": root, "minFree": 0, "minFreePercent": 0}
    value["server"]["ports"] = []
    value["surface"]["socket"] = f"{root}/no.sock"
    artifact = value["artifacts"][1]
    artifact.update(kind="model", name="shelf", sha256=DIGEST, link="/edgewright/models/shelf")
    value["artifacts"] = [artifact]
    return value


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    root = tmp_path / "store"
    root.mkdir()
    layout = open_store(str(root))
    with owner.enter(layout) as own:
        path = Path(own.scratch())
        path.write_bytes(DATA)
        blobs.seal(layout, own, str(path), DIGEST, False)
        tree = trees.from_blob(layout, own, DIGEST, "model.onnx", False)
        trees.remember(layout, own, DIGEST, "raw", tree)
    (tmp_path / "config").mkdir()
    found = Place(layout, tmp_path / "config", tree)
    found.mount(plain(str(root)))
    yield found
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def flip(path: Path) -> None:
    """Change one bit and leave everything else as it was."""
    mode, times = path.stat().st_mode, path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))
    path.chmod(mode)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_verify_says_that_an_intact_store_is_intact(place: Place) -> None:
    done = place.run("verify", "--root", place.layout.root)
    assert done.returncode == 0
    assert done.stdout == "1 blobs and 1 trees were hashed again: all are as their names say\n"


def test_verify_finds_one_flipped_bit_in_a_blob_and_in_its_tree(place: Place) -> None:
    flip(Path(place.layout.blob(DIGEST)))
    done = place.run("verify", "--json", "--root", place.layout.root)
    assert done.returncode == 1
    assert json.loads(done.stdout)["wrong"] == [
        f"blob {DIGEST}: its bytes have another digest",
        f"tree {place.tree}: model.onnx",
    ]


def test_verify_finds_a_changed_manifest_and_what_is_active_but_gone(place: Place) -> None:
    flip(Path(place.layout.manifest(place.tree)))
    slot = Path(place.layout.slot("a.serve", "model.shelf"))
    (slot / "releases" / "1").mkdir(parents=True)
    (slot / "releases" / "1" / "shelf").symlink_to("/nowhere")
    (slot / "current").symlink_to("releases/1")
    done = place.run("verify", "--root", place.layout.root)
    assert done.returncode == 1
    assert f"tree {place.tree}: its manifest has another digest" in done.stdout
    assert "a.serve model.shelf: shelf leads nowhere" in done.stdout
    assert "BitRot" in done.stdout


def test_verify_of_a_place_without_a_store_is_blocked_with_a_reason(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sidecar", "verify", "--root", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("StoreUnusable: ")


def levels(found: list[dict[str, str]], topic: str) -> list[str]:
    return [one["level"] for one in found if one["topic"] == topic]


def told(found: list[dict[str, str]], topic: str, level: str = "bad") -> str:
    return "\n".join(
        f"{one['words']} / {one['advice']}"
        for one in found
        if (one["topic"], one["level"]) == (topic, level)
    )


def test_doctor_finds_nothing_wrong_where_nothing_is(place: Place) -> None:
    code, found = place.doctor()
    assert code == 0, found
    assert {"config", "store", "space", "sidecar", "artifact"} <= {one["topic"] for one in found}


def test_doctor_prints_what_is_wrong_last_with_what_to_do(place: Place) -> None:
    value = plain(place.layout.root)
    value["stores"] = [{"name": "main", "credentials": f"{place.config}/no-secret"}]
    place.mount(value)
    done = place.run("doctor", "--config", f"{place.config}/config.json")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[-1] == "1 thing is wrong."
    assert lines[-4].startswith("BAD   credentials: main: ")
    assert lines[-3].strip().startswith("Create the Secret")


def test_doctor_tells_an_invalid_config_and_goes_on_with_the_accepted_one(place: Place) -> None:
    accepted = Path(place.layout.tenant("watch-shelves.serve", "config"))
    accepted.mkdir(parents=True)
    (accepted / "accepted.json").write_bytes(text_of(plain(place.layout.root)))
    place.mount({**plain(place.layout.root), "surface": {"port": 0}})
    code, found = place.doctor()
    assert code == 1
    assert "ConfigInvalid" in told(found, "config")
    assert levels(found, "store") == ["fine"]


def test_doctor_tells_a_config_that_cannot_change(place: Place, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "config.json").write_bytes(text_of(plain(place.layout.root)))
    _, found = place._replace(config=alone).doctor()
    assert "subPath" in told(found, "config", "note")


def test_doctor_tells_every_fault_of_credentials_and_shows_no_value(place: Place) -> None:
    secret = place.config / "secret"
    secret.mkdir()
    value = plain(place.layout.root)
    value["stores"] = [{"name": "main", "credentials": str(secret)}]
    place.mount(value)
    (secret / "AWS_ACCESS_KEY_ID").write_text("test-access\n")
    _, found = place.doctor()
    assert "AWS_SECRET_ACCESS_KEY cannot be read" in told(found, "credentials")
    (secret / "AWS_SECRET_ACCESS_KEY").write_text("\n")
    _, found = place.doctor()
    assert "AWS_SECRET_ACCESS_KEY is empty" in told(found, "credentials")
    (secret / "AWS_SECRET_ACCESS_KEY").write_text("test secret with spaces")
    _, found = place.doctor()
    assert "no key" in told(found, "credentials")
    (secret / "AWS_SECRET_ACCESS_KEY").write_text("test-secret")
    code, found = place.doctor()
    assert (code, levels(found, "credentials")) == (0, ["fine"])
    assert "test-access" not in json.dumps(found)
    assert "test-secret" not in json.dumps(found)


def test_doctor_tells_a_zone_without_data_and_a_shut_window(place: Place) -> None:
    value = plain(place.layout.root)
    value["network"] = {"windows": [{"from": "00:00", "to": "00:00", "zone": "Nowhere/Town"}]}
    place.mount(value)
    code, found = place.doctor()
    assert code == 1
    assert "TimeZoneMissing" in told(found, "clock")
    value["network"]["windows"][0]["zone"] = "Europe/Vienna"
    place.mount(value)
    code, found = place.doctor()
    assert (code, levels(found, "clock")) == (0, ["fine"])


def test_doctor_tells_that_space_does_not_suffice_before_anything_is_fetched(place: Place) -> None:
    value = plain(place.layout.root)
    value["artifacts"][0].update(sha256="ab" * 32, size=2**52)
    place.mount(value)
    code, found = place.doctor()
    assert code == 1
    assert "are still to come" in told(found, "space")


def test_doctor_counts_the_reasons_of_the_last_day(place: Place) -> None:
    tenant = Path(place.layout.tenant("watch-shelves.serve"))
    tenant.mkdir(parents=True)
    journal = Journal(place.layout, "watch-shelves.serve")
    for _ in range(3):
        journal.write({"event": "wait", "reason": "Stalled", "detail": "s3://b/k"})
    with Path(journal.path).open("a") as file:
        file.write('{"time": 1, "reason": "Busy"}\nno json\n')
    _, found = place.doctor()
    words = told(found, "journal", "note")
    assert "Stalled 3 times" in words
    assert "Busy" not in words


def test_doctor_says_whether_something_listens_where_hooks_go(place: Place) -> None:
    value = plain(place.layout.root)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        value["server"]["ports"] = [port]
        place.mount(value)
        assert levels(place.doctor()[1], "server") == []
    assert f"port {port}" in told(place.doctor()[1], "server", "note")


def test_doctor_tries_places_only_when_told_to(place: Place) -> None:
    value = plain(place.layout.root)
    with socket.create_server(("127.0.0.1", 0)) as server:
        base = f"http://127.0.0.1:{server.getsockname()[1]}"
        value["artifacts"][0]["sources"] = [{"url": f"{base}/x"}]
        place.mount(value)
        assert levels(place.doctor()[1], "network") == []
        code, found = place.doctor("--network")
        assert (code, levels(found, "network")) == (0, ["fine"])
    code, found = place.doctor("--network")
    assert code == 1
    assert "Offline" in told(found, "network")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_doctor_prints_the_command_that_hands_the_store_over(place: Place) -> None:
    os.chown(place.layout.root, 1234, 1234)
    code, found = place.doctor()
    assert code == 1
    assert f"chown -R 65532:65532 {place.layout.root}" in told(found, "store")


def test_a_file_of_keys_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert list(findings.trust(str(path))) == []
    path.write_text('{"threshold": 1, "keys": []}')
    (found,) = findings.trust(str(path))
    assert (found.level, found.words.partition(":")[0]) == ("bad", "SignatureInvalid")


def test_doctor_counts_one_failure_once(place: Place) -> None:
    value = plain(place.layout.root)
    digests = [char * 64 for char in "abc"]
    value["artifacts"] = [
        {**value["artifacts"][0], "name": f"m{n}", "sha256": digest, "size": 1 << 60,
         "link": f"/edgewright/models/m{n}"}
        for n, digest in enumerate(digests)
    ]  # fmt: skip
    place.mount(value)
    journal = Journal(place.layout, "watch-shelves.serve")
    journal.write({"time": time.time(), "reason": "DiskFull", "detail": "full"})
    done = place.run("doctor", "--config", f"{place.config}/config.json")
    assert done.stdout.splitlines()[-1] == "1 thing is wrong."
    assert "DiskFull" not in done.stdout


def test_doctor_names_all_artifacts_that_wait_for_the_same() -> None:
    fault = findings.of_reason("artifact", ReasonError("NotFound", "s3://a/b"))
    several = [fault._replace(words=f"model/m{n} 1: {fault.words}") for n in range(3)]
    other = findings.of_reason("artifact", ReasonError("NotFound", "s3://a/c"))
    found = once([*several, other._replace(words=f"model/x 1: {other.words}")])
    assert [one.words.partition("; also ")[2] for one in found] == [
        "model/m1 1; also model/m2 1",
        "",
    ]
    full = findings.of_reason("store", ReasonError("StoreUnusable", "no"))
    after = findings.of_reason("artifact", ReasonError("StoreUnusable", "elsewhere"))
    assert len(once([full, after, after._replace(topic="journal")])) == 1
