"""Keys that only boto3 knows how to get (profiles, SSO, processes), asked for in a short process.

boto3 takes 50 MiB and a third of a second, so it is never loaded where bytes are moved; the keys
come back through a pipe. Optional: without boto3 the reason says so.
"""

from __future__ import annotations

import json
import os
import sys
import time

import sidecar
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.transfer.sigv4 import Keys

_PATIENCE = 60
_LIFETIME = 900.0
_CHILD = (
    "import sys; sys.path[:0] = [sys.argv[1]]\n"
    "from sidecar.transfer import resolver; resolver.main()"
)


def resolve(folder: str) -> tuple[Keys, float]:
    """The keys that the AWS files `config` and `credentials` of a directory lead to, and their end.

    Raises:
        ReasonError: CredentialsMissing.
    """
    # Loaded late: few stores need it.
    import subprocess

    environment = {
        **os.environ,
        "AWS_CONFIG_FILE": f"{folder}/config",
        "AWS_SHARED_CREDENTIALS_FILE": f"{folder}/credentials",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    home = os.path.abspath(os.path.dirname(next(iter(sidecar.__path__))))
    try:
        done = subprocess.run(  # noqa: S603 - this very program
            [sys.executable, "-c", _CHILD, home],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ReasonError("CredentialsMissing", f"{folder}: no keys within a minute") from error
    if done.returncode:
        last = done.stderr.strip().rpartition(b"\n")[2]
        raise ReasonError("CredentialsMissing", f"{folder}: {clean(last, 200)}")
    found = json.loads(done.stdout)
    return Keys(found["access"], found["secret"], found["token"]), time.monotonic() + _LIFETIME


def main() -> None:
    """The child: print the keys as JSON, or why there are none to standard error."""
    try:
        import boto3
    except ImportError:
        sys.exit("boto3 is not installed, which `config` and `credentials` files need")
    found = boto3.Session().get_credentials()
    if found is None:
        sys.exit("no keys in the AWS files")
    keys = found.get_frozen_credentials()
    json.dump(
        {"access": keys.access_key, "secret": keys.secret_key, "token": keys.token or ""},
        sys.stdout,
    )
