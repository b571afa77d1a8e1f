"""What the resident process asks of a worker process, and what it hears back.

Both directions are one JSON object per line: tasks on the worker's standard input, messages on its
standard output. The first task is always `config`; the others name parts of it. When the config
changes, its worker is let go and another begins. A message names its task by `id`; the last one
of a task is `done` or `failed`. At the end of its input a worker stops what it does and exits, so
it never outlives the resident process.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

TaskKind = Literal[
    "config", "bring", "golden", "ask", "send", "report", "scrub", "collect", "signature",
    "datasets",
]  # fmt: skip


class Task(NamedTuple):
    """One piece of work. `body` is JSON data; the builders below say what each kind holds."""

    id: int
    kind: TaskKind
    body: dict[str, Any]


class Message(NamedTuple):
    """One word of a worker. `event` is `progress`, `note`, `done` or `failed`.

    `progress` has `phase` and `bytes` (fetched so far), `note` an event for the journal, `failed`
    has `reason`, `detail`, `after` and `facts`; `done` has what the kind of task promises.
    """

    id: int
    event: str
    body: dict[str, Any]


def encode(line: Task | Message) -> bytes:
    """One line, with its end."""
    key = "kind" if isinstance(line, Task) else "event"
    text = json.dumps({"id": line[0], key: line[1], "body": line[2]}, separators=(",", ":"))
    return text.encode() + b"\n"


def task_of(line: bytes) -> Task:
    """The task of a line."""
    found = json.loads(line)
    return Task(found["id"], found["kind"], found["body"])


def message_of(line: bytes) -> Message:
    """The message of a line."""
    found = json.loads(line)
    return Message(found["id"], found["event"], found["body"])


def config(document: dict[str, Any], revision: str) -> dict[str, Any]:
    """The body of the first task: the accepted document. It is answered by nothing."""
    return {"document": document, "revision": revision}


def bring(key: str, *, first: bool) -> dict[str, Any]:
    """The body of a task that fetches, verifies, unpacks and seals the artifact `kind/name`.

    A `first` install ignores windows. Promises `{"tree": digest of the tree, "file": name of its
    single file or "", "bytes": fetched, "resumed": bytes found, "source": redacted URL}`.
    """
    return {"artifact": key, "first": first}


def golden(key: str) -> dict[str, Any]:
    """The body of a task that posts an artifact's golden input and compares. Promises `{}`."""
    return {"artifact": key}


def ask() -> dict[str, Any]:
    """The body of a task that asks the other part of the release once.

    Promises `{"ready": bool}`.
    """
    return {}


def send(stream: str, item: str, tenant: str = "") -> dict[str, Any]:
    """The body of a task that stores one accepted item of the outbox, of another `tenant` or ours.

    An item whose name begins with `=` is a list of what was delivered, or an upload to be aborted.
    Promises `{"url": where it lies, "bytes": sent}`; the item is still in the spool afterwards.
    """
    return {"stream": stream, "item": item, **({"tenant": tenant} if tenant else {})}


def report(text: str) -> dict[str, Any]:
    """The body of a task that stores this tenant's report. Promises `{}`."""
    return {"text": text}


def scrub(blob: str = "") -> dict[str, Any]:
    """The body of a task that hashes a blob and its trees, by default those whose turn it is.

    Promises `{"blob": digest or "", "intact": bool}`.
    """
    return {"blob": blob}


def collect(need: int = 0) -> dict[str, Any]:
    """The body of a task that deletes what no tenant needs.

    Where less than `need` bytes are left it also gives up what only a rollback could want.
    Promises `{"freed": bytes, "loose": whether something goes when its grace is over}`.
    """
    return {"need": need}


def signature(envelope: str) -> dict[str, Any]:
    """The body of a task that checks a signed envelope. Promises `{"revision", "site"}`."""
    return {"envelope": envelope}


def datasets() -> dict[str, Any]:
    """The body of a task that pulls what other nodes of the site wrote about the datasets here.

    Promises `{"changed": [dataset/writer of whom there was something new]}`.
    """
    return {}
