"""Control on the unix socket: who may ask for what, and what is answered."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from sidecar.model.reasons import ReasonError
from sidecar.surface import Control
from sidecar.wire.server import Request, Response
from tests.sidecar.surface.states import Shown, shown, status


class Asked:
    """Commands that note what they were asked."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.fault: Exception | None = None
        self.control = Control(self.rollback, self.retry, self.collect, self.outbox)

    def rollback(self, group: str) -> str:
        self.heard.append(f"rollback {group}")
        if self.fault:
            raise self.fault
        return "model.shelf is back at version 1"

    def retry(self, group: str) -> str:
        self.heard.append(f"retry {group}")
        return "tried again"

    def collect(self) -> str:
        self.heard.append("collect")
        return "0 bytes freed"

    def outbox(self, asked: Request) -> Response:
        body = b""
        while part := asked.body.read():
            body += part
        self.heard.append(f"outbox {asked.method} {asked.path} {asked.uid} {len(body)}")
        return Response(201)


def test_commands_come_to_their_handlers_with_their_group(tmp_path: Path) -> None:
    asked = Asked()
    with shown(tmp_path, status, control=asked.control) as one:
        answer = one.ask("/v1/rollback?group=model.shelf")
        assert answer.status == 200
        assert json.loads(answer.body) == {"done": "model.shelf is back at version 1"}
        one.ask("/v1/retry?group=bundle.pipe")
        one.ask("/v1/retry")
        one.ask("/v1/collect")
    assert asked.heard == ["rollback model.shelf", "retry bundle.pipe", "retry ", "collect"]


def test_a_refusal_has_its_reason(tmp_path: Path) -> None:
    asked = Asked()
    with shown(tmp_path, status, control=asked.control) as one:
        asked.fault = ReasonError("UnableToRollBack", "there is no version before")
        answer = one.ask("/v1/rollback?group=model.shelf")
        assert answer.status == 409
        assert json.loads(answer.body) == {
            "reason": "UnableToRollBack",
            "detail": "there is no version before",
        }
        asked.fault = KeyError("model.absent")
        assert one.ask("/v1/rollback?group=model.absent").status == 404


def test_commands_are_asked_for_by_post_only(tmp_path: Path) -> None:
    asked = Asked()
    with shown(tmp_path, status, control=asked.control) as one:
        assert one.ask("/v1/rollback", method="GET").status == 404
        assert one.ask("/v1/rollback", method="PUT").status == 405
        assert one.ask("/v1/absent").status == 404
    assert asked.heard == []


def test_the_socket_can_be_read_from_too(tmp_path: Path) -> None:
    with shown(tmp_path, status) as one:
        assert json.loads(one.ask("/v1/status", method="GET").body)["state"] == "GOOD"
        assert one.ask("/metrics", method="GET").status == 200


def test_the_outbox_is_handed_everything_below_its_path(tmp_path: Path) -> None:
    asked = Asked()
    with shown(tmp_path, status, control=asked.control) as one:
        assert one.ask("/v1/outbox/hard?round=3", body=b"x" * 100_000).status == 201
        one.ask("/v1/outbox/hard", method="PUT", body=b"x")
        one.ask("/v1/outbox/hard", method="GET")
    uid = os.getuid()
    assert asked.heard == [
        f"outbox POST /v1/outbox/hard {uid} 100000",
        f"outbox PUT /v1/outbox/hard {uid} 1",
        f"outbox GET /v1/outbox/hard {uid} 0",
    ]


def as_user(one: Shown, path: str, user: int) -> str:
    """What another user is answered, and the status behind it."""
    command = ["curl", "-sS", "-w", "%{http_code}", "-X", "POST"]
    ran = subprocess.run(
        [*command, "--unix-socket", one.socket, f"http://sidecar{path}"],
        capture_output=True, text=True, check=True, user=user, group=user, extra_groups=[], cwd="/",
    )  # fmt: skip
    return ran.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_worker_of_any_user_reaches_the_outbox_and_no_command() -> None:
    asked = Asked()
    folder = Path("/tmp") / f"surface-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        with shown(folder, status, control=asked.control) as one:
            assert stat.S_IMODE(Path(one.socket).stat().st_mode) == 0o666
            assert as_user(one, "/v1/outbox/hard", 1000).endswith("201")
            for path in ("/v1/rollback", "/v1/retry", "/v1/collect"):
                said = as_user(one, path, 1000)
                assert said.endswith("403")
                assert '"reason":"WrongUser"' in said
        assert asked.heard == ["outbox POST /v1/outbox/hard 1000 0"]
    finally:
        folder.rmdir()


def test_a_socket_that_a_worker_removed_comes_back(tmp_path: Path) -> None:
    asked = Asked()
    with shown(tmp_path, status, control=asked.control) as one:
        Path(one.socket).unlink()
        assert one.surface.tend() == []
        assert one.ask("/v1/collect").status == 200


def test_a_group_that_is_named_otherwise_than_by_its_query_changes_nothing(tmp_path: Path) -> None:
    asked = Asked()
    with shown(tmp_path, status, control=asked.control) as one:
        for path, body in (("/v1/rollback", b'{"group":"model.shelf"}'), ("/v1/retry?name=x", b"")):
            answer = one.ask(path, body=body)
            assert (answer.status, b"?group=NAME" in answer.body) == (400, True)
    assert not asked.heard
