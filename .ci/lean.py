"""Stands in for `typing` in what is delivered, whose texts have no annotations any more.

This text becomes `sidecar/lean.py`. The real module would cost a resident process half a mebibyte
for the handful of names below. Only what is used while the program runs is here.
"""

from collections import namedtuple

TYPE_CHECKING = False
Any = Protocol = object


def cast(_, value):
    """The value."""
    return value


def TypeVar(*_, **__):  # noqa: N802 - its name there
    """Nothing that is looked at."""
    return object


class Literal:
    """Whatever is said of it, nothing is checked."""

    def __class_getitem__(cls, _):
        return cls


class Named(type):
    """Turns a class body of annotated fields into a named tuple with its methods."""

    def __new__(cls, name, bases, body):
        if not bases:
            return super().__new__(cls, name, bases, body)
        fields = list(body.get("__annotations__", ()))
        defaults = [body[field] for field in fields if field in body]
        made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
        for key, value in body.items():
            if key not in fields and key not in ("__annotations__", "__module__", "__qualname__"):
                setattr(made, key, value)
        return made


class NamedTuple(metaclass=Named):
    """The base that a class statement names."""
