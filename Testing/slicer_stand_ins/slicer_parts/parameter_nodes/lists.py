"""A list whose changes are written back into the parameter node."""

from collections.abc import MutableSequence


class ObservedList(MutableSequence):
    """Neither + nor * with it, which would make an unobserved list of it: Slicer refuses them too.

    :param values: list
    :param save: called with the list after each change
    """

    def __init__(self, values, save):
        self._values, self._save = values, save

    def __len__(self):
        return len(self._values)

    def __getitem__(self, index):
        return self._values[index]

    def __setitem__(self, index, value):
        self._values[index] = value
        self._save(self._values)

    def __delitem__(self, index):
        del self._values[index]
        self._save(self._values)

    def insert(self, index, value):
        self._values.insert(index, value)
        self._save(self._values)

    def __eq__(self, other):
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    __hash__ = None

    def __add__(self, other):
        raise NotImplementedError("+ of a parameter node's list is not supported by Slicer; += is")

    __radd__ = __mul__ = __rmul__ = __add__

    def __repr__(self):
        return f"ObservedList({self._values})"
