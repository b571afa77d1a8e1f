"""BentoML 1.x: a service built by `bentoml build`, served over HTTP.

Without a model artifact of framework `bentoml`, the bento is inside the image and the image's own
command serves it. A running service cannot take a new bento: updates roll.
"""

from __future__ import annotations

from compiler.model.server import Probes, Server, Serving, http_probes
from compiler.model.worker import ContainerPort, EnvironmentVariable


def _args(serving: Serving) -> tuple[str, ...]:
    bento = next((model for model in serving.models if model.framework == "bentoml"), None)
    if bento is None:
        return ()
    return ("bentoml", "serve", bento.path, "--host", "0.0.0.0", "--port", str(serving.http))  # noqa: S104 - a pod's address is not known before it runs


def _env(serving: Serving) -> tuple[EnvironmentVariable, ...]:
    # Read by the image's own command, which takes no arguments.
    return (EnvironmentVariable("BENTOML_PORT", str(serving.http)),)


def _probes(serving: Serving) -> Probes:
    return http_probes("/livez", "/readyz", "/livez", serving.http)


SERVER = Server(
    name="bentoml-1",
    title="BentoML 1.x",
    ports=(ContainerPort("http", 3000),),
    probes=_probes,
    args=_args,
    env=_env,
    writable=("/home/bentoml",),
)
