"""The names that Kubernetes takes: making one, recognising one, saying what is wrong with one.

Every rule has a pair: `is_x(text)` for speed and `x_problem(text)` for words that finish the
sentence "the name ...". Nothing here decides which rule a field follows, and nothing here
looks for collisions.
"""

from __future__ import annotations

import hashlib
import re

from compiler.model.record import dataclass

LABEL_LIMIT = 63
SUBDOMAIN_LIMIT = 253
PORT_NAME_LIMIT = 15

_HASH_DIGITS = 8


def name(*parts: str, limit: int = LABEL_LIMIT) -> str:
    """Join parts into one RFC 1123 label of at most `limit` characters.

    Empty parts are skipped, capitals are lowered and every other foreign character becomes a
    hyphen. A longer name is cut and ends in `-` and eight hex digits of the sha256 of the full
    text, so that two long names stay apart and neither moves when a third one appears.

    Raises:
        ValueError: no letter or digit is left, or `limit` leaves no room for the hash.
    """
    if limit < _HASH_DIGITS + 2:
        raise ValueError(f"a name of {limit} characters has no room for its hash")
    text = "-".join(part for part in parts if part)
    label = _FOREIGN.sub("-", text.lower()).strip("-")
    if not label:
        raise ValueError(f"no name can be made of {text!r}")
    return label if len(label) <= limit else with_suffix(label, short_hash(text), limit)


def with_suffix(base: str, suffix: str, limit: int = LABEL_LIMIT) -> str:
    """`base-suffix`, with the base cut so that the whole has at most `limit` characters."""
    return f"{base[: limit - len(suffix) - 1].rstrip('-.')}-{suffix}"


def short_hash(text: str) -> str:
    """Eight hex digits of the sha256 of a text; lone surrogates count too."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]


def is_dns_label(text: str) -> bool:
    """Whether the text is an RFC 1123 label: namespaces, most of our names."""
    return len(text) <= LABEL_LIMIT and _DNS_LABEL.fullmatch(text) is not None


def is_dns_1035_label(text: str) -> bool:
    """Whether the text is an RFC 1035 label: Services before Kubernetes 1.34."""
    return len(text) <= LABEL_LIMIT and _DNS_1035.fullmatch(text) is not None


def is_dns_subdomain(text: str) -> bool:
    """Whether the text is an RFC 1123 subdomain: the names of most kinds of object."""
    return len(text) <= SUBDOMAIN_LIMIT and _SUBDOMAIN.fullmatch(text) is not None


def is_label_value(text: str) -> bool:
    """Whether the text can be the value of a label; the empty text can."""
    return not text or (len(text) <= LABEL_LIMIT and _QUALIFIED.fullmatch(text) is not None)


def is_label_key(text: str) -> bool:
    """Whether the text can be the key of a label or an annotation: `[subdomain/]name`."""
    prefix, slash, last = text.rpartition("/")
    if slash and not is_dns_subdomain(prefix):
        return False
    return len(last) <= LABEL_LIMIT and _QUALIFIED.fullmatch(last) is not None


def is_port_name(text: str) -> bool:
    """Whether the text can name a port of a container or a Service."""
    return len(text) <= PORT_NAME_LIMIT and _PORT_NAME.fullmatch(text) is not None


def is_env_name(text: str) -> bool:
    """Whether the text can name an environment variable on every supported Kubernetes."""
    return _ENV_NAME.fullmatch(text) is not None


def dns_label_problem(text: str) -> str:
    """What is wrong with a text as an RFC 1123 label, or the empty text."""
    return "" if is_dns_label(text) else _LABEL_RULE.problem(text)


def dns_1035_label_problem(text: str) -> str:
    """What is wrong with a text as an RFC 1035 label, or the empty text."""
    return "" if is_dns_1035_label(text) else _RULE_1035.problem(text)


def dns_subdomain_problem(text: str) -> str:
    """What is wrong with a text as an RFC 1123 subdomain, or the empty text."""
    return "" if is_dns_subdomain(text) else _SUBDOMAIN_RULE.problem(text)


def label_value_problem(text: str) -> str:
    """What is wrong with a text as a label's value, or the empty text."""
    return "" if is_label_value(text) else _QUALIFIED_RULE.problem(text)


def label_key_problem(text: str) -> str:
    """What is wrong with a text as a label's or annotation's key, or the empty text."""
    if is_label_key(text):
        return ""
    prefix, slash, last = text.rpartition("/")
    if slash and (problem := dns_subdomain_problem(prefix)):
        return f"has the prefix {prefix!r} before the slash, which {problem}"
    if slash:
        return f"has the part {last!r} after the slash, which {_QUALIFIED_RULE.problem(last)}"
    return _QUALIFIED_RULE.problem(last)


def port_name_problem(text: str) -> str:
    """What is wrong with a text as a port's name, or the empty text."""
    if is_port_name(text):
        return ""
    if (problem := _PORT_RULE.problem(text)) != _FALLBACK:
        return problem
    return "has two hyphens in a row" if "--" in text else "has no letter"


def env_name_problem(text: str) -> str:
    """What is wrong with a text as an environment variable's name, or the empty text."""
    return "" if is_env_name(text) else _ENV_RULE.problem(text)


_FALLBACK = "has parts between dots that do not begin and end with a letter or digit"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule in words: `allowed`, `first` and `last` are sets of characters for a pattern."""

    limit: int
    allowed: str
    allowed_words: str
    first: str
    first_words: str
    last: str
    last_words: str

    def problem(self, text: str) -> str:
        """The first thing that is wrong with a text that is known to be wrong."""
        if not text:
            return "is empty"
        foreign = re.search(f"[^{self.allowed}]", text)
        if foreign:
            place = foreign.start() + 1
            return f"has {foreign[0]!r} at position {place}; allowed are {self.allowed_words}"
        if len(text) > self.limit:
            over = len(text) - self.limit
            return f"has {len(text)} characters, {over} more than the limit of {self.limit}"
        return self._edge(text)

    def _edge(self, text: str) -> str:
        if not re.match(f"[{self.first}]", text):
            return f"begins with {text[0]!r}; it must begin with {self.first_words}"
        if not re.match(f"[{self.last}]", text[-1]):
            return f"ends with {text[-1]!r}; it must end with {self.last_words}"
        return _FALLBACK


_FOREIGN = re.compile(r"[^a-z0-9-]")
_LABEL_PATTERN = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DNS_LABEL = re.compile(_LABEL_PATTERN)
_DNS_1035 = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL_PATTERN}(?:\.{_LABEL_PATTERN})*")
_QUALIFIED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")
_PORT_NAME = re.compile(r"(?!.*--)(?=.*[a-z])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_ENV_NAME = re.compile(r"[A-Za-z._-][A-Za-z0-9._-]*")

_ALNUM_LOWER = ("a-z0-9", "a lower-case letter or a digit")
_ALNUM = ("A-Za-z0-9", "a letter or a digit")
_LABEL_WORDS = "lower-case letters, digits and '-'"
_LABEL_RULE = _Rule(LABEL_LIMIT, "a-z0-9-", _LABEL_WORDS, *_ALNUM_LOWER, *_ALNUM_LOWER)
_RULE_1035 = _Rule(
    LABEL_LIMIT, "a-z0-9-", _LABEL_WORDS, "a-z", "a lower-case letter", *_ALNUM_LOWER
)
_SUBDOMAIN_RULE = _Rule(
    SUBDOMAIN_LIMIT,
    "a-z0-9.-",
    "lower-case letters, digits, '-' and '.'",
    *_ALNUM_LOWER,
    *_ALNUM_LOWER,
)
_QUALIFIED_RULE = _Rule(
    LABEL_LIMIT, "A-Za-z0-9_.-", "letters, digits, '-', '_' and '.'", *_ALNUM, *_ALNUM
)
_PORT_RULE = _Rule(PORT_NAME_LIMIT, "a-z0-9-", _LABEL_WORDS, *_ALNUM_LOWER, *_ALNUM_LOWER)
_ENV_RULE = _Rule(
    10**9,
    "A-Za-z0-9._-",
    "letters, digits, '-', '_' and '.'",
    "A-Za-z._-",
    "a letter, '_', '-' or '.'",
    "A-Za-z0-9._-",
    "a letter, a digit, '_', '-' or '.'",
)
