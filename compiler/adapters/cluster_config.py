"""A kubeconfig becomes the settings of a connection, with kubectl's rules for which file counts.

Neither the file's content nor the library's own error texts are ever shown: those quote whole
entries of the file, tokens among them. Nothing here talks to a cluster, but a credential plugin
that the file names is run.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from compiler.model.codes import world as codes
from compiler.model.diagnostics import Code, CompileError, Diagnostic
from compiler.model.record import dataclass
from compiler.model.suggest import did_you_mean

HOME = "~/.kube/config"
IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
"""The variable that every pod has; with no kubeconfig at all, the pod's own account is used."""
_OPAQUE = re.compile(r"[\w+/=.-]{32,}")
_SHOWN = 200
_CONTEXTS_SHOWN = 20
_ACCOUNT = "Give the pod a service account whose token is mounted, or name a file: --kubeconfig."


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to connect: the library's configuration, and where it came from.

    `kubectl` is how a person reaches the same cluster by hand.
    """

    configuration: Any
    context: str
    kubectl: str = "kubectl"


def read_settings(kubeconfig: Path | str | None, context: str | None) -> Settings:
    """The settings of a context, the current one by default.

    Raises:
        CompileError: the file, the context or the credential plugin cannot be used.
    """
    from kubernetes.client import Configuration

    configuration = Configuration()
    if kubeconfig is None and not context and _in_pod():
        _load(lambda: _account(configuration), "the account of this pod", _ACCOUNT)
        return Settings(configuration, "in-cluster")
    paths = _paths(kubeconfig)
    beginning = ["kubectl", *(["--kubeconfig", str(kubeconfig)] if kubeconfig else [])]
    by_hand = shlex.join(beginning)
    chosen = _context(_names(paths, by_hand), context, paths)
    kubectl = shlex.join([*beginning, "--context", chosen])
    _load_context(paths, chosen, configuration, kubectl)
    return Settings(configuration, chosen, kubectl)


def world(code: Code, message: str, hint: str = "") -> CompileError:
    """The error that says how the outside world failed."""
    return CompileError((Diagnostic(code, message, None, hint),))


def login(kubectl: str) -> str:
    """What to do where a cluster or a plugin wants to know who asks."""
    return f"Log in as for kubectl: `{kubectl} auth whoami` has to work first."


def concealed(text: str) -> str:
    """The last line of somebody else's text, cut, with whatever could be a credential hidden."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _OPAQUE.sub("…", lines[-1])[:_SHOWN] if lines else ""


def _in_pod() -> bool:
    return not os.environ.get("KUBECONFIG") and not Path(HOME).expanduser().exists() and bool(
        os.environ.get(IN_CLUSTER)
    )  # fmt: skip


def _account(configuration: Any) -> None:
    _library().load_incluster_config(client_configuration=configuration)


def _library() -> Any:
    from kubernetes import config

    return config


def _paths(kubeconfig: Path | str | None) -> str:
    """The files that count, joined as KUBECONFIG joins them."""
    given = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG") or HOME
    there = [one for one in given.split(os.pathsep) if one and Path(one).expanduser().is_file()]
    if not there:
        hint = "Name the right file with --kubeconfig."
        if not kubeconfig:
            hint = "Name the right file with --kubeconfig or in the variable KUBECONFIG."
        raise world(codes.KUBECONFIG, f"there is no kubeconfig {given}", hint)
    return os.pathsep.join(there)


def _read(paths: str, kubectl: str) -> Any:
    """The merged files; read once, because a fleet can have a context for each site."""
    changed = tuple(Path(one).expanduser().stat().st_mtime_ns for one in paths.split(os.pathsep))
    hint = f"See what `{kubectl} config view` says of it, or take a fresh one from the cluster."
    return _load(lambda: _merged(paths, changed), paths, hint)


@lru_cache(maxsize=4)
def _merged(paths: str, _changed: tuple[int, ...]) -> Any:
    merged = _library().kube_config.KubeConfigMerger(paths)
    if not isinstance(merged.config.value["contexts"], list):
        raise TypeError("contexts")
    return merged


def _names(paths: str, kubectl: str) -> tuple[str | None, tuple[str, ...]]:
    """The current context and all contexts, by name."""
    config = _read(paths, kubectl).config.value
    hint = f"Each of its contexts needs a name: see `{kubectl} config get-contexts`."
    known = _load(lambda: tuple(str(one.value["name"]) for one in config["contexts"]), paths, hint)
    return config.get("current-context") or None, known


def _context(names: tuple[str | None, tuple[str, ...]], wanted: str | None, paths: str) -> str:
    current, known = names
    chosen = wanted or current
    there = ", ".join(sorted(known)[:_CONTEXTS_SHOWN]) or "none"
    if chosen is None:
        text = f"{paths} has no current context; its contexts are: {there}"
        raise world(codes.CONTEXT, text)
    if chosen not in known:
        text = f"{paths} has no context {chosen}; its contexts are: {there}"
        raise world(codes.CONTEXT, text, did_you_mean(chosen, known))
    return chosen


def _load_context(paths: str, context: str, configuration: Any, kubectl: str) -> None:
    merged = _read(paths, kubectl)

    def load() -> None:
        loader = _library().kube_config.KubeConfigLoader(
            config_dict=merged.config,
            active_context=context,
            config_base_path=None,
            # A refresh token that was used up has to be replaced, or kubectl is logged out.
            config_persister=merged.save_changes,
        )
        loader.load_and_set(configuration)

    hint = f"`{kubectl} config view --minify` shows its entries; one lacks something or is wrong."
    with _complaints() as heard:
        _load(load, f"context {context} of {paths}", hint)
    if heard:
        # The library goes on without credentials and would be refused as an anonymous user.
        text = f"the credential plugin of context {context} failed: {concealed(heard[-1])}"
        raise world(codes.CREDENTIALS, text, login(kubectl))


def _load(action: Callable[[], Any], what: str, hint: str) -> Any:
    """The result of what reads a file that anybody may have written; its errors are not quoted.

    Raises:
        CompileError: it failed, in whatever way.
    """
    try:
        return action()
    except Exception as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        text = f"{what} cannot be used{where}: {_reason(error)}"
        raise world(codes.KUBECONFIG, text, hint) from None


def _reason(error: Exception) -> str:
    """Why a file cannot be used, in words that hold nothing of it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if type(error).__module__.startswith("yaml."):
        return "it is no YAML"
    if isinstance(error, KeyError | TypeError | AttributeError):
        return "it has not got the shape of a kubeconfig"
    if type(error).__name__ == "ConfigException":
        return "an entry is lacking or wrong"
    return type(error).__name__


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What the library logs instead of raising it: failures of a credential plugin."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    root, listener = logging.getLogger(), Listener(logging.ERROR)
    before, root.handlers = root.handlers, [listener]
    try:
        yield heard
    finally:
        root.handlers = before
