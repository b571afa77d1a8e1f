"""The vocabulary in which Kubernetes' own rules over fields are written, as JSON Schema.

The published definitions leave to prose, and the API server's code holds, which fields exclude
each other and what form a text has. A rule here is a schema with words for who breaks it, so
that the validator of an object's shape asks it too, at no cost worth naming. Which definition
has which rules is not known here, and rules over several lists are beyond this form.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

Schema = dict[str, Any]

API = "io.k8s.api."
CORE = f"{API}core.v1."
APPS = f"{API}apps.v1."
BATCH = f"{API}batch.v1."
NET = f"{API}networking.v1."
SCALE = f"{API}autoscaling.v2."
ADMIT = f"{API}admissionregistration.v1."
DEFINE = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
RBAC = f"{API}rbac.v1."
"""The packages of Kubernetes' definitions, as a definition's name begins."""
ACCESS = "rbac.authorization.k8s.io"
"""The group of roles and their bindings."""

PROBLEM = "problem"
"""The key under which a rule keeps its words; no keyword of JSON Schema has the name."""

_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_QUALIFIED = "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"

LABEL: Schema = {"pattern": f"^{_LABEL}$"}
SUBDOMAIN: Schema = {"pattern": f"^{_SUBDOMAIN}$", "maxLength": 253}
SERVICE_NAME: Schema = {"pattern": "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"}
WILDCARD: Schema = {"pattern": rf"^(\*\.)?{_SUBDOMAIN}$", "maxLength": 253}
QUALIFIED: Schema = {"pattern": f"^({_SUBDOMAIN}/)?{_QUALIFIED}$", "maxLength": 317}
DOMAIN_PATH: Schema = {"pattern": f"^{_SUBDOMAIN}/[A-Za-z0-9/_.~-]+$"}
LABEL_VALUE: Schema = {"pattern": f"^({_QUALIFIED})?$"}
CONFIG_KEY: Schema = {"pattern": r"^([-_a-zA-Z0-9]|\.[-_a-zA-Z0-9]|\.$)[-._a-zA-Z0-9]{0,252}$"}
SOME: Schema = {"minLength": 1}
NATURAL: Schema = {"minimum": 0}
POSITIVE: Schema = {"minimum": 1}
PORT: Schema = {"minimum": 1, "maximum": 65535}
MODE: Schema = {"minimum": 0, "maximum": 511}
WEIGHT: Schema = {"minimum": 1, "maximum": 100}
USER: Schema = {"minimum": 0, "maximum": 2147483647}
PERCENT_OR_COUNT: Schema = {"pattern": "^[0-9]+%$", "minimum": 0}
PERCENT_OF_ALL: Schema = {"pattern": "^(100|[0-9]{1,2})%$", "minimum": 0}
RELATIVE: Schema = {"pattern": r"^([^/].*)?$", "not": {"pattern": r"(^|/)\.\.(/|$)"},
                    PROBLEM: "must be a relative path without '..'"}  # fmt: skip
FILE: Schema = {"pattern": r"^[^/]", "not": {"pattern": r"(^\.\.)|(/\.\.(/|$))"},
                PROBLEM: "must be a relative path without '..'"}  # fmt: skip
UPWARD: Schema = {"pattern": r"(^|/)\.\.(/|$)"}
SEGMENT: Schema = {"pattern": "^[^/%]+$", "not": {"enum": [".", ".."]},
                   PROBLEM: "must be a name without '/' and '%'"}  # fmt: skip
ADDRESS: Schema = {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}],
                   PROBLEM: "must be an IP address such as 10.1.2.3"}  # fmt: skip
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
RANGE: Schema = {"pattern": rf"^({_OCTET}(\.{_OCTET}){{3}}/(3[0-2]|[12]?[0-9])"
                 r"|[0-9a-fA-F:]*:[0-9a-fA-F:.]*/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$"}  # fmt: skip
PORT_NAME: Schema = {"pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": 15,
                     "not": {"anyOf": [{"pattern": "--"}, {"pattern": "^[0-9-]*$"}]},
                     PROBLEM: "must be a port name: at most 15 lower-case letters, digits and "
                              "single '-', with a letter"}  # fmt: skip
PORT_REFERENCE: Schema = {"if": {"type": "string"}, "then": PORT_NAME, "else": PORT}
AMOUNT: Schema = {"not": {"anyOf": [{"type": "string", "pattern": "^-[0-9.]*[1-9]"},
                                    {"type": "number", "exclusiveMaximum": 0}]},
                  PROBLEM: "must not be less than nothing"}  # fmt: skip
SOME_AMOUNT: Schema = {"not": {"anyOf": [{"type": "string", "pattern": "^(-|[+]?[0.]*([^0-9.]|$))"},
                                         {"type": "number", "maximum": 0}]},
                       PROBLEM: "must be more than nothing"}  # fmt: skip

FORMS: Mapping[str, str] = {
    LABEL["pattern"]: "it must be a name of at most 63 lower-case letters, digits and '-'",
    SUBDOMAIN["pattern"]: "it must be a name of lower-case letters, digits, '-' and '.'",
    SERVICE_NAME["pattern"]: "it must be the name of a Service: lower-case letters, digits and "
    "'-', first a letter",
    WILDCARD["pattern"]: "it must be a host name, which may begin with '*.'",
    QUALIFIED["pattern"]: "it must be a name such as app or example.com/app",
    DOMAIN_PATH["pattern"]: "it must be a name below a domain, such as example.com/app",
    LABEL_VALUE["pattern"]: "it must be the value of a label",
    CONFIG_KEY["pattern"]: "it must be the key of a ConfigMap or Secret",
    PERCENT_OR_COUNT["pattern"]: "it must be a number or a percentage such as 25%",
    PERCENT_OF_ALL["pattern"]: "it must be a number or a percentage up to 100%",
    RANGE["pattern"]: "it must be a range of addresses such as 10.0.0.0/8",
}
"""Patterns in words that finish the sentence "X is Y; ..."."""


def rule(words: str, schema: Schema) -> Schema:
    """A schema whose every fault is told by `words`, which follow the path of the object."""
    # Denied twice, so that the validator blames the object and no field inside it.
    # A null is an absent field, and an absent field breaks no rule of its own.
    return {"not": {"not": {"anyOf": [{"type": "null"}, schema]}}, PROBLEM: words}


def has(*names: str) -> Schema:
    """All of the fields are there; a null is not."""
    there: Schema = {name: {"not": {"type": "null"}} for name in names}
    return {"required": list(names), "properties": there}


def any_of(*names: str) -> Schema:
    """At least one of the fields is there."""
    return {"anyOf": [has(name) for name in names]}


def none_of(*names: str) -> Schema:
    """None of the fields is there."""
    return {"not": any_of(*names)}


def one_of(*names: str) -> Schema:
    """Exactly one of the fields is there."""
    return rule(f"needs exactly one of {', '.join(names)}", {"oneOf": [has(one) for one in names]})


def at_most_one(*names: str) -> Schema:
    """No two of the fields are there."""
    pairs = [has(*pair) for pair in combinations(names, 2)]
    return rule(f"may have only one of {', '.join(names)}", {"not": {"anyOf": pairs}})


def equals(name: str, *values: Any) -> Schema:
    """The field is there and has one of the values."""
    return {"required": [name], "properties": {name: {"enum": list(values)}}}


def when(condition: Schema, then: Schema) -> Schema:
    """`then` holds wherever `condition` does."""
    return {"anyOf": [{"not": condition}, then]}


def both(*schemas: Schema) -> Schema:
    """All of them hold."""
    return {"allOf": list(schemas)}


def inside(name: str, schema: Schema) -> Schema:
    """The schema holds for the value of a field, where it has one."""
    return {"properties": {name: {"anyOf": [{"type": "null"}, schema]}}}


def entries(schema: Schema) -> Schema:
    """The schema holds for every entry of a list."""
    return {"items": schema}


def keys(form: Schema, value: Schema | None = None) -> Schema:
    """The forms of a mapping's keys and of its values."""
    words_ = form.get(PROBLEM, "must be a name such as app or example.com/app")
    found: Schema = {"allOf": [rule(f"has a key that is wrong: it {words_}", {
        "propertyNames": {key: value for key,
            value in form.items() if key != PROBLEM}})]}  # fmt: skip
    return found if value is None else {**found, "additionalProperties": value}


def words(*allowed: str) -> Schema:
    """One of the words, or null."""
    return {"enum": [*allowed, None]}


LABELS: Schema = keys(QUALIFIED, LABEL_VALUE)
