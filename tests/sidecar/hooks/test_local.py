"""Hooks without HTTP: programs, signals, files, with real processes and real files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from sidecar import hooks
from sidecar.hooks import command
from sidecar.hooks.call import Call
from sidecar.model.config import Hook
from sidecar.model.reasons import ReasonError
from sidecar.wire.stream import StoppedError


def call(hook: Hook, *, seconds: float = 20, stop: Event | None = None) -> Call:
    return Call(hook, "/models/shelf", (), stop or Event(), time.monotonic() + seconds)


@pytest.fixture
def listed(tmp_path: Path) -> str:
    """A list that allows `sh`, and gives it one variable."""
    path = tmp_path / "hooks.json"
    path.write_text(json.dumps({"programs": ["/bin/sh"], "environment": {"ONE": "of the list"}}))
    path.chmod(0o644)
    return str(path)


def shell(script: str) -> Hook:
    return Hook(type="exec", model="shelf", command=("/bin/sh", "-c", script, "$(touch no)"))


def refused(hook: Hook, path: str, **options: float) -> ReasonError:
    with pytest.raises(ReasonError) as caught:
        command.tell(call(hook, **options), "load", path)  # type: ignore[arg-type]  # floats only
    return caught.value


def test_a_program_of_the_list_gets_its_arguments_and_only_the_lists_environment(
    listed: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command.tell(call(shell(f'{{ echo "$0 $#"; env; }} > {out}')), "load", listed)
    lines = out.read_text().splitlines()
    assert lines[0] == "$(touch no) 0"
    names = {line.partition("=")[0] for line in lines[1:]} - {"PWD", "SHLVL", "_"}
    assert names == {"PATH", "ONE", "EDGEWRIGHT_EVENT", "EDGEWRIGHT_MODEL", "EDGEWRIGHT_PATH"}
    assert "EDGEWRIGHT_PATH=/models/shelf" in lines


def test_a_program_that_fails_is_quoted_and_its_output_is_capped(listed: str) -> None:
    fault = refused(shell("yes 'out \x1b[31m' | head -c 10000000; echo; exit 3"), listed)
    assert fault.code == "LoadFailed"
    assert fault.detail.startswith("/bin/sh ended with 3: out [31m out [31m")
    assert len(fault.detail.encode()) <= 512
    assert refused(shell("kill -9 $$"), listed).detail == "/bin/sh ended with -9:"


@pytest.mark.parametrize(
    "program", ["/bin/bash", "sh", "/bin/../bin/sh", "/bin//sh", "/bin/sh\n", ""]
)
def test_a_program_that_is_not_listed_letter_by_letter_is_refused(
    listed: str, program: str
) -> None:
    hook = Hook(type="exec", model="shelf", command=(program, "-c", "true"))
    assert refused(hook, listed).code == "HookRefused"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"programs": 5}', '{"programs": null}', "\xff"])
def test_a_broken_list_allows_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hooks.json"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o644)
    assert refused(shell("true"), str(path)).code == "HookRefused"
    assert refused(shell("true"), str(tmp_path / "absent")).code == "HookRefused"


def test_a_list_that_others_can_write_allows_nothing(listed: str) -> None:
    Path(listed).chmod(0o666)
    fault = refused(shell("true"), listed)
    assert fault.code == "HookRefused"
    assert "can be written by others" in fault.detail


def test_a_listed_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hooks.json"
    path.write_text(json.dumps({"programs": ["/absent/program"]}))
    path.chmod(0o644)
    hook = Hook(type="exec", command=("/absent/program",))
    assert refused(hook, str(path)).detail == "/absent/program: No such file or directory"


def test_a_program_and_its_children_end_with_their_time(listed: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = f"(sleep 3; touch {mark}) & echo begun; sleep 60"
    fault = refused(shell(script), listed, seconds=0.5)
    assert fault.detail == "/bin/sh did not end in time: begun"
    time.sleep(3.5)
    assert not mark.exists()


def test_a_program_ends_when_it_is_stopped(listed: str) -> None:
    stop = Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(StoppedError):
        command.tell(call(shell("sleep 60"), stop=stop), "load", listed)


def test_a_child_that_keeps_the_output_open_does_not_hold_the_hook(listed: str) -> None:
    begun = time.monotonic()
    command.tell(call(shell("sleep 30 & exit 0")), "load", listed)
    assert time.monotonic() - begun < 15


def test_the_kernels_defaults_hold_for_signals_of_a_program(listed: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command.tell(call(shell(f"cat /proc/self/status > {out}")), "load", listed)
    found = dict(line.split(":\t", 1) for line in out.read_text().splitlines() if ":\t" in line)
    assert int(found["SigBlk"], 16) == 0
    assert not int(found["SigIgn"], 16) & (1 << (signal.SIGPIPE - 1))


WATCHER = """
import os, signal, sys, time
open('/proc/self/comm', 'w').write(sys.argv[1])
heard = lambda number, frame: (print(number, flush=True))
for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2): signal.signal(number, heard)
if len(sys.argv) > 2:
    os.fork()
os.write(1, b'ready' + os.linesep.encode())
end = time.monotonic() + 60
while time.monotonic() < end: time.sleep(1)
"""


@contextmanager
def watcher(name: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A process with a name of its own that prints the signals that it gets."""
    ran = subprocess.Popen(
        [sys.executable, "-c", WATCHER, name, *options], stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert ran.stdout is not None
    try:
        for _ in range(2 if options else 1):
            assert ran.stdout.readline() == "ready\n"
        yield ran
    finally:
        os.killpg(ran.pid, signal.SIGKILL)
        ran.wait()
        ran.stdout.close()


def signalled(name: str, number: str = "") -> None:
    hook = Hook(type="signal", process=name, signal=number)
    hooks.load(hook, "/models/shelf", (), Event(), timeout=5)


@pytest.mark.parametrize("number", ["HUP", "USR1", "USR2", ""])
def test_a_process_is_found_by_the_kernels_name_and_signalled(number: str) -> None:
    with watcher(") strange (") as one:
        signalled(") strange (", number)
        assert one.stdout is not None
        expected = signal.Signals[f"SIG{number or 'HUP'}"]
        assert one.stdout.readline() == f"{expected}\n"


def test_the_eldest_of_a_family_is_signalled() -> None:
    with watcher("family-test", "fork") as one:
        signalled("family-test", "USR1")
        assert one.stdout is not None
        assert one.stdout.readline() == f"{signal.SIGUSR1}\n"
        signalled("family-test", "USR2")
        assert one.stdout.readline() == f"{signal.SIGUSR2}\n"


def test_a_process_that_is_not_there_is_waited_for() -> None:
    with pytest.raises(ReasonError, match=r"WaitingForServer: no process is called absent-one$"):
        signalled("absent-one")


SCRIPT = """
import os, sys; sys.path.insert(0, sys.argv[1])
from threading import Event
from sidecar import hooks
from sidecar.model.config import Hook
from sidecar.model.reasons import ReasonError
if len(sys.argv) > 2:
    os.setuid(65532)
try:
    hooks.load(Hook(type='signal', process='server', signal='HUP'), '', (), Event(), timeout=5)
except ReasonError as fault:
    print(fault)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a process namespace needs root")
def test_a_pod_that_does_not_share_its_process_namespace_is_told_so() -> None:
    root = str(Path(__file__).parents[3])
    ran = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", SCRIPT, root],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        pytest.skip(f"no namespaces here: {ran.stderr.strip()}")
    assert ran.stdout == (
        "WaitingForServer: no process is called server; "
        "this pod does not set shareProcessNamespace\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_process_of_another_user_is_out_of_reach() -> None:
    with watcher("of-root-test"):
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT.replace("'server'", "'of-root-test'"),
             str(Path(__file__).parents[3]), "65532"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert ran.stdout.startswith("HookRefused: of-root-test runs as another user")


def touched(path: Path) -> None:
    hooks.load(Hook(type="touch", path=str(path)), "", (), Event(), timeout=5)


def test_a_file_is_made_and_its_time_is_set(tmp_path: Path) -> None:
    path = tmp_path / "flag"
    touched(path)
    os.utime(path, (1, 1))
    path.write_text("kept")
    os.utime(path, (1, 1))
    touched(path)
    assert path.stat().st_mtime > 1
    assert path.read_text() == "kept"


def test_no_link_is_followed_to_what_is_touched(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("")
    os.utime(tmp_path / "elsewhere" / "file", (1, 1))
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere" / "file")
    with pytest.raises(ReasonError, match="HookRefused"):
        touched(tmp_path / "link" / "new")
    touched(tmp_path / "file")
    assert (tmp_path / "elsewhere" / "file").stat().st_mtime == 1
    assert sorted(one.name for one in (tmp_path / "elsewhere").iterdir()) == ["file"]


def test_a_file_in_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReasonError, match="HookRefused"):
        touched(tmp_path / "absent" / "flag")
