"""`dataclass`, as in the standard library, made for programs that start often.

The standard decorator writes and compiles seven methods for each class while it is imported: 0.3 ms
each, and a compile imports some two hundred. Here comparing, hashing and freezing are shared
functions, and `__init__` is compiled when the first object is made. The fields, and with them
`dataclasses.replace` and `fields`, are the standard library's own. Type checkers see the standard
decorator. Refuses what nobody here uses: a `dataclass` field without a type, or `InitVar`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses
    from operator import attrgetter

    def dataclass(cls=None, /, *, frozen=False, slots=False, kw_only=False, order=False):
        """Like `dataclasses.dataclass`, with the same meaning of every option."""

        def decorate(cls):
            # Python itself sets `__hash__` to None where a class has an `__eq__` of its own.
            own = vars(cls).items()
            given = {name for name, value in own if name != "__hash__" or value is not None}
            # Without a text of its own, the standard decorator makes one of the signature, slowly.
            cls.__doc__ = cls.__doc__ or cls.__name__
            cls = dataclasses.dataclass(
                init=False, repr=False, eq=False, slots=slots, kw_only=kw_only
            )(cls)
            fields = dataclasses.fields(cls)
            for name, method in _methods(cls, fields, frozen, order).items():
                if name not in given:
                    setattr(cls, name, method)
            return cls

        return decorate if cls is None else decorate(cls)

    def _methods(cls, fields, frozen, order):
        key = _key([field.name for field in fields if field.compare])

        def __init__(self, *args, **kwargs):  # noqa: N807 - it is the method
            made = _init(cls, fields, frozen)
            cls.__init__ = made
            made(self, *args, **kwargs)

        def __eq__(self, other):  # noqa: N807
            return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

        def __repr__(self):  # noqa: N807
            shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields if f.repr)
            return f"{self.__class__.__qualname__}({shown})"

        methods = {"__init__": __init__, "__eq__": __eq__, "__repr__": __repr__, "__hash__": None}
        if frozen:
            methods |= _frozen(key, fields)
        return methods | _ordered(key) if order else methods

    def _frozen(key, fields):
        names = [field.name for field in fields]

        def __hash__(self):  # noqa: N807
            return hash(key(self))

        def __getstate__(self):  # noqa: N807
            return [getattr(self, name) for name in names]

        def __setstate__(self, values):  # noqa: N807
            for name, value in zip(names, values, strict=True):
                object.__setattr__(self, name, value)

        methods = {"__hash__": __hash__, "__getstate__": __getstate__, "__setstate__": __setstate__}
        return methods | {"__setattr__": _refuse("assign to"), "__delattr__": _refuse("delete")}

    def _refuse(what):
        def method(self, name, *value):
            del value
            owner = type(self).__name__
            raise dataclasses.FrozenInstanceError(f"cannot {what} field {name!r} of {owner}")

        return method

    def _ordered(key):
        def compared(name):
            def method(self, other):
                same = other.__class__ is self.__class__
                return getattr(key(self), name)(key(other)) if same else NotImplemented

            return method

        return {name: compared(name) for name in ("__lt__", "__le__", "__gt__", "__ge__")}

    def _key(names):
        """What gets the compared fields of an object, as a tuple where they are several."""
        return attrgetter(*names) if names else (lambda self: self.__class__.__name__)

    def _init(cls, fields, frozen):
        """The `__init__` of a class, compiled; its arguments in the standard library's order."""
        known = {"set_": object.__setattr__, "missing": dataclasses.MISSING}
        taken = [field for field in fields if field.init]
        first = [_argument(field, known) for field in taken if not field.kw_only]
        named = [_argument(field, known) for field in taken if field.kw_only]
        arguments = ", ".join(["self", *first, *(["*", *named] if named else [])])
        lines = [line for field in fields if (line := _assignment(field, frozen))]
        if hasattr(cls, "__post_init__"):
            lines.append("self.__post_init__()")
        text = f"def __init__({arguments}):\n " + "\n ".join(lines or ["pass"])
        exec(text, known)  # noqa: S102 - made of the field names of a class in this code alone
        made = known["__init__"]
        made.__qualname__ = f"{cls.__qualname__}.__init__"
        return made

    def _argument(field, known):
        if field.default_factory is not dataclasses.MISSING:
            known[f"make_{field.name}"] = field.default_factory
            return f"{field.name}=missing"
        if field.default is not dataclasses.MISSING:
            known[f"default_{field.name}"] = field.default
            return f"{field.name}=default_{field.name}"
        return field.name

    def _assignment(field, frozen):
        if not field.init:
            return ""
        value = field.name
        if field.default_factory is not dataclasses.MISSING:
            value = f"make_{value}() if {value} is missing else {value}"
        if frozen:
            return f"set_(self, {field.name!r}, {value})"
        return f"self.{field.name} = {value}"


__all__ = ["dataclass"]
