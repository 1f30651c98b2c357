"""Enumerations: whole numbers that remember which ones they are."""

import enum


class EnumValue(int):
    """A value of a Qt enumeration or of flags; as in PythonQt it is a whole number."""

    def __new__(cls, native):
        self = super().__new__(cls, native.value)
        self.native = native
        return self

    def _combined(self, other, operation):
        if isinstance(other, EnumValue):
            try:
                result = operation(self.native, other.native)
            except TypeError:
                return operation(int(self), int(other))
            return EnumValue(result) if isinstance(result, enum.Enum) else result
        return operation(int(self), other)

    def __or__(self, other):
        return self._combined(other, lambda a, b: a | b)

    def __and__(self, other):
        return self._combined(other, lambda a, b: a & b)

    def __xor__(self, other):
        return self._combined(other, lambda a, b: a ^ b)

    def __invert__(self):
        return EnumValue(~self.native) if isinstance(self.native, enum.Flag) else ~int(self)

    def __repr__(self):
        return f"{self.native} ({int(self)})"


class EnumType:
    """An enumeration itself: makes values of numbers. Its values are looked up in the class that holds it."""

    def __init__(self, native):
        self.native = native

    def __call__(self, value):
        return EnumValue(self.native(int(value)))

    def __getattr__(self, name):
        owner = self.native.__qualname__.rpartition(".")[0]
        raise AttributeError(f"enumeration values are attributes of the class: qt.{owner}.{name}")
