"""The worker process: what it brings, what it says, and that it never outlives its parent."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from sidecar.model import tasks
from sidecar.model.tasks import Task
from tests.sidecar.support import disks
from tests.sidecar.support.proxy import Asked, Fault, Relay
from tests.sidecar.support.web import Reply, Web
from tests.sidecar.transfer.fetching import MIB, content, digest_of, document, entry
from tests.sidecar.worker.talking import COMMAND, ROOT, wait_until, worker

DATA = content(3 * MIB, seed=21)
KEY = "model/shelf-detector"


def bring(key: str = KEY) -> dict[str, Any]:
    return tasks.bring(key, first=True)


def test_a_single_file_becomes_a_tree_of_one_file(tmp_path: Path) -> None:
    with Web({"/a/model%20v1.onnx": DATA}) as web:
        made = document(tmp_path, [entry(DATA, web.url("/a/model%20v1.onnx?x=1"))])
        with worker(made) as one:
            done = one.do("bring", bring())
    assert done.event == "done"
    assert done.body["bytes"] == len(DATA)
    assert done.body["resumed"] == 0
    assert done.body["file"] == "model_20v1.onnx"
    assert done.body["source"] == web.url("/a/model%20v1.onnx")
    file = tmp_path / "store/trees" / done.body["tree"] / done.body["file"]
    assert file.read_bytes() == DATA
    assert (
        file.stat().st_ino
        == (tmp_path / "store/blobs" / digest_of(DATA)[:2] / digest_of(DATA)).stat().st_ino
    )


def test_an_archive_becomes_a_tree(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo("1/model.bin")
        info.size = len(DATA)
        archive.addfile(info, io.BytesIO(DATA))
    data = packed.getvalue()
    with Web({"/m.tar.gz": data}) as web:
        unpack = {"format": "tar.gz", "maxBytes": 4 * MIB}
        made = document(tmp_path, [entry(data, web.url("/m.tar.gz"), unpack=unpack)])
        with worker(made) as one:
            done = one.do("bring", bring())
            again = one.do("bring", bring())
    tree = tmp_path / "store/trees" / done.body["tree"]
    assert (tree / "1/model.bin").read_bytes() == DATA
    assert done.body["file"] == ""
    assert again.body == {**done.body, "bytes": 0, "resumed": len(data), "source": ""}
    assert len([one for one in web.asked if one.method == "GET"]) == 1


def test_an_archive_is_not_unpacked_beyond_the_room_that_there_is(tmp_path: Path) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        info = tarfile.TarInfo("zeros")
        info.size = 27 * MIB
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    data = held.getvalue()
    (small := tmp_path / "small").mkdir()
    with disks.tmpfs("32m", at=str(small)), Web({"/m.tar.gz": data}) as web:
        unpack = {"format": "tar.gz", "maxBytes": 100 * MIB}
        made = document(small, [entry(data, web.url("/m.tar.gz"), unpack=unpack)])
        made["store"]["minFree"] = 8 * MIB
        with worker(made) as one:
            done = one.do("bring", bring())
            found = os.statvfs(small)
    assert (done.event, done.body["reason"]) == ("failed", "DiskFull")
    assert found.f_bavail * found.f_frsize > 8 * MIB


def test_many_tasks_are_served_at_once_and_each_has_one_end(tmp_path: Path) -> None:
    objects = {f"/{n}": content(50_000, seed=n) for n in range(20)}
    with Web(objects) as web:
        artifacts = [entry(data, web.url(p), name=f"m{p[1:]}") for p, data in objects.items()]
        with worker(document(tmp_path, artifacts)) as one:
            numbers = [one.ask("bring", bring(f"model/m{n}")) for n in range(20)]
            found = one.end_of(*numbers)
    assert {message.event for message in found.values()} == {"done"}
    assert web.connections <= 4, "one for each stream"


def test_a_failure_has_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web:
        artifacts = [
            entry(b"gone", web.url("/missing?key=test-secret"), name="gone"),
            entry(DATA, web.url("/model"), name="there"),
            entry(DATA, web.url("/model"), name="arm", arch=["arm64"]),
        ]
        with worker(document(tmp_path, artifacts)) as one:
            gone, there, arm, odd = (one.ask("bring", bring(f"model/{name}")) for name in
                                     ("gone", "there", "arm", "nobody"))  # fmt: skip
            found = one.end_of(gone, there, arm, odd)
    assert found[gone].body["reason"] == "NotFound"
    assert "test-secret" not in found[gone].body["detail"]
    assert found[there].event == "done"
    assert found[arm].body["reason"] == "ArchMismatch"
    assert found[odd].event == "failed"


def test_a_store_that_cannot_be_opened_fails_every_task_for_that_reason(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("99\n")
    with worker(document(tmp_path, [entry(DATA, "http://127.0.0.1:1/x")])) as one:
        for _ in range(2):
            assert one.do("bring", bring()).body["reason"] == "StoreNewer"


def test_a_task_that_is_none_is_answered_and_does_no_harm(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web:
        made = document(tmp_path, [entry(DATA, web.url("/model"))])
        with worker(made) as one:
            one.ask_raw(Task(7, "os", {}))  # type: ignore[arg-type]
            assert one.end_of(7)[7].event == "failed"
            assert one.do("bring", bring()).event == "done"


def test_at_the_end_of_its_input_it_is_gone_in_the_middle_of_a_transfer(tmp_path: Path) -> None:
    data = content(20 * MIB)
    with Web({"/model": data}) as web, Relay(web.port, always=Fault(rate=4 * MIB)) as relay:
        made = document(tmp_path, [entry(data, f"http://{relay.address}/model")])
        with worker(made) as one:
            one.ask("bring", bring())
            wait_until(lambda: relay.sent > 8 * MIB)
        assert one.process.returncode == 0
        relay.always = Fault()
        with worker(made) as one:
            done = one.do("bring", bring())
        assert done.body["resumed"] >= 4 * MIB
        assert done.body["resumed"] + done.body["bytes"] == len(data)


def test_a_worker_whose_parent_is_killed_ends_too(tmp_path: Path) -> None:
    data = content(40 * MIB)
    with Web({"/model": data}) as web, Relay(web.port, always=Fault(rate=MIB)) as relay:
        made = document(tmp_path, [entry(data, f"http://{relay.address}/model")])
        lines = tasks.encode(Task(0, "config", tasks.config(made, "r")))
        lines += tasks.encode(Task(1, "bring", bring()))
        parent = (
            "import subprocess, sys, time\n"
            "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\n"
            "child.stdin.write(sys.stdin.buffer.read())\n"
            "child.stdin.flush()\n"
            "print(child.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", parent, *COMMAND], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin:
            process.stdin.write(lines)
        with process.stdout:
            child = int(process.stdout.readline())
            wait_until(lambda: relay.sent > 0)
            assert is_running(child)
            process.send_signal(signal.SIGKILL)
            process.wait()
            wait_until(lambda: not is_running(child))


def is_running(pid: int) -> bool:
    """Whether it lives; who waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_idle_worker_leaves_nothing_behind(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web:
        made = document(tmp_path, [entry(DATA, web.url("/model"))])
        with worker(made) as one:
            one.do("bring", bring())
    for name in ("owners", "staging", "partial"):
        assert list((tmp_path / "store" / name).iterdir()) == []
    locks = [path.name for path in (tmp_path / "store/locks").iterdir()]
    assert [name for name in locks if digest_of(DATA) in name] == []


def test_nothing_but_messages_is_written_to_standard_output(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web, Relay(web.port, always=Fault(rate=MIB)) as relay:
        made = document(tmp_path, [entry(DATA, f"http://{relay.address}/model")])
        with worker(made) as one:
            number = one.ask("bring", bring())
            said = []
            for message in one.messages():
                said.append(message)
                if message.event == "done":
                    break
    assert {message.id for message in said} == {number}
    assert [m.body["phase"] for m in said if m.event == "progress"][-2:] == ["verify", "unpack"]
    assert any(m.body.get("phase") == "fetch" and m.body["bytes"] > 0 for m in said)


# --- the other part of a joint model


def asking(tmp_path: Path, url: str) -> dict[str, Any]:
    release = {"model": "joint", "version": "1", "digest": "a" * 64, "ask": {"url": url}}
    return document(tmp_path, [], release=release)


def test_the_other_part_is_asked_over_a_new_connection_each_time(tmp_path: Path) -> None:
    answers = [200, 404, 503, 403, 200]
    with Web(script=lambda _: Reply(answers[len(web.asked) - 1])) as web:
        with worker(asking(tmp_path, web.url("/v1/release"))) as one:
            found = [one.do("ask", tasks.ask()).body["ready"] for _ in answers]
        assert found == [True, False, False, False, True]
        assert web.connections == len(answers)


def test_nobody_who_answers_is_offline_and_not_a_no(tmp_path: Path) -> None:
    with worker(asking(tmp_path, "http://127.0.0.1:1/v1/release")) as one:
        assert one.do("ask", tasks.ask()).body["reason"] == "Offline"


# --- golden


def test_a_golden_input_is_posted_to_the_server_and_its_answer_compared(tmp_path: Path) -> None:
    inputs, good = b'{"inputs": [1, 2]}', {"outputs": [{"name": "y", "data": [3.0]}]}

    def infer(asked: Asked) -> Reply:  # a stand-in for a model server
        assert json.loads(asked.body) == {"inputs": [1, 2]}
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(said).encode())

    store = Web({"/in.json": inputs, "/out.json": json.dumps(good).encode()})
    with store, Web(script=infer) as server:
        golden = {
            "url": server.url("/infer"),
            "input": {"url": store.url("/in.json")},
            "expect": {"url": store.url("/out.json")},
            "tolerance": [{"name": "tensor.atol", "value": 0.1}],
        }
        artifact = entry(
            DATA, "http://127.0.0.1:1/x", activation={"update": "hot", "golden": golden}
        )
        made = document(
            tmp_path, [artifact], server={"name": "custom", "image": "x", "ports": [server.port]}
        )
        with worker(made) as one:
            said = {"outputs": [{"name": "y", "data": [3.05]}]}
            assert one.do("golden", tasks.golden(KEY)).event == "done"
            said = {"outputs": [{"name": "y", "data": [4.0]}]}
            assert one.do("golden", tasks.golden(KEY)).body["reason"] == "GoldenFailed"
