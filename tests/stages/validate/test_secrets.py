"""Credentials in a spec are found, reported by the key that holds them, and never shown."""

from __future__ import annotations

import pytest

from compiler.model.spec.checks import looks_like_credential
from tests.spec_cases import faults, faults_at_mark

WORKER = "jobs:\n  watch:\n    kind: serve\n    models: [m]\n    worker: "
HIDDEN = "q7" + "Zx" * 9
"""A text that stands for a credential; made here so that no file holds one."""


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            WORKER + f"{{env: {{RTSP_URL: §'rtsp://u:{HIDDEN}@cam/1'}}}}",
            "E1501",
            "RTSP_URL contains a password (value not shown); "
            "write RTSP_URL: {secret: NAME, key: url}",
        ),
        (
            WORKER + f"{{env: {{DB_PASSWORD: §{HIDDEN}}}}}",
            "E1501",
            "write DB_PASSWORD: {secret: NAME, key: password}",
        ),
        (WORKER + f"{{params: {{deep: {{api_key: §{HIDDEN}}}}}}}", "E1501", "api_key contains"),
        (WORKER + f"{{args: [§--token={HIDDEN}]}}", "E1501", "an argument contains"),
        (WORKER + f"{{args: [--password, §{HIDDEN}]}}", "E1501", "an argument contains"),
        (
            "fleet: {sites: {a: {cluster: c, layer: edge, profile: p, "
            f"vars: {{token: §{HIDDEN}}}}}}}}}",
            "E1501",
            "token contains",
        ),
        (
            "overrides: [{where: {a: b}, set: {jobs: {j: {worker: "
            f"{{env: {{TOKEN: §{HIDDEN}}}}}}}}}}}}}]",
            "E1501",
            "TOKEN contains",
        ),
        (f"stores: {{a: {{url: §'s3://u:{HIDDEN}@b'}}}}", "E1502", "value not shown"),
        (f"code: {{a: {{uri: §'https://x.io/a?X-Amz-Signature={HIDDEN}'}}}}", "E1502", ""),
        (WORKER + f"{{image: §'https://u:{HIDDEN}@r.io/x'}}", "E1502", ""),
        (f"stores: {{a: {{url: 's3://b', read: {{secret: §{HIDDEN}}}}}}}", "E1503", "not shown"),
        (f"stores: {{a: {{url: 's3://b', read: §{HIDDEN}}}}}", "E1101", "value not shown"),
        (WORKER + f"{{env: {{A: {{secret: §{HIDDEN}, key: k}}}}}}", "E1503", "not shown"),
    ],
)
def test_a_credential_is_found_and_its_value_is_not_shown(
    text: str, code: str, message: str
) -> None:
    found, place = faults_at_mark(text)
    assert [(d.code.id, d.span) for d in found] == [(code, place)]
    assert message in found[0].message
    assert all(HIDDEN not in d.message + d.hint for d in found)


@pytest.mark.parametrize(
    "worker",
    [
        "{env: {TOKEN_FILE: /run/secrets/token, PASSWORD: {secret: a, key: b}}}",
        "{env: {TOKEN: '{site.vars.name}', SECRET: $(OTHER), MAX_TOKENS: '512', API_TOKEN: ''}}",
        "{env: {TOKEN_URL: 'https://login.example.com/token', USE_SECRET: true}}",
        "{args: [--token-file, /run/token, --password=$(PASSWORD), --secret, --verbose]}",
        "{params: {token: 5, tokens: [a, b]}}",
    ],
)
def test_what_only_sounds_like_a_credential_passes(worker: str) -> None:
    assert faults(WORKER + worker) == ()


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "B" * 16,
        "ghp_" + "b" * 36,
        "glpat-" + "c" * 20,
        "-----BEGIN EC " + "PRIVATE KEY-----",
    ],
)
def test_well_known_forms_of_credentials_are_recognised(text: str) -> None:
    assert looks_like_credential(text)
    assert [d.code.id for d in faults(WORKER + f"{{env: {{ANY: '{text}'}}}}")] == ["E1501"]
    assert not looks_like_credential(text[:8])
