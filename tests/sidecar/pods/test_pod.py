"""The stand-in for a pod: it must be as strict as what it stands for."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar.pods.specs import LOCKED_DOWN, asleep, container, http, pod, server
from tests.sidecar.support.network import Lan
from tests.sidecar.support.pod import Node, Pod, PodError, python_image

IMAGES = {"python": python_image()}
STORE = {"name": "store", "hostPath": {"path": "/var/lib/store", "type": "DirectoryOrCreate"}}
MOUNTED = [{"name": "store", "mountPath": "/store"}]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node(tmp_path / "node") as found:
        yield found


def run(manifest: dict[str, Any], node: Node, **more: Any) -> Pod:
    return Pod(manifest, node, images=IMAGES, **more)


def test_the_process_is_pid_1_of_the_stated_user_without_rights(node: Node) -> None:
    with run(pod(asleep()), node) as one:
        one.wait_ready()
        assert one["c"].python("import os; print(os.getuid(), os.getgid(), os.getgroups())") == (
            "65532 65532 [65532]"
        )
        text = one["c"].python("print(open('/proc/1/status').read())")
        rows = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        assert rows["Uid"].split() == ["65532"] * 4
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(rows[name], 16) == 0
        assert rows["NoNewPrivs"] == "1"
        assert "sleep(1000)" in one["c"].python("print(open('/proc/1/cmdline').read())")


def test_root_has_the_capabilities_that_are_added_and_no_others(node: Node) -> None:
    security = {
        **LOCKED_DOWN,
        "runAsNonRoot": False,
        "runAsUser": 0,
        "runAsGroup": 0,
        "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "FOWNER"]},
    }
    with run(pod(asleep(securityContext=security)), node) as one:
        one.wait_ready()
        text = one["c"].python("print(open('/proc/1/status').read())")
        rows = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        assert int(rows["CapEff"], 16) == int(rows["CapBnd"], 16) == 1 | 1 << 3


def test_a_read_only_root_takes_no_file_and_a_volume_does(node: Node) -> None:
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    spec = pod(asleep(volumeMounts=mounts), volumes=({"name": "scratch", "emptyDir": {}},))
    with run(spec, node) as one:
        one.wait_ready()
        for path in ("/x", "/opt/x", "/tmp/x", "/etc/x", "/proc/sys/kernel/hostname"):
            found = one["c"].run(python(), "-c", f"open({path!r}, 'w')")
            assert found.returncode, path
            assert "Read-only" in found.stdout or "No such file" in found.stdout, path
        one["c"].python("open('/scratch/x', 'w')")
        assert one.volume("scratch").joinpath("x").stat().st_uid == 65532


def test_a_writable_root_takes_what_its_user_may_write(node: Node) -> None:
    security = {"readOnlyRootFilesystem": False, "runAsUser": 0}
    with run(pod(asleep(securityContext=security)), node) as one:
        one.wait_ready()
        one["c"].python("open('/x', 'w')")


def test_the_root_holds_no_shell_and_nothing_of_the_machine(node: Node) -> None:
    with run(pod(asleep()), node) as one:
        one.wait_ready()
        there = ["/bin/sh", "/usr/bin/env", "/home", str(node.directory), __file__]
        code = f"import os; print([p for p in {there} if os.path.exists(p)])"
        assert one["c"].python(code) == "[]"


def test_run_as_non_root_refuses_root(node: Node) -> None:
    security: dict[str, Any] = {**LOCKED_DOWN, "runAsUser": 0}
    with (
        run(pod(asleep(securityContext=security), restartPolicy="Never"), node) as one,
        pytest.raises(PodError, match="will run as root"),
    ):
        one.wait_ready()


def test_a_host_path_is_root_s_and_deaf_to_the_group(node: Node) -> None:
    with run(pod(asleep(volumeMounts=MOUNTED), volumes=(STORE,)), node) as one:
        one.wait_ready()
        found = one["c"].run(python(), "-c", "open('/store/x', 'w')")
        assert "Permission denied" in found.stdout
        code = "import os; s = os.stat('/store'); print(s.st_uid, s.st_gid, oct(s.st_mode))"
        assert one["c"].python(code) == "0 0 0o40755"


def test_two_pods_share_a_host_path_and_nothing_else(node: Node) -> None:
    spec = pod(asleep(volumeMounts=MOUNTED, securityContext={"runAsUser": 0}), volumes=(STORE,))
    with run(spec, node) as one, run(spec, node) as other:
        one.wait_ready()
        other.wait_ready()
        one["c"].python("open('/store/x', 'w').write('seen')")
        assert other["c"].python("print(open('/store/x').read())") == "seen"
        pids = "import os; print([p for p in os.listdir('/proc') if p.isdigit()][:1])"
        assert one["c"].python(pids) == other["c"].python(pids) == "['1']"


def test_a_flock_holds_between_pods(node: Node) -> None:
    take = "import fcntl, time; f = open('/store/lock', 'w'); fcntl.flock(f, fcntl.LOCK_EX | 4)"
    root = {"runAsUser": 0}
    holder = container(
        "c", "-c", f"{take}; time.sleep(1000)", volumeMounts=MOUNTED, securityContext=root
    )
    with run(pod(holder, volumes=(STORE,)), node) as one:
        one.wait_ready()
        later = pod(asleep(volumeMounts=MOUNTED, securityContext=root), volumes=(STORE,))
        with run(later, node) as other:
            other.wait_ready()
            refused = other["c"].run(python(), "-c", take)
            assert "BlockingIOError" in refused.stdout
            one["c"].kill()
            one["c"].wait_restart(1)
            assert "BlockingIOError" in other["c"].run(python(), "-c", take).stdout
            one.stop(grace=0)
            assert other["c"].run(python(), "-c", take).returncode == 0


def test_links_and_renames_across_mounts_fail(node: Node) -> None:
    mounts = [*MOUNTED, {"name": "store", "mountPath": "/again"}]
    spec = pod(asleep(volumeMounts=mounts, securityContext={"runAsUser": 0}), volumes=(STORE,))
    with run(spec, node) as one:
        one.wait_ready()
        one["c"].python("open('/store/x', 'w')")
        one["c"].python("import os; os.link('/store/x', '/store/y')")
        for call in ("link", "rename"):
            found = one["c"].run(python(), "-c", f"import os; os.{call}('/store/x', '/again/z')")
            assert "cross-device" in found.stdout


def test_nothing_is_mounted_below_a_read_only_mount(node: Node) -> None:
    view = {"name": "view", "emptyDir": {}}
    below = {"name": "run", "emptyDir": {}}
    mounts: list[dict[str, Any]] = [
        {"name": "run", "mountPath": "/edgewright/run"},
        {"name": "view", "mountPath": "/edgewright", "readOnly": True},
    ]
    spec = pod(asleep(volumeMounts=mounts), volumes=(view, below), restartPolicy="Never")
    with run(spec, node) as one, pytest.raises(PodError, match="Read-only file system"):
        one.wait_ready()
    writable = [{**mount, "readOnly": False} for mount in mounts]
    first = container("first", "-c", "pass", volumeMounts=writable)
    with run(pod(asleep(volumeMounts=mounts), init=(first,), volumes=(view, below)), node) as one:
        one.wait_ready()
        one["c"].python("open('/edgewright/run/x', 'w')")
        assert one["c"].run(python(), "-c", "open('/edgewright/x', 'w')").returncode


def test_a_config_map_flips_by_one_rename(node: Node) -> None:
    volume = {"name": "config", "configMap": {"name": "settings"}}
    mounts = [{"name": "config", "mountPath": "/config", "readOnly": True}]
    manifest = {"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1", "b": "1"}}
    spec = pod(asleep(volumeMounts=mounts), volumes=(volume,))
    with run(spec, node, objects=[manifest]) as one:
        one.wait_ready()
        assert one["c"].python("import os; print(os.readlink('/config/a'))") == "..data/a"
        before = one["c"].python("import os; print(os.readlink('/config/..data'))")
        assert before.startswith("..2")
        one.update_config_map("settings", {"a": "2", "c": "2"})
        assert one["c"].python("print(open('/config/a').read())") == "2"
        after = one["c"].python("import os; print(os.readlink('/config/..data'))")
        assert after != before
        names = one["c"].python("import os; print(sorted(os.listdir('/config')))")
        assert names == str(sorted([after, "..data", "a", "c"]))


def test_a_secret_is_the_group_s_to_read(node: Node) -> None:
    volume = {"name": "keys", "secret": {"secretName": "s3", "defaultMode": 0o440}}
    mounts = [{"name": "keys", "mountPath": "/keys", "readOnly": True}]
    manifest = {
        "kind": "Secret",
        "metadata": {"name": "s3"},
        "stringData": {"AWS_ACCESS_KEY_ID": "test-access"},
    }
    environment = [
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "AWS_ACCESS_KEY_ID"}}}
    ]
    spec = pod(asleep(volumeMounts=mounts, env=environment), volumes=(volume,))
    with run(spec, node, objects=[manifest]) as one:
        one.wait_ready()
        path = "/keys/AWS_ACCESS_KEY_ID"
        assert one["c"].python(f"print(open({path!r}).read())") == "test-access"
        code = f"import os; s = os.stat({path!r}); print(s.st_uid, s.st_gid, oct(s.st_mode))"
        assert one["c"].python(code) == "0 65532 0o100440"
        assert one["c"].python("import os; print(os.environ['KEY'])") == "test-access"
        one.update_secret("s3", {"AWS_ACCESS_KEY_ID": "test-access-2"})
        assert one["c"].python(f"print(open({path!r}).read())") == "test-access-2"
        assert one["c"].python("import os; print(os.environ['KEY'])") == "test-access"


def test_a_missing_config_map_keeps_the_pod_from_being_created(node: Node) -> None:
    volume = {"name": "config", "configMap": {"name": "settings"}}
    with (
        run(pod(asleep(), volumes=(volume,)), node) as one,
        pytest.raises(PodError, match='ContainerCreating: "settings" not found'),
    ):
        one.wait_ready()


def test_a_sidecar_holds_back_the_worker_until_its_start_up_probe_passes(node: Node) -> None:
    sidecar = server("sidecar", 9471, "--unready", restartPolicy="Always")
    sidecar["startupProbe"] = http(9471, failures=1000)
    with run(pod(asleep("worker"), init=(sidecar,)), node) as one:
        one.wait_logs("sidecar", "serving")
        time.sleep(0.3)
        assert one.phase == "Pending"
        assert not one["worker"].running
    sidecar["args"].remove("--unready")
    with run(pod(asleep("worker"), init=(sidecar,)), node) as one:
        one.wait_ready()
        assert one["sidecar"].running


def test_init_containers_run_one_after_the_other_and_again_until_they_succeed(node: Node) -> None:
    mounts = [{"name": "notes", "mountPath": "/notes"}]
    note = "import sys; n = open('/notes/n', 'a+'); n.write('{0}'); n.seek(0); "
    first = container("first", "-c", note.format("1") + "sys.exit(n.read() != '111')")
    second = container("second", "-c", note.format("2"))
    init = tuple({**one, "volumeMounts": mounts} for one in (first, second))
    spec = pod(asleep(), init=init, volumes=({"name": "notes", "emptyDir": {}},))
    with run(spec, node) as one:
        one.wait_ready()
        assert one.volume("notes").joinpath("n").read_text() == "1112"
        assert one["first"].exits == [1, 1, 0]


def test_a_killed_container_comes_back_alone(node: Node) -> None:
    with run(pod(server("a", 8001), server("b", 8002)), node) as one:
        one.wait_ready()
        other = one["b"].pid
        one["a"].kill()
        one["a"].wait_restart(1)
        assert one["a"].exits == [137]
        assert one["b"].pid == other


def test_everything_in_a_container_dies_with_its_first_process(node: Node) -> None:
    code = "import os, time; os.fork(); os.setsid() if os.getpid() != 1 else 0; time.sleep(1000)"
    with run(pod(container("c", "-c", code), restartPolicy="Never"), node) as one:
        one.wait_ready()
        while len(one["c"].processes()) < 2:
            time.sleep(0.01)
        pids = list(one["c"].processes())
        one["c"].kill()
        assert one.wait_finished() == "Failed"
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_containers_of_a_pod_share_a_loopback_that_no_other_pod_has(node: Node) -> None:
    spec = pod(server("a", 8001), asleep("b"))
    code = "import socket; socket.create_connection(('127.0.0.1', 8001), 2); print('reached')"
    with run(spec, node) as one, run(pod(asleep("b")), node) as other:
        one.wait_ready()
        one.wait_logs("a", "serving")
        other.wait_ready()
        assert one["b"].python(code) == "reached"
        assert "refused" in other["b"].run(python(), "-c", code).stdout


def test_pid_1_that_handles_no_signal_is_killed_after_the_grace(node: Node) -> None:
    with run(pod(asleep()), node) as one:
        one.wait_ready()
        took = one.stop(grace=0.4)
        assert one["c"].exits == [137]
        assert took >= 0.4


def test_workers_are_told_to_end_before_their_sidecar(node: Node) -> None:
    sidecar = server("sidecar", 9471, restartPolicy="Always")
    with run(pod(server("worker", 8001), init=(sidecar,)), node) as one:
        one.wait_ready()
        one.wait_logs("sidecar", "serving")
        one.wait_logs("worker", "serving")
        one.stop()
        assert one["worker"].exits == one["sidecar"].exits == [0]
        ends = [one[name].ended for name in ("worker", "sidecar")]
        assert ends == sorted(ends)


def test_a_failing_liveness_probe_restarts_the_container(node: Node) -> None:
    sick = server("c", 8001, "--unready")
    with run(pod({**sick, "livenessProbe": http(8001)}), node) as one:
        one["c"].wait_restart(1)
        assert one["c"].exits[0] == 137


def test_a_job_ends_with_its_work_and_its_sidecars_with_it(node: Node) -> None:
    sidecar = server("sidecar", 9471, restartPolicy="Always")
    sidecar["startupProbe"] = http(9471, failures=1000)
    job: dict[str, Any] = {
        "kind": "Job",
        "metadata": {"name": "fit", "namespace": "test"},
        "spec": {"template": pod(container("work", "-c", "pass"), init=(sidecar,))},
    }
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    with run(job, node) as one:
        assert one.wait_finished() == "Succeeded"
        one.stop()
        assert one["sidecar"].exits[-1:] == [0]


def test_the_pod_knows_its_node_and_its_address(tmp_path: Path) -> None:
    fields = {"HOST": "spec.nodeName", "IP": "status.podIP", "AT": "status.hostIP"}
    env = [{"name": n, "valueFrom": {"fieldRef": {"fieldPath": p}}} for n, p in fields.items()]
    code = "import os; print(os.environ['HOST'], os.environ['IP'], os.environ['AT'])"
    with Lan() as lan:
        here = Node(tmp_path / "node", "edge-1", lan)
        with run(pod(asleep(env=env)), here) as one:
            one.wait_ready()
            assert one["c"].python(code) == f"edge-1 {one.network.address} {here.network.address}"
        with run(pod(asleep(env=env), hostNetwork=True), here) as one:
            one.wait_ready()
            assert one["c"].python(code) == f"edge-1 {here.network.address} {here.network.address}"


def test_pods_of_two_nodes_reach_each_other_and_the_switch_counts(tmp_path: Path) -> None:
    with Lan() as lan:
        nodes = [Node(tmp_path / name, name, lan) for name in ("edge-1", "edge-2")]
        with run(pod(server("c", 8001)), nodes[0]) as one, run(pod(asleep()), nodes[1]) as other:
            one.wait_ready()
            other.wait_ready()
            one.wait_logs("c", "serving")
            before = lan.sent("edge-2/p-1")
            code = "import urllib.request; "
            code += f"print(urllib.request.urlopen('http://{one.network.address}:8001/').status)"
            assert other["c"].python(code) == "200"
            assert lan.sent("edge-2/p-1") > before
            lan.unplug("edge-1/p-1")
            assert (
                "timed out"
                in other["c"]
                .run(python(), "-c", code.replace("8001/'", "8001/', timeout=0.3"))
                .stdout
            )


def test_a_field_that_the_stand_in_does_not_know_is_refused(node: Node) -> None:
    with pytest.raises(PodError, match="shareProcessNamespace"):
        run(pod(asleep(), shareProcessNamespace=True), node)
    with pytest.raises(PodError, match="lifecycle"):
        run(pod(asleep(lifecycle={})), node)
    with pytest.raises(PodError, match="nothing stands for other"):
        run(pod({**asleep(), "image": "other:1"}), node)


def test_what_a_dead_test_leaves_ends_by_itself(node: Node) -> None:
    with run(pod(asleep(), restartPolicy="Never"), node) as one:
        one.wait_ready()
        pid = one["c"].pid
        launcher = int(Path(f"/proc/{pid}/status").read_text().split("PPid:\t")[1].split()[0])
        os.kill(launcher, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not Path(f"/proc/{pid}").exists()


def python() -> str:
    return IMAGES["python"].entrypoint[0]
