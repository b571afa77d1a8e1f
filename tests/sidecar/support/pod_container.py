"""Starts one process the way a container runtime does, and waits for it. Run as a script.

Reads JSON from its standard input: what to mount where, which namespaces to join, whose the process
is and what it runs. The process is pid 1 of a namespace of its own, on a root of its own. With
`join` it enters the namespaces of a process that runs instead. Writes `pid N` or `error TEXT` to
the descriptor `status`; ends with the process, and takes it along when `lifeline` is closed.
Imports nothing but the standard library, and nothing of the tests.
"""

# Paths are text: importing pathlib would double what each container takes to start.
# ruff: noqa: PTH102, PTH103, PTH110, PTH112, PTH120, PTH123, PTH211

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
from typing import Any

_NEW = {"mnt": 0x00020000, "uts": 0x04000000, "ipc": 0x08000000, "pid": 0x20000000}
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = (
    0x1, 0x2, 0x4, 0x8, 0x20, 0x1000, 0x4000, 0x40000,
)  # fmt: skip
_DETACH = 2
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SET_DEATH_SIGNAL, _DROP_BOUND, _NO_NEW_PRIVILEGES = 1, 24, 38
CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
    "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
    "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
    "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
    "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
)  # fmt: skip
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """The whole life of one container."""
    spec: dict[str, Any] = json.load(sys.stdin)
    status, lifeline = spec["status"], spec["lifeline"]
    os.set_inheritable(status, False)
    os.set_inheritable(lifeline, False)
    _enter_namespaces(spec)
    child = os.fork()
    if child == 0:
        try:
            _become(spec)
        except BaseException as error:
            os.write(status, f"error {error}\n".encode())
        finally:
            os._exit(128)
    os.write(status, f"pid {child}\n".encode())
    os.close(status)
    return _wait(child, lifeline)


def _enter_namespaces(spec: dict[str, Any]) -> None:
    if spec.get("join"):
        # All are opened before any is entered: afterwards /proc is another one.
        descriptors = [os.open(f"/proc/{spec['join']}/ns/{n}", os.O_RDONLY) for n in (*_NEW, "net")]
        for descriptor in descriptors:
            _checked(_libc.setns(descriptor, 0), "setns")
            os.close(descriptor)
        return
    _checked(_libc.setns(spec["network"], 0), "setns")
    flags = _NEW["mnt"] | _NEW["pid"] | _NEW["ipc"] | _NEW["uts"]
    _checked(_libc.unshare(flags), "unshare")


def _wait(child: int, lifeline: int) -> int:
    done = os.pidfd_open(child)
    poll = select.poll()
    poll.register(done, select.POLLIN)
    poll.register(lifeline, select.POLLIN | select.POLLHUP)
    if any(descriptor == lifeline for descriptor, _ in poll.poll()):
        os.kill(child, signal.SIGKILL)
    _, code = os.waitpid(child, 0)
    return os.WEXITSTATUS(code) if os.WIFEXITED(code) else 128 + os.WTERMSIG(code)


def _become(spec: dict[str, Any]) -> None:
    os.setsid()
    if not spec.get("join"):
        _lay_root(spec)
    os.chdir(spec["cwd"])
    os.umask(0o022)
    _take_identity(spec)
    _checked(_libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.execve(_program(spec), spec["argv"], spec["env"])


def _program(spec: dict[str, Any]) -> str:
    name: str = spec["argv"][0]
    if "/" in name:
        return name
    for directory in spec["env"].get("PATH", "").split(":"):
        if os.access(f"{directory}/{name}", os.X_OK):
            return f"{directory}/{name}"
    raise FileNotFoundError(f"exec: {name}: not found in $PATH")


# --- the root


def _lay_root(spec: dict[str, Any]) -> None:
    root = spec["root"]
    _libc.sethostname(spec["hostname"].encode(), len(spec["hostname"]))
    _mount("", "/", "", _REC | _PRIVATE)
    _mount("root", root, "tmpfs", _NOSUID | _NODEV, "mode=755,size=64m")
    for source, target in spec["image"]:
        _bind(source, root + target, readonly=True)
    for target, link in spec["links"].items():
        os.makedirs(os.path.dirname(root + target), exist_ok=True)
        os.symlink(link, root + target)
    for target, text in spec["files"].items():
        os.makedirs(os.path.dirname(root + target), exist_ok=True)
        with open(root + target, "w", encoding="utf-8") as file:
            file.write(text)
    _lay_kernel(root)
    # As containerd does: the shallowest first, each mount point made through what is there.
    for source, target, readonly in sorted(spec["mounts"], key=lambda one: one[1].count("/")):
        _bind(source, root + target, readonly=readonly)
    if spec["readonly_root"]:
        _mount("", root, "", _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)
    os.chdir(root)
    _checked(_libc.syscall(_SYS_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", _DETACH), "umount2")
    os.chdir("/")


def _lay_kernel(root: str) -> None:
    for name in ("proc", "dev", "sys"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    _mount("proc", f"{root}/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    _bind(f"{root}/proc/sys", f"{root}/proc/sys", readonly=True)
    _mount("sysfs", f"{root}/sys", "sysfs", _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    _mount("dev", f"{root}/dev", "tmpfs", _NOSUID, "mode=755,size=64k")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        _bind(f"/dev/{name}", f"{root}/dev/{name}", readonly=False)
    os.mkdir(f"{root}/dev/shm")
    _mount("shm", f"{root}/dev/shm", "tmpfs", _NOSUID | _NODEV | _NOEXEC, "mode=1777,size=64m")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{root}/dev/{name}")


def _bind(source: str, target: str, *, readonly: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(source, target, "", _BIND | _REC)
    if readonly:
        _mount("", target, "", _REMOUNT | _BIND | _RDONLY | _kept(target))


def _kept(target: str) -> int:
    flags, found = os.statvfs(target).f_flag, 0
    for theirs, ours in ((os.ST_NOSUID, _NOSUID), (os.ST_NODEV, _NODEV), (os.ST_NOEXEC, _NOEXEC)):
        found |= ours if flags & theirs else 0
    return found


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    texts = [text.encode() or None for text in (source, target, kind, data)]
    code = _libc.mount(texts[0] or b"none", texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    _checked(code, f"mount {kind or source} at {target}")


# --- whose the process is


def _take_identity(spec: dict[str, Any]) -> None:
    kept = set(spec["capabilities"])
    for number, name in enumerate(CAPABILITIES):
        # A kernel that does not know a capability has nothing to drop.
        if name not in kept:
            _libc.prctl(_DROP_BOUND, number, 0, 0, 0)
    os.setgroups(spec["groups"])
    os.setresgid(spec["gid"], spec["gid"], spec["gid"])
    os.setresuid(spec["uid"], spec["uid"], spec["uid"])
    # Of another user nothing is left to take away: the change of uid cleared it.
    if spec["uid"] == 0:
        _set_capabilities(kept)
    if spec["no_new_privileges"]:
        _checked(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")


def _set_capabilities(names: set[str]) -> None:
    mask = sum(1 << number for number, name in enumerate(CAPABILITIES) if name in names)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    _checked(_libc.capset(header, data), "capset")


def _checked(code: int, what: str) -> None:
    if code < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main())
