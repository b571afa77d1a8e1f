"""Real file systems for tests: tmpfs with limits, ext4 and xfs in loop files whose power can fail.

Each helper skips its test with the reason where the machine cannot do it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest

_SHUTDOWN = 0x8004587D
"""FS_IOC_SHUTDOWN, of ext4, xfs and f2fs alike."""
_NO_LOG_FLUSH = 2
_NEW_NAMESPACE = 0x20000
"""CLONE_NEWNS."""

MAKERS = {
    "ext4": ("mkfs.ext4", ["-q", "-F"], "e2fsprogs"),
    "xfs": ("mkfs.xfs", ["-q", "-f"], "xfsprogs"),
    "vfat": ("mkfs.vfat", [], "dosfstools"),
}


class Disk:
    """A file system in a file, mounted by loop at `path`."""

    def __init__(self, kind: str, image: str, path: str, options: str) -> None:
        self.kind, self.image, self.path, self.options = kind, image, path, options

    def mount(self) -> None:
        """Mount it; after a power cut this replays the journal."""
        _run("mount", "-t", self.kind, "-o", f"loop,{self.options}", self.image, self.path)

    def unmount(self) -> None:
        """Unmount it, waiting for a moment while a dying process still has it open."""
        for _ in range(100):
            done = subprocess.run(["umount", self.path], check=False, capture_output=True)
            if done.returncode == 0:
                return
            time.sleep(0.02)
        raise OSError(errno.EBUSY, done.stderr.decode())

    def cut_power(self) -> None:
        """Stop the file system at once: nothing that is not on disk by now ever gets there."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def remount(self, option: str) -> None:
        """Remount with `ro` or `rw`."""
        _run("mount", "-o", f"remount,{option}", self.path)

    def fail(self) -> None:
        """Let ext4 find an error, after which it is read-only until it is mounted anew."""
        source = Path(_run("findmnt", "-no", "SOURCE", self.path).strip()).name
        Path(f"/sys/fs/ext4/{source}/trigger_fs_error").write_text("1")


@contextmanager
def disk(kind: str, *, megabytes: int = 0, options: str = "noatime") -> Iterator[Disk]:
    """A fresh file system of a kind; xfs has no smaller ones than 300 MiB."""
    tool, words, package = MAKERS[kind]
    needs_root()
    _alone()
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is missing: install the package {package}")
    with tempfile.TemporaryDirectory() as folder:
        image, path = f"{folder}/image", f"{folder}/mounted"
        size = megabytes or (320 if kind == "xfs" else 64)
        with open(image, "wb") as file:  # noqa: PTH123 - sparse, by its descriptor
            file.truncate(size << 20)
        Path(path).mkdir()
        _run(tool, *words, image)
        found = Disk(kind, image, path, options)
        _mount_or_skip(found)
        try:
            yield found
        finally:
            with suppress(OSError):
                found.unmount()


@contextmanager
def mounted(kind: str) -> Iterator[str]:
    """Where a fresh file system of a kind is mounted."""
    with disk(kind) as found:
        yield found.path


@contextmanager
def tmpfs(size: str, *, inodes: int = 0, at: str = "") -> Iterator[str]:
    """A directory, or the one at a path, that holds so many bytes (`8m`) and inodes."""
    needs_root()
    _alone()
    options = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
    with nullcontext(at) if at else tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
            check=False,
            capture_output=True,
        )
        if done.returncode:
            pytest.skip(f"this machine forbids mounts: {done.stderr.decode().strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", folder], check=False)


def needs_root() -> None:
    """Skip where nothing can be mounted."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount file systems")


@functools.cache
def _alone() -> None:
    """Give this process a mount namespace of its own, for good.

    Whoever makes another namespace meanwhile would take a copy of our mounts along and keep them
    alive: a disk whose power was cut would stay dead. And all mounts go with this process.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_NEW_NAMESPACE):
        pytest.skip(f"this machine forbids namespaces: {os.strerror(ctypes.get_errno())}")
    _run("mount", "--make-rprivate", "/")


def _mount_or_skip(found: Disk) -> None:
    try:
        found.mount()
    except OSError as error:
        pytest.skip(f"this machine cannot mount {found.kind} from a file: {error}")


def _run(*words: str) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(done.returncode, f"{words[0]}: {done.stderr.strip()}")
    return done.stdout
