"""How a connection to a cluster fails, in words that say who must act.

Addresses of proxies and texts with credentials are never shown.
"""

from __future__ import annotations

import re

from compiler.adapters.cluster_config import concealed, world
from compiler.model.codes import world as codes
from compiler.model.diagnostics import CompileError

_LACKING = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) (?:resource "(?P<resource>[^"]*)"'
    r'(?: in API group "(?P<group>[^"]*)")?|path "(?P<path>[^"]*)")'
    r'(?: (?:in the namespace "(?P<namespace>[^"]*)"|at the cluster scope))?'
)
_PROXY = "The proxy is `proxy-url` of the kubeconfig, else the variable HTTPS_PROXY."
_FRESH = "Take a fresh kubeconfig from the cluster. Do not turn the verification off."
_TLS_HINTS = (
    ("mismatch", "Use an address that the certificate is for, or say which of its names counts "
                 "with `tls-server-name` in the kubeconfig."),
    ("expired", "Have the certificate renewed on the cluster; the clock here may be wrong, too."),
    ("not yet valid", "See whether the clock of this machine is right."),
    ("alert", "The server refuses the client's own certificate: take a fresh kubeconfig."),
    ("wrong version number", "The address answers without TLS: is it that of an API server?"),
)  # fmt: skip
"""What to do, by a word of the TLS library."""


def forbidden(message: str) -> str:
    """Which permission a refusal says is lacking, or nothing where it is of another sort."""
    found = _LACKING.search(message)
    if found is None:
        return ""
    resource = found["resource"] or found["path"]
    group = f".{found['group']}" if found["group"] else ""
    where = f"in namespace {found['namespace']}" if found["namespace"] else "of the whole cluster"
    return f"user {found['user']} may not {found['verb']} {resource}{group} {where}"


def from_transport(error: Exception, name: str, kubectl: str) -> CompileError:
    """The error to raise for a failure of the connection `name`, which `kubectl` reaches too."""
    from urllib3 import exceptions

    reason = _innermost(error)
    if isinstance(reason, exceptions.SSLError) or "SSL" in type(reason).__name__:
        told = _tls(reason)
        return world(codes.TLS, f"no trusted connection to {name}: {told}", _tls_hint(told))
    if isinstance(error, exceptions.ProxyError):
        text = f"{name} cannot be reached: the proxy does not answer"
        return world(codes.UNREACHABLE, text, _PROXY)
    text = f"{name} cannot be reached: {_words(error, reason)}"
    hint = (
        f"Try `{kubectl} version`. Where it gets no answer either, the address in the kubeconfig "
        "is wrong, or no network, VPN or tunnel leads there from here."
    )
    return world(codes.UNREACHABLE, text, hint)


def _innermost(error: Exception) -> BaseException:
    """What a chain of wrappers began with."""
    found: BaseException = error
    for _ in range(5):
        inner = next((one for one in found.args if isinstance(one, Exception)), None)
        inner = inner or getattr(found, "reason", None)
        if not isinstance(inner, Exception):
            break
        found = inner
    return found


def _tls(reason: BaseException) -> str:
    told = getattr(reason, "verify_message", "") or getattr(reason, "reason", "") or str(reason)
    return concealed(str(told)).lower().replace("_", " ")


def _tls_hint(told: str) -> str:
    return next((hint for word, hint in _TLS_HINTS if word in told), _FRESH)


def _words(error: Exception, reason: BaseException) -> str:
    from urllib3 import exceptions

    if isinstance(error, exceptions.NameResolutionError):
        return "its name is not known"
    system = next((one for one in (reason, reason.__cause__) if isinstance(one, OSError)), None)
    if system is not None and system.strerror:
        return system.strerror.lower()
    if isinstance(error, exceptions.ConnectTimeoutError):
        return "no answer to the connection attempt"
    if isinstance(error, exceptions.ReadTimeoutError):
        return "it accepted the request and did not answer in time"
    return f"the connection broke ({type(reason).__name__})"
