"""BentoML 0.13: a `BentoService` packed as a directory, served by gunicorn over HTTP.

Its API differs from 1.x in ports, health path and layout, so it is a flavour of its own. Without a
model artifact of framework `bentoml`, the service is inside the image, whose command serves it.
"""

from __future__ import annotations

from compiler.model.server import Probes, Server, Serving, http_probes
from compiler.model.worker import ContainerPort, EnvironmentVariable


def _args(serving: Serving) -> tuple[str, ...]:
    bento = next((model for model in serving.models if model.framework == "bentoml"), None)
    if bento is None:
        return ()
    return ("bentoml", "serve-gunicorn", bento.path, "--port", str(serving.http))


def _env(serving: Serving) -> tuple[EnvironmentVariable, ...]:
    # BENTOML_HOME holds logs and caches; the default lies in a home that may be read-only.
    return (
        EnvironmentVariable("BENTOML_HOME", "/tmp/bentoml"),  # noqa: S108 - a pod's own directory
        EnvironmentVariable("BENTOML_PORT", str(serving.http)),
    )


def _probes(serving: Serving) -> Probes:
    return http_probes("/healthz", "/healthz", "/healthz", serving.http)


SERVER = Server(
    name="bentoml-0.13",
    title="BentoML 0.13",
    ports=(ContainerPort("http", 5000),),
    probes=_probes,
    args=_args,
    env=_env,
    writable=("/tmp",),  # noqa: S108 - a pod's own directory
)
