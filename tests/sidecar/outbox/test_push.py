"""`push` sends what a Run left, marks the Run, and leaves for the node what it cannot send."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar.outbox.given import names
from tests.sidecar.outbox.sending import HOST, ROOT, Sending, sending, sidecar
from tests.sidecar.support.proxy import NONE, Fault, Relay, answer
from tests.sidecar.support.s3 import READER_ACCESS, READER_SECRET, S3, credentials

KEY = "0123456789abcdef" * 4
MARKER = f"runs/{KEY}/completed/store-1.json"


def run_of(tmp_path: Path, s3: S3, name: str, port: int = 0, **more: Any) -> Sending:
    """A Run with two outputs, as the compiler writes its config."""
    here = sending(tmp_path, s3, name)
    outputs(here, port, **more)
    return here


def outputs(here: Sending, port: int = 0, **more: Any) -> None:
    base = f"s3://{here.bucket}/runs/{KEY}"
    here.configure(*({"name": one, "to": f"{base}/{one}/", **more} for one in WANTED), port=port)


WANTED = ("best", "log")


def push(here: Sending, *more: str) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = sidecar(
        ["push", "--config", str(here.config), "--work-key", KEY, "--patience", "0", *more]
    )
    return done


def started(here: Sending, *arguments: str) -> subprocess.Popen[str]:
    words = arguments or ("push", "--config", str(here.config), "--work-key", KEY)
    return subprocess.Popen(
        [sys.executable, "-m", "sidecar", *words],
        cwd=ROOT, env={**os.environ, "EDGEWRIGHT_HOST": HOST}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def until(true: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(process.communicate())
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def results(here: Sending) -> list[str]:
    return [key for key in here.stored() if "/completed/" not in key]


def key(here: Sending, stream: str, name: str, data: bytes) -> str:
    return f"runs/{KEY}/{here.key(stream, name, data)}"


def left(here: Sending, stream: str, name: str, data: bytes) -> str:
    """A file that a stage left; gives the key that it must get."""
    here.leave(stream, name, data)
    return key(here, stream, name, data)


def waiting(here: Sending, stream: str) -> list[str]:
    folder = here.folder / "store/tenants/watch.serve/outbox" / stream / "new"
    return names(folder) if folder.is_dir() else []


def marked(here: Sending) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(here.s3.get(here.bucket, MARKER))
    return found


def test_a_run_that_ends_is_stored_and_marked(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "run")
    model = left(here, "best", "model.onnx", b"m" * 1_000_000)
    log = left(here, "log", "train.log", b"loss 0.1")
    done = push(here)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 files are stored.\n"
    assert results(here) == sorted([model, log])
    (best,) = marked(here)["outputs"]["best"]
    assert best["url"] == f"s3://{here.bucket}/{model}"
    assert best["name"] == "model.onnx"
    assert marked(here)["key"] == KEY
    listing = f"runs/{KEY}/best/store-1/{HOST}/watch.serve/manifest.json"
    listed = json.loads(s3.get(here.bucket, listing))
    assert [one["sha256"] for one in listed["items"]] == [best["sha256"]]


def test_a_run_that_ran_again_changes_nothing(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "again")
    left(here, "best", "model.onnx", b"first")
    assert push(here).returncode == 0
    before = s3.keys(here.bucket)

    left(here, "best", "model.onnx", b"another one")
    assert "complete" in push(here).stdout
    (here.folder / "store").rename(here.folder / "old-store")  # another node, which knows nothing
    left(here, "best", "model.onnx", b"yet another")
    done = push(here)
    assert done.returncode == 0, done.stderr
    assert "complete" in done.stdout
    assert s3.keys(here.bucket) == before


def test_a_marker_on_the_node_needs_no_network(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "offline-again")
    left(here, "best", "model.onnx", b"first")
    assert push(here).returncode == 0
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        outputs(here, closed.getsockname()[1])
        assert "complete" in push(here).stdout


def test_a_run_with_inputs_of_the_host_is_stored_every_time(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "repeat")
    wanted = []
    for data in (b"first", b"second"):
        wanted.append(left(here, "best", "model.onnx", data))
        assert push(here, "--repeat").returncode == 0
    assert results(here) == sorted(wanted)
    assert len(marked(here)["outputs"]["best"]) == 2


def test_a_run_that_ends_with_a_full_outbox_loses_nothing(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "full", maxBytes=1000)
    wanted = [left(here, "best", f"n{number}", bytes([number]) * 600) for number in range(5)]
    wanted.append(left(here, "best", "larger-than-the-outbox", b"l" * 5000))
    done = push(here)

    assert done.returncode == 0, done.stderr
    assert results(here) == sorted(wanted)
    assert names(here.run / "outbox/best") == []
    assert len(marked(here)["outputs"]["best"]) == 6


def test_a_run_that_ends_on_a_full_disk_is_stored_from_where_it_lies(
    tmp_path: Path, s3: S3
) -> None:
    here = run_of(tmp_path, s3, "disk-full")
    made = json.loads(here.config.read_text())
    made["store"]["minFree"] = 1 << 50
    here.config.write_text(json.dumps(made))
    wanted = [left(here, "best", f"n{number}", bytes([number]) * 600) for number in range(3)]
    wanted.append(left(here, "log", "round=1~train.log", b"loss"))
    done = push(here)

    assert done.returncode == 0, done.stderr
    rounds = wanted.pop().replace("/watch.serve/", "/watch.serve/1/").replace("round=1~", "")
    assert results(here) == sorted([*wanted, rounds])
    assert names(here.run / "outbox/best") == []
    assert len(marked(here)["outputs"]["best"]) == 3


def test_what_is_no_plain_file_fails_the_run_and_the_rest_is_stored(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "refused")
    model = left(here, "best", "model.onnx", b"m")
    os.mkfifo(here.run / "outbox/best/pipe")
    (here.run / "outbox/best/folder").mkdir()
    (here.run / "outbox/best/link").symlink_to("/etc/passwd")
    (here.run / "outbox/log/half.part").write_bytes(b"half")
    done = push(here)

    assert done.returncode == 1
    for name in ("best/pipe", "best/folder", "best/link", "log/half.part"):
        assert name in done.stderr
    assert results(here) == [model]
    assert MARKER not in s3.keys(here.bucket), "a Run that lacks results is not complete"


def test_a_refusal_of_the_store_ends_with_its_reason_and_keeps_the_files(
    tmp_path: Path, s3: S3
) -> None:
    here = run_of(tmp_path, s3, "denied")
    credentials(here.folder / "keys", READER_ACCESS, READER_SECRET)
    model = left(here, "best", "model.onnx", b"m")
    done = push(here)

    assert done.returncode == 1
    assert "AccessDenied" in done.stderr
    assert len(waiting(here, "best")) == 1

    credentials(here.folder / "keys")
    assert push(here).returncode == 0
    assert results(here) == [model]


def test_a_run_that_is_told_to_end_drains_what_it_can(tmp_path: Path, s3: S3) -> None:
    with Relay(s3.port) as relay:
        here = run_of(tmp_path, s3, "grace", port=relay.port)
        wanted = [left(here, "best", f"n{number}", b"%d" % number) for number in range(20)]
        relay.harms = lambda asked: asked.method == "PUT"
        relay.always = Fault(latency=0.2)
        process = started(here)
        until(lambda: bool(relay.asked), process)
        process.send_signal(signal.SIGTERM)
        _, fault = process.communicate(timeout=60)
    assert process.returncode == 0, fault
    assert results(here) == sorted(wanted)
    assert MARKER in s3.keys(here.bucket)


def test_leftovers_stay_for_the_role_of_the_node_which_marks_the_run(
    tmp_path: Path, s3: S3
) -> None:
    with Relay(s3.port, always=Fault(answer=answer("503 Busy"))) as relay:
        relay.harms = lambda _: True
        here = run_of(tmp_path, s3, "orphan", port=relay.port)
        model = left(here, "best", "model.onnx", b"m" * 70_000)
        process = started(here)
        until(lambda: bool(waiting(here, "best")), process)
        process.send_signal(signal.SIGTERM)
        _, fault = process.communicate(timeout=60)
        assert process.returncode == 3, fault
        assert "1 files of 70000 bytes stay on the node" in fault

        relay.always = NONE
        role = started(here, "run", "--config", node_config(here), "--role", "node")
        until(lambda: MARKER in s3.keys(here.bucket), role)
        role.send_signal(signal.SIGTERM)
        role.communicate(timeout=30)
    assert results(here) == [model]
    assert [one["name"] for one in marked(here)["outputs"]["best"]] == ["model.onnx"]
    assert "complete" in push(here).stdout


def node_config(here: Sending) -> str:
    """The config of the node role beside a Run."""
    made = json.loads(here.config.read_text())
    del made["outbox"]
    run = here.folder / "node-run"
    run.mkdir()
    surface = {"port": free_port(), "socket": str(run / "sidecar.sock")}
    made |= {"tenant": {"job": "spread", "role": "node"}, "surface": surface}
    path = here.folder / "node.json"
    path.write_text(json.dumps(made))
    return str(path)


def test_a_push_that_is_killed_is_ended_by_the_next_one(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "killed")
    wanted = [left(here, "best", f"n{number}", b"%d" % number) for number in range(30)]
    for delay in (0.4, 0.8, 1.2):
        process = started(here)
        time.sleep(delay)
        process.kill()
        process.communicate()
    done = push(here)
    assert done.returncode == 0, done.stderr
    assert results(here) == sorted(wanted)
    assert len(marked(here)["outputs"]["best"]) == 30


def test_a_run_without_results_is_complete_at_once(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "empty")
    here.configure()
    done = push(here)
    assert done.returncode == 0, done.stderr
    assert "complete" in push(here).stdout


def test_an_operator_pushes_a_file_to_where_the_config_may(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "file")
    path = tmp_path / "by-hand.bin"
    path.write_bytes(b"by hand")
    url = f"s3://{here.bucket}/runs/by-hand.bin"
    for words in ([str(path), url], [str(path), url, "main"]):
        done = sidecar(["push", "--config", str(here.config), *words])
        assert done.returncode == 0, done.stderr
    assert s3.get(here.bucket, "runs/by-hand.bin") == b"by hand"
    assert "lay there before" in done.stdout

    assert sidecar(["push", "--config", str(here.config), str(path)]).returncode == 2
    done = sidecar(["push", "--config", str(here.config), str(path), url, "nowhere"])
    assert done.returncode == 2
    assert "main" in done.stderr


@pytest.fixture
def reporting(tmp_path: Path, s3: S3) -> Any:
    """A resident process whose reports go through a relay."""
    with Relay(s3.port) as relay:
        here = sending(tmp_path, s3, "report")
        here.configure({"name": "log"}, port=relay.port)
        made = json.loads(here.config.read_text())
        made["reports"] = {"url": f"s3://{here.bucket}/reports/", "store": "main", "interval": 10}
        made["surface"] = {"port": free_port(), "socket": str(here.run / "sidecar.sock")}
        here.config.write_text(json.dumps(made))
        process = started(here, "run", "--config", str(here.config))
        yield here, relay, process
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


REPORT = f"reports/store-1/{HOST}/watch.serve.json"


def test_reports_of_every_tenant_lie_below_site_and_host(reporting: Any) -> None:
    here, _, process = reporting
    until(lambda: REPORT in here.s3.keys(here.bucket), process)
    assert json.loads(here.s3.get(here.bucket, REPORT))["revision"]


def test_s1_reports_that_nobody_takes_block_nothing_and_only_the_newest_is_sent(
    reporting: Any,
) -> None:
    here, relay, process = reporting
    relay.harms = lambda asked: "/reports/" in asked.target
    relay.always = Fault(answer=answer("503 Busy"))
    until(lambda: any("/reports/" in asked.target for asked in relay.asked), process)
    sent = here.leave("log", "entry", b"not held up by reports")
    until(lambda: sent in here.stored(), process)

    tried = len([asked for asked in relay.asked if "/reports/" in asked.target])
    relay.always = NONE
    until(lambda: REPORT in here.s3.keys(here.bucket), process)
    later = [asked for asked in relay.asked if "/reports/" in asked.target][tried:]
    assert len(later) == 1, "none that is older is sent after it"


def test_the_stages_of_a_run_find_the_directories_of_its_outputs(tmp_path: Path, s3: S3) -> None:
    here = run_of(tmp_path, s3, "once")
    for stream in WANTED:
        (here.run / "outbox" / stream).rmdir()
    (here.run / "outbox").rmdir()
    done = sidecar(["once", "--config", str(here.config), "--work-key", KEY])
    assert done.returncode == 0, done.stderr
    assert names(here.run / "outbox") == sorted(WANTED)
    assert (here.run / "outbox/best").stat().st_mode & 0o7777 == 0o1777
