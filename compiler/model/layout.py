"""Where things lie inside a pod: the paths that a worker, a sidecar and their configs agree on.

Constants only. ADR 0003 says why they are what they are; changing one breaks deployed images.
"""

from __future__ import annotations

VIEW = "/edgewright"
"""What a worker sees: links to artifacts, `params.json` and, below it, `RUN`."""

RUN = f"{VIEW}/run"
"""The sidecar's socket and the outbox; the worker may write here."""

OUTBOX = f"{RUN}/outbox"
"""One directory per output stream."""

STORE = "/var/lib/edgewright"
"""The node's artifact store, at the same path in every container that mounts it."""

CONFIG = "/etc/edgewright/sidecar"
"""The directory of the sidecar's config, replaced as a whole by the kubelet."""

CONFIG_FILE = "config.json"
"""The file in `CONFIG`."""

PARAMS = "/etc/edgewright/params"
"""The directory that `VIEW/params.json` links into."""

CREDENTIALS = "/etc/edgewright/credentials"
"""One directory per Secret, holding files with the AWS names."""

AUTHORITIES = "/etc/edgewright/ca"
"""The directory of the extra certificate authorities."""

AUTHORITIES_FILE = f"{AUTHORITIES}/ca.crt"
"""The bundle: the key `ca.crt` of the site's ConfigMap."""

ARTIFACTS = {"model": f"{VIEW}/models", "dataset": f"{VIEW}/datasets", "code": f"{VIEW}/code"}
"""The directory of each kind of artifact; an artifact's own path is `<directory>/<name>`."""

OWNER = 65532
"""The user and group that own the store and run every sidecar."""
