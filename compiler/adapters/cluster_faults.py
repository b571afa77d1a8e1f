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


def forbidden(message: str) -> str:
    """Which permission a refusal says is lacking, or nothing where it is of another sort."""
    found = _LACKING.search(message)
    if found is None:
        return ""
    resource = found["resource"] or found["path"]
    group = f".{found['group']}" if found["group"] else ""
    where = f"in namespace {found['namespace']}" if found["namespace"] else "of the whole cluster"
    return f"user {found['user']} may not {found['verb']} {resource}{group} {where}"


def from_transport(error: Exception, name: str) -> CompileError:
    """The error to raise for a failure of the connection `name`."""
    from urllib3 import exceptions

    reason = _innermost(error)
    if isinstance(reason, exceptions.SSLError) or "SSL" in type(reason).__name__:
        return world(codes.TLS, f"no trusted connection to {name}: {_tls(reason)}")
    if isinstance(error, exceptions.ProxyError):
        return world(codes.UNREACHABLE, f"{name} cannot be reached: the proxy does not answer")
    return world(codes.UNREACHABLE, f"{name} cannot be reached: {_words(error, reason)}")


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
