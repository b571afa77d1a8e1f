"""Finds credentials that were written into the spec where a Secret's name belongs.

Part of `validate`. Looks at raw data, so that it also sees overrides and entries that are
wrong in other ways. Never puts a value into a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from compiler.model.codes import spec as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.spec.checks import holds_credential, looks_like_credential
from compiler.stages.validate.words import Finding, put, shortened

_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|credentials?)"
    r"(?:$|[_.-](?:id|value)$)",
    re.IGNORECASE,
)
_FLAG = re.compile(r"^--?[\w-]*(?:password|passwd|token|secret|api-?key)(?:=(.+)|$)", re.IGNORECASE)
_PLACEHOLDER_ONLY = re.compile(r"\{[^{}]*\}|\$\([^()]*\)|\$\{?\w+\}?")
_HARMLESS = {"", "true", "false", "none", "null"}
_SECTIONS = ("jobs", "overrides", "environments", "patches", "models")


def report_credentials(data: Any, path: tuple[str, ...], diagnostics: Diagnostics) -> None:
    """Report every credential in variables, params, arguments and sites' own values."""
    if not isinstance(data, dict):
        return
    if path:
        _search(data, "", diagnostics)
        return
    for section in _SECTIONS:
        _search(data.get(section), "", diagnostics)
    fleet = data.get("fleet")
    sites = fleet.get("sites") if isinstance(fleet, dict) else None
    for site in sites.values() if isinstance(sites, dict) else ():
        if isinstance(site, dict) and isinstance(site.get("vars"), dict):
            _judge(site["vars"], "vars", diagnostics)


def _search(value: Any, key: str, diagnostics: Diagnostics) -> None:
    if isinstance(value, dict):
        if key in ("env", "params", "vars"):
            _judge(value, key, diagnostics)
        for name, entry in value.items():
            _search(entry, "params" if key == "params" else name, diagnostics)
    elif isinstance(value, list):
        if key in ("args", "command"):
            _judge_arguments(value, diagnostics)
        for entry in value:
            _search(entry, "", diagnostics)


def _judge(values: dict[str, Any], where: str, diagnostics: Diagnostics) -> None:
    for name, value in values.items():
        if not isinstance(value, str) or not _wrong(name, value):
            continue
        marks = getattr(values, "marks", None)
        url = holds_credential(value)
        what = "password" if url else "credential"
        found = Finding(
            codes.PASSWORD_IN_VALUE,
            f"{shortened(name)} contains a {what} (value not shown); {_instead(name, where, url)}",
            "Put the value into a Kubernetes Secret, and replace it: it stood in a file.",
        )
        put(diagnostics, found, marks.value_span(name) if marks is not None else None)


def _instead(name: str, where: str, url: bool) -> str:
    if where == "env":
        return f"write {name}: {{secret: NAME, key: {_key(name, url)}}}"
    return "write it as a variable of the worker, env: {NAME: {secret: NAME, key: KEY}}"


def _judge_arguments(values: list[Any], diagnostics: Diagnostics) -> None:
    marks = getattr(values, "marks", None)
    for index in _wrong_arguments(values):
        diagnostics.add(
            codes.PASSWORD_IN_VALUE,
            "an argument contains a credential (value not shown); "
            "write it as a variable, env: {NAME: {secret: NAME, key: KEY}}",
            marks.value_span(index) if marks is not None else None,
            "In command and args, Kubernetes replaces $(NAME) by the variable's value.",
        )


def _wrong_arguments(values: list[Any]) -> Iterator[int]:
    for index, value in enumerate(values):
        if not isinstance(value, str):
            continue
        before = values[index - 1] if index else ""
        flag = _FLAG.match(value)
        told = flag.group(1) or "" if flag else ""
        if isinstance(before, str) and "=" not in before and _FLAG.match(before):
            told = told or ("" if value.startswith("-") else value)
        if holds_credential(value) or looks_like_credential(value) or not _harmless(told):
            yield index


def _wrong(name: str, value: str) -> bool:
    if holds_credential(value) or looks_like_credential(value):
        return True
    return bool(_NAME.search(name)) and not _harmless(value)


def _harmless(value: str) -> bool:
    """Paths, numbers, truth values, placeholders and URLs are not credentials themselves."""
    return (
        value.lower() in _HARMLESS
        or bool(re.match(r"^(?:/|\./|[a-z][a-z0-9+.-]*://)", value))
        or (value.replace(".", "").isdecimal() and len(value) < 6)
        or not _PLACEHOLDER_ONLY.sub("", value)
    )


def _key(name: str, url: bool) -> str:
    if url:
        return "url"
    return name.rsplit("_", 1)[-1].lower()
