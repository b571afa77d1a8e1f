"""Bytes and seconds as a person reads them. Rounds; nothing may be computed from the words."""

from __future__ import annotations

from time import gmtime, strftime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def amount(size: int) -> str:
    """Bytes in the largest unit of which there is one."""
    value, unit = float(size), _UNITS[0]
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def duration(seconds: int) -> str:
    """Seconds in the largest unit of which there are two."""
    if seconds < 2 * _MINUTE:
        return f"{seconds} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.1f} days"


def moment(seconds: float) -> str:
    """A time in UTC, to the second."""
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(seconds))
