"""What no schema says of a config: each rule refuses what breaks it and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from sidecar.contract import semantics
from sidecar.contract.addresses import is_forbidden
from sidecar.contract.schema import problems as schema_problems
from tests.sidecar.contract.documents import code, document, model

Change = Callable[[dict[str, Any]], None]


def found(*changes: Change) -> list[tuple[str, str]]:
    value = document()
    for change in changes:
        change(value)
    assert schema_problems(value) == []
    return [(one.code, one.path) for one in semantics.problems(value, "amd64")]


def put(*path: Any) -> Change:
    """A change that sets the place of a path to its last part."""

    def change(value: dict[str, Any]) -> None:
        target: Any = value
        for step in path[:-2]:
            target = target[step]
        target[path[-2]] = path[-1]

    return change


def drop(*path: Any) -> Change:
    def change(value: dict[str, Any]) -> None:
        target: Any = value
        for step in path[:-1]:
            target = target[step]
        del target[path[-1]]

    return change


def add(where: str, entry: dict[str, Any]) -> Change:
    return lambda value: value[where].append(entry)


FIRST = ("artifacts", 0)
SECOND = ("artifacts", 1)
ACT = (*FIRST, "activation")
LONG = "a" * 253
BROKEN: dict[str, tuple[str, str, tuple[Change, ...]]] = {
    "an artifact twice": (
        "ConfigInvalid", "$.artifacts[2]", (add("artifacts", code(link="/edgewright/code/b")),),
    ),
    "a bundle twice": (
        "ConfigInvalid", "$.bundles[1]",
        (add("artifacts", code("c", link="/edgewright/code/c")),
         add("artifacts", code("d", link="/edgewright/code/d")),
         add("bundles", {"name": "watch-shelves", "members": ["code/c", "code/d"]})),
    ),
    "a store twice": ("ConfigInvalid", "$.stores[1]", (add("stores", {"name": "main.s3-reader"}),)),
    "a stream twice": (
        "ConfigInvalid", "$.outbox[1]", (add("outbox", {"name": "hard", "to": "s3://b/"}),),
    ),
    "a store that is not there": (
        "ConfigInvalid", "$.artifacts[0].sources[1].store",
        (put(*FIRST, "sources", 1, "store", "x"),),
    ),
    "a store of a golden input that is not there": (
        "ConfigInvalid", "$.artifacts[0].activation.golden.input.store",
        (put(*ACT, "golden", "input", "store", "x"),),
    ),
    "a store of the outbox that is not there": (
        "ConfigInvalid", "$.outbox[0].store", (put("outbox", 0, "store", "x"),),
    ),
    "a store of the reports that is not there": (
        "ConfigInvalid", "$.reports.store", (put("reports", "store", "x"),),
    ),
    "a member that is no artifact": (
        "ConfigInvalid", "$.bundles[0].members", (put("bundles", 0, "members", 0, "code/other"),),
    ),
    "a member of two bundles": (
        "ConfigInvalid", "$.bundles[1].members",
        (add("artifacts", code("c", link="/edgewright/code/c")),
         add("bundles", {"name": "other", "members": ["code/c", "code/shelf-io"]})),
    ),
    "members that update differently": (
        "ConfigInvalid", "$.bundles[0].members", (put(*SECOND, "activation", "update", "stage"),),
    ),
    "a hook to another port": (
        "ConfigInvalid", "$.artifacts[0].activation.hook.url",
        (put(*ACT, "hook", "url", "http://127.0.0.1:8001"),),
    ),
    "a hook to a port beyond all": (
        "ConfigInvalid", "$.artifacts[0].activation.hook.url",
        (put(*ACT, "hook", "url", "http://127.0.0.1:99999"),),
    ),
    "a probe to another port": (
        "ConfigInvalid", "$.artifacts[0].activation.probe.url",
        (put(*ACT, "probe", "url", "http://127.0.0.1:10250/pods"),),
    ),
    "a golden input to another port": (
        "ConfigInvalid", "$.artifacts[0].activation.golden.url",
        (put(*ACT, "golden", "url", "http://127.0.0.1:1/"),),
    ),
    "a hook without its address": (
        "ConfigInvalid", "$.artifacts[0].activation.hook", (drop(*ACT, "hook", "url"),),
    ),
    "a command without a command": (
        "ConfigInvalid", "$.artifacts[0].activation.hook", (put(*ACT, "hook", {"type": "exec"}),),
    ),
    "a signal to nobody": (
        "ConfigInvalid", "$.artifacts[0].activation.hook",
        (put(*ACT, "hook", {"type": "signal", "signal": "HUP"}),),
    ),
    "a touch of nothing": (
        "ConfigInvalid", "$.artifacts[0].activation.hook", (put(*ACT, "hook", {"type": "touch"}),),
    ),
    "a numbered view without a number": (
        "ConfigInvalid", "$.artifacts[0].view", (drop(*FIRST, "view", "number"),),
    ),
    "a model name that climbs": (
        "ConfigInvalid", "$.artifacts[0].view.model", (put(*FIRST, "view", "model", "../x"),),
    ),
    "a model name that is a directory": (
        "ConfigInvalid", "$.artifacts[0].view.model", (put(*FIRST, "view", "model", ".."),),
    ),
    "one link for two": (
        "ViewClash", "$.artifacts[2].link",
        (add("artifacts", model("second", 2, link="/edgewright/models/shelf")),),
    ),
    "one number of one model for two": (
        "ViewClash", "$.artifacts[2].view",
        (add("artifacts", model("second", view={"type": "ovms", "model": "shelf", "number": 1})),),
    ),
    "chunks that are too few": (
        "ConfigInvalid", "$.artifacts[0].chunks.count", (put(*FIRST, "chunks", "count", 2),),
    ),
    "private bytes from peers": (
        "ConfigInvalid", "$.artifacts[0].sources", (put(*FIRST, "private", True),),
    ),
    "a tenant that no directory can be named after": (
        "ConfigInvalid", "$.tenant", (put("tenant", "job", LONG),),
    ),
    "an artifact that no directory can be named after": (
        "ConfigInvalid", "$.artifacts[2]",
        (add("artifacts", code(LONG, link="/edgewright/code/b")),),
    ),
    "a bundle that no directory can be named after": (
        "ConfigInvalid", "$.bundles[0]", (put("bundles", 0, "name", LONG),),
    ),
    "a socket with a path too long": (
        "ConfigInvalid", "$.surface.socket", (put("surface", "socket", f"/{'s' * 107}"),),
    ),
    "a URL with a line end": (
        "ConfigInvalid", "$.artifacts[0].sources[1].url",
        (put(*FIRST, "sources", 1, "url", "http://files.example.com\n/x"),),
    ),
    "a URL without a host": (
        "ConfigInvalid", "$.artifacts[0].sources[1].url", (put(*FIRST, "sources", 1, "url", "s3:///x"),),
    ),
    "a URL with a port that is none": (
        "ConfigInvalid", "$.artifacts[0].sources[1].url",
        (put(*FIRST, "sources", 1, "url", "http://files.example.com:0/x"),),
    ),
    "a host behind a backslash": (
        "ConfigInvalid", "$.artifacts[0].sources[1].url",
        (put(*FIRST, "sources", 1, "url", "http://files.example.com\\.other.example/x"),),
    ),
    "a file by a path that climbs": (
        "ConfigInvalid", "$.artifacts[0].sources[1].url",
        (put(*FIRST, "sources", 1, "url", "file:///data/../etc/shadow"),),
    ),
    "a file of another host": (
        "ConfigInvalid", "$.artifacts[0].sources[1].url",
        (put(*FIRST, "sources", 1, "url", "file://host/data"),),
    ),
    "a folder that is not said to be a list of files": (
        "ConfigInvalid", "$.artifacts[0].sources[1].url",
        (put(*FIRST, "sources", 1, "url", "https://mirror.example.com/shelf/"),),
    ),
    "bytes from a metadata service": (
        "AddressRefused", "$.artifacts[0].sources[1].url",
        (put(*FIRST, "sources", 1, "url", "http://169.254.169.254/latest/meta-data"),),
    ),
    "an endpoint that is a metadata service": (
        "AddressRefused", "$.stores[0].endpoint", (put("stores", 0, "endpoint", "http://[fe80::1]/"),),
    ),
    "an outbox that is a metadata service": (
        "AddressRefused", "$.outbox[0].to", (put("outbox", 0, "to", "https://169.254.0.1/x"),),
    ),
    "a proxy that is a metadata service": (
        "AddressRefused", "$.network.proxy", (put("network", "proxy", "http://169.254.0.1:80"),),
    ),
    "a peer that is a metadata service": (
        "AddressRefused", "$.peers.members[0]", (put("peers", "members", 0, "http://169.254.0.1"),),
    ),
    "a question to a metadata service": (
        "AddressRefused", "$.release.ask.url", (put("release", "ask", "url", "http://169.254.0.1"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_refused_is(name: str) -> None:
    code_, path, changes = BROKEN[name]
    assert found(*changes) == [(code_, path)]


FINE: dict[str, tuple[Change, ...]] = {
    "the whole document": (),
    "the same name in two kinds": (add("artifacts", code("shelf")),),
    "two flat views of one model name": (
        add("artifacts", model("b", view={"type": "flat", "model": "shelf"})),
        put(*FIRST, "view", {"type": "flat"}),
    ),
    "a hook that needs nothing": (put(*ACT, "hook", {"type": "none"}),),
    "a server that looks by itself": (put(*ACT, "hook", {"type": "tfserving"}),),
    "an empty artifact in one chunk": (
        put(*FIRST, "size", 0), put(*FIRST, "chunks", "count", 1),
    ),
    "chunks of a size that is not known": (drop(*FIRST, "size"),),
    "a store on loopback that the config spells out": (
        put("stores", 0, "endpoint", "http://127.0.0.1:9000"),
    ),
    "a file": (put(*FIRST, "sources", 1, "url", "file:///data/shelf 1/x"),),
    "an image by digest": (
        put(*FIRST, "sources", 1, "url", f"oci://registry.example.com:5000/a/b@sha256:{'0' * 64}"),
    ),
    "an artifact for other processors, which stops that artifact only": (
        put(*FIRST, "arch", ["arm", "s390x"]),
    ),
    "a literal address": (put(*FIRST, "sources", 1, "url", "https://[2001:db8::1]:8443/x"),),
}  # fmt: skip


@pytest.mark.parametrize("name", FINE)
def test_accepted_is(name: str) -> None:
    assert found(*FINE[name]) == []


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254", "169.254.1", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
        "fe80::1", "fe80::1%eth0", "febf::1", "::ffff:169.254.169.254", "::ffff:a9fe:1",
        "64:ff9b::169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
        "224.0.0.1", "255.255.255.255", "ff02::1",
    ],
)  # fmt: skip
def test_an_address_of_metadata_is_known_however_it_is_written(host: str) -> None:
    assert is_forbidden(host)


@pytest.mark.parametrize(
    "host",
    ["10.20.1.4", "127.0.0.1", "169.253.255.255", "fec0::1", "2001:db8::1", "s3.example.com",
     "metadata", "169.254.example.com", "fe80", "", "0x", "1e9"],
)  # fmt: skip
def test_other_hosts_are_not(host: str) -> None:
    assert not is_forbidden(host)


def test_the_processor_of_this_machine_has_its_name_in_the_contract() -> None:
    names = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "riscv64": "riscv64"}
    machine = os.uname().machine
    assert semantics.this_machine() == names.get(machine, machine)
