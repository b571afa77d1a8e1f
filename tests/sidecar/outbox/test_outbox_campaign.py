"""Killed again and again, at random moments and before chosen changes of the disk.

Nothing that was accepted is lost and nothing is doubled: each file that a worker left or posted is
one object of one version at a store that keeps all versions. Two sabotaged runs must fail.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.sidecar.outbox.sending import NOBODY, Sending, sending
from tests.sidecar.support.kill import Plan
from tests.sidecar.support.s3 import S3

ROUNDS = 500
FILES = 3


class Campaign:
    """Rounds of leaving files and killing whoever takes them."""

    def __init__(self, here: Sending, seed: int, sabotage: str = "") -> None:
        self.here = here
        self.sabotage = sabotage
        self.chance = random.Random(seed)
        self.wanted: set[str] = set()
        self.last: set[str] = set()
        self.ends: Counter[str] = Counter()
        self.faults: list[str] = []

    def round(self, number: int) -> None:
        """Leave files, start the process, post while it lives, kill it."""
        self.last = set()
        for index in range(FILES):
            data = f"{number} {index} ".encode() + os.urandom(
                self.chance.choice([5, 5000, 300_000])
            )
            name = f"n{number}-{index}"
            self.last.add(self.here.leave("gradients", name, data))
        self.wanted |= self.last
        by_operation = self.chance.random() < 0.5
        at = self.chance.randrange(1, 160) if by_operation else 0
        where = self.chance.choice(["resident", "any"])
        process = self.here.start(Plan(at=at, where=where), sabotage=self.sabotage)
        timer = time.monotonic() + (20 if by_operation else self.chance.uniform(0.2, 3.0))
        posted = 0
        while process.poll() is None and time.monotonic() < timer:
            posted += self._post(f"p{number}-{posted}", os.urandom(2000))
            time.sleep(0.02)
        self._end(process)

    def _end(self, process: subprocess.Popen[str]) -> None:
        code = process.poll()
        if code is None:
            process.send_signal(signal.SIGKILL)
            self.ends["killed at a moment"] += 1
        elif code == -signal.SIGKILL:
            self.ends["killed before an operation"] += 1
        else:
            self.ends["ended by itself"] += 1
        _, fault = process.communicate()
        if code not in {None, 0, -signal.SIGKILL}:
            self.faults.append(fault)

    def _post(self, name: str, data: bytes) -> int:
        """Post once where that is possible; only an answer of 201 counts as a promise."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.here.run / "sidecar.sock"))
                head = f"POST /v1/outbox/gradients?name={name} HTTP/1.1\r\nHost: s\r\n"
                connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
                answered = connection.recv(65_536)
        except OSError:
            return 0
        if answered.startswith(b"HTTP/1.1 201 "):
            self.wanted.add(self.here.key("gradients", name, data))
        return 1

    def judge(self) -> tuple[set[str], dict[str, int]]:
        """What is lost, and what is there more than once, after one last undisturbed run."""
        process = self.here.start(NOBODY, sabotage=self.sabotage)
        _, fault = process.communicate(timeout=300)
        if process.returncode:
            self.faults.append(fault)
        versions = Counter(self._versions())
        lost = self.wanted - versions.keys()
        doubled = {key: count for key, count in versions.items() if count > 1}
        return lost, doubled

    def _versions(self) -> list[str]:
        pages = self.here.s3.client.get_paginator("list_object_versions")
        found: list[str] = []
        for page in pages.paginate(Bucket=self.here.bucket):
            found += [one["Key"] for one in page.get("Versions", ())]
        return [key for key in found if not key.endswith("manifest.json")]


def campaign_of(tmp_path: Path, s3: S3, name: str, seed: int, sabotage: str = "") -> Campaign:
    here = sending(tmp_path, s3, name)
    s3.client.put_bucket_versioning(
        Bucket=here.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    here.configure({"name": "gradients"})
    return Campaign(here, seed, sabotage)


def test_kill_nine_loses_nothing_accepted_and_doubles_nothing(
    tmp_path: Path, s3: S3, campaign: bool
) -> None:
    found = campaign_of(tmp_path, s3, "kill", seed=1)
    rounds = ROUNDS if campaign else ROUNDS // 10
    for number in range(rounds):
        found.round(number)
    lost, doubled = found.judge()
    print(f"outbox: {rounds} rounds, {len(found.wanted)} accepted, {dict(found.ends)}")

    assert found.faults == []
    assert lost == set()
    assert doubled == {}
    assert found.ends["killed before an operation"] >= rounds // 10
    assert found.ends["killed at a moment"] >= rounds // 10
    listed = json.loads(
        s3.get(found.here.bucket, "gradients/store-1/edge-001a/watch.serve/manifest.json")
    )
    # The list holds the newest few thousand; those of the last round are always among them.
    assert {one["sha256"] for one in listed["items"]} >= {
        key.rpartition("/")[2][:64] for key in found.last
    }


@pytest.mark.parametrize("sabotage", ["forget-before-sent", "remove-before-accepted"])
def test_the_campaign_notices_when_a_promise_is_broken(
    tmp_path: Path, s3: S3, sabotage: str
) -> None:
    found = campaign_of(tmp_path, s3, "sabotage", seed=2, sabotage=sabotage)
    for number in range(40):
        found.round(number)
        if number % 5 == 4 and found.judge()[0]:
            return
    raise AssertionError("nothing was lost though a promise was broken")


def test_the_campaign_notices_what_is_stored_twice(tmp_path: Path, s3: S3) -> None:
    found = campaign_of(tmp_path, s3, "twice", seed=3, sabotage="store-without-looking")
    for number in range(40):
        found.round(number)
        if number % 5 == 4 and found.judge()[1]:
            return
    raise AssertionError("nothing was doubled though nobody looked")
