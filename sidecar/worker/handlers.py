"""Every kind of task and the module that does it."""

from __future__ import annotations

from sidecar.worker import ask, bring, collect, datasets, golden, report, scrub, send, signature
from sidecar.worker.bench import Handler

HANDLERS: dict[str, Handler] = {
    "ask": ask.run,
    "bring": bring.run,
    "collect": collect.run,
    "datasets": datasets.run,
    "golden": golden.run,
    "report": report.run,
    "scrub": scrub.run,
    "send": send.run,
    "signature": signature.run,
}
