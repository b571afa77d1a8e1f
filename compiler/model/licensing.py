"""Licences as SPDX expressions: what one is, and what of it a list of licences does not cover.

`A OR B` needs one of the two, `A AND B` needs both. Whoever accepts A accepts `A WITH E`, since an
exception only adds to what is granted, and `A-or-later`, which may be taken as A; whoever refuses
A refuses them, unless their own name is accepted. Gives no legal advice: it compares names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from compiler.model.record import dataclass
from compiler.model.suggest import nearest

REFERENCE = "LicenseRef-"
"""How the name of a licence begins that is not on the SPDX list."""
_RANKS = {"(": 0, "OR": 1, "AND": 2}
_GNU = re.compile(r"\b((?:[AL]?GPL|GFDL)-\d\.\d)(\+?)(?=[ )]|$)")
"""Names that SPDX has given up, because they did not say whether later versions count."""
_SPOKEN = re.compile(r"([AL]?GPL)[ -]?v?(\d)(?:\.(\d))?", re.IGNORECASE)


class LicenseError(Exception):
    """A text is no SPDX expression; `hint` says what would be one."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Rules:
    """Which licences are accepted, by canonical name: all where `allow` is empty, but `deny`."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    @classmethod
    def of(cls, allow: Collection[str], deny: Collection[str] = ()) -> Rules:
        """Rules of texts that are known to be licences."""
        return cls(tuple(map(canonical, allow)), tuple(map(canonical, deny)))

    def accepts(self, term: str) -> bool:
        """Whether a single licence, with its exception where it has one, is accepted."""
        names = _names(term)
        if term in self.deny:
            return False
        if any(name in self.deny for name in names) and term not in self.allow:
            return False
        return not self.allow or any(name in self.allow for name in names)

    def refused(self, expression: str) -> tuple[str, ...]:
        """The fewest licences of an expression that stand in the way, sorted; none: it passes."""
        return tuple(sorted(_lacking(canonical(expression), self.accepts)))


def canonical(text: str) -> str:
    """The expression as SPDX writes it.

    Raises:
        LicenseError: it is none, with the nearest licence where there is one.
    """
    # Imported here: the tables of all licences are for specs that name one.
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        found = str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        raise _fault(text) from None
    return _GNU.sub(lambda old: f"{old[1]}-{'or-later' if old[2] else 'only'}", found)


def _names(term: str) -> tuple[str, ...]:
    """The names by which a licence may be accepted: its own, then what its holder may choose."""
    base = term.partition(" WITH ")[0]
    later = base.removesuffix("+") if base.endswith("+") else ""
    if base.endswith("-or-later"):
        later = f"{base.removesuffix('-or-later')}-only"
    return tuple(name for name in dict.fromkeys((term, base, later)) if name)


def _lacking(expression: str, accepts: Callable[[str], bool]) -> frozenset[str]:
    """The smallest set of licences that would have to be accepted; without recursion."""
    values: list[frozenset[str]] = []
    operators: list[str] = []
    for word in _split(expression.replace(" WITH ", "\tWITH\t")):
        if word == "(":
            operators.append(word)
        elif word == ")":
            _join(values, operators, _RANKS["OR"])
            operators.pop()
        elif word in _RANKS:
            _join(values, operators, _RANKS[word])
            operators.append(word)
        else:
            term = word.replace("\t", " ")
            values.append(frozenset() if accepts(term) else frozenset((term,)))
    _join(values, operators, _RANKS["OR"])
    return values.pop()


def _join(values: list[frozenset[str]], operators: list[str], rank: int) -> None:
    """Apply the last operators that bind at least as strongly, up to an open parenthesis."""
    while operators and _RANKS[operators[-1]] >= rank:
        right, left = values.pop(), values.pop()
        values.append(left | right if operators.pop() == "AND" else min(left, right, key=len))


def _split(expression: str) -> list[str]:
    return [one for one in expression.replace("(", " ( ").replace(")", " ) ").split(" ") if one]


def _fault(text: str) -> LicenseError:
    words = [one for one in _split(text) if one.upper() not in {*_RANKS, ")", "WITH"}]
    whole = words == text.split() != []
    if whole:  # no operator is in it, so it is meant as one name
        words = ["-".join(words)]
    unknown = next((one for one in words if whole or not _is_known(one)), "")
    if not unknown:
        return LicenseError(f"{text} is no licence expression", "Example: Apache-2.0 OR MIT.")
    spoken = _SPOKEN.fullmatch(unknown)
    said = f"{spoken[1].upper()}-{spoken[2]}.{spoken[3] or 0}-only" if spoken else unknown
    near = said if spoken and _is_known(said) else nearest(unknown, _current())
    own = f"Write a licence that is not on the SPDX list as {REFERENCE}NAME."
    message = f"{text if whole else unknown} is no licence or exception of the SPDX list"
    return LicenseError(message, f"Did you mean {near}?" if near else own)


def _is_known(word: str) -> bool:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    for text in (word, f"MIT WITH {word}"):
        try:
            canonicalize_license_expression(text)
        except InvalidLicenseExpression:
            continue
        return True
    return False


def _current() -> list[str]:
    """The names that SPDX has not given up, for a hint; none where the library moved its tables."""
    try:
        from packaging.licenses._spdx import EXCEPTIONS, LICENSES
    except ImportError:
        return []
    known = (*LICENSES.values(), *EXCEPTIONS.values())
    return [str(one["id"]) for one in known if not one["deprecated"]]
