"""Processes: what is begun, what ends with what, and how."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sidecar.disk import partials
from sidecar.disk.layout import Layout
from tests.sidecar.support.cases import World
from tests.sidecar.support.proxy import Fault, Relay
from tests.sidecar.support.running import Sidecar, surroundings, until
from tests.sidecar.support.web import Web

DATA = bytes(range(256)) * 65_536


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def slow(world: World, web: Web, *, rate: int) -> tuple[Relay, dict[str, object]]:
    """An artifact of 16 MiB that comes slowly."""
    web.objects["/m"] = DATA
    relay = Relay(web.port, always=Fault(rate=rate))
    digest = hashlib.sha256(DATA).hexdigest()
    sources = [{"url": f"http://127.0.0.1:{relay.port}/m"}]
    return relay, world.artifact("det", Path("/nowhere"), digest, len(DATA), sources=sources)


def trusted(world: World) -> int:
    """Bytes of the artifact that were synced."""
    layout = Layout(str(world.root))
    found = partials.listed(layout) if (world.root / "store/partial").is_dir() else []
    return max((partials.read_record(one.path)["trusted"] for one in found), default=0)


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_warm_device_runs_one_process(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        until(lambda: not sidecar.workers(), sidecar.said, sidecar)


def test_a_worker_never_outlives_its_parent(world: World) -> None:
    with Web() as web:
        relay, artifact = slow(world, web, rate=200_000)
        with relay:
            world.mount_config(world.document(artifact))
            with Sidecar(world) as sidecar:
                sidecar.wait_artifact("model/det", phase="fetch")
                until(lambda: list(world.root.glob("store/partial/*.part")), sidecar.said, sidecar)
                workers = sidecar.workers()
                assert len(workers) == 1
                sidecar.kill()
            until(lambda: not any(map(alive, workers)))


def test_c7_an_end_during_a_fetch_is_quick_and_loses_nothing_that_was_synced(world: World) -> None:
    with Web() as web:
        relay, artifact = slow(world, web, rate=6_000_000)
        with relay:
            world.mount_config(world.document(artifact))
            with Sidecar(world) as sidecar:
                until(lambda: trusted(world) > 0, sidecar.said, sidecar)
                workers = sidecar.workers()
                begun = time.monotonic()
                assert sidecar.end() == 0
                print(f"ended after {time.monotonic() - begun:.2f} s")
                assert not any(map(alive, workers))
            synced = trusted(world)
            with Sidecar(world) as again:
                again.wait_page("/readyz")
                staged = again.wait_event("staged")
                assert staged["resumed"] >= synced
                assert staged["bytes"] + staged["resumed"] == len(DATA)


def test_a_worker_that_dies_is_begun_again_and_goes_on(world: World) -> None:
    with Web() as web:
        relay, artifact = slow(world, web, rate=8_000_000)
        with relay:
            world.mount_config(world.document(artifact))
            with Sidecar(world) as sidecar:
                until(lambda: trusted(world) > 0, sidecar.said, sidecar)
                os.kill(sidecar.workers()[0], signal.SIGKILL)
                found = sidecar.wait_artifact("model/det", reason="WorkerDied")
                assert found["detail"] == "killed by signal 9"
                sidecar.wait_page("/readyz")
                assert sidecar.wait_event("staged")["resumed"] > 0


def test_a_new_config_ends_the_worker_of_the_old_one(world: World) -> None:
    with Web() as web:
        relay, artifact = slow(world, web, rate=100_000)
        with relay:
            world.mount_config(world.document(artifact))
            with Sidecar(world) as sidecar:
                until(sidecar.workers, sidecar.said, sidecar)
                first = sidecar.workers()
                world.mount_config(world.document(world.file("det", b"2")))
                sidecar.wait_page("/readyz")
                until(lambda: not any(map(alive, first)), sidecar.said, sidecar)


def test_a_worker_gets_no_proxy_and_no_secret_of_the_environment(world: World) -> None:
    with Web() as web:
        relay, artifact = slow(world, web, rate=100_000)
        given = {"HTTP_PROXY": "http://proxy.example", "SOME_TOKEN": "x", "AWS_REGION": "eu-1"}
        with relay:
            world.mount_config(world.document(artifact))
            with Sidecar(world, environment=given) as sidecar:
                until(sidecar.workers, sidecar.said, sidecar)
                begun = Path(f"/proc/{sidecar.workers()[0]}")
                # Until it runs its own program it is its parent's twin.
                until(lambda: b"worker" in (begun / "cmdline").read_bytes(), sidecar.said, sidecar)
                environ = (begun / "environ").read_bytes()
                names = {one.split(b"=")[0].decode() for one in environ.split(b"\0") if one}
                assert names == (set(surroundings()) | {"AWS_REGION"}) - {"LC_CTYPE"}


def test_a_second_signal_is_not_needed_and_the_token_is_given_up(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        assert sidecar.end() == 0
    assert not list((world.root / "store/owners").iterdir())
    assert not list((world.root / "store/staging").iterdir())


def test_the_first_process_of_a_container_reaps_what_nobody_waits_for(world: World) -> None:
    """A child that ended before and a grandchild whose parent is gone are both left to it."""
    first = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(2)\n"
        "    os._exit(0)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'sidecar', *sys.argv[1:]])\n"
    )
    own = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*own, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this place allows no process namespaces")
    world.mount_config(world.document(world.file("det", b"1")))
    with Sidecar(world, program=[*own, sys.executable, "-c", first]) as sidecar:
        sidecar.wait_page("/readyz")
        resident = sidecar.workers()[0]
        children = Path(f"/proc/{resident}/task/{resident}/children")
        until(lambda: not children.read_text(), children.read_text, sidecar)
        os.kill(resident, signal.SIGTERM)
        assert sidecar.process.wait(30) == 0
