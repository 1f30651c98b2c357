"""How values are kept in a vtkMRMLScriptedModuleNode: as Slicer keeps them."""

import enum
import pathlib
import types
import typing

import slicer

from slicer_stand_ins.slicer_parts.parameter_nodes.annotations import IsInstance, NotNone, Validator, parted
from slicer_stand_ins.slicer_parts.parameter_nodes.lists import ObservedList

PATHS = (pathlib.Path, pathlib.PosixPath, pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath)


def storage(annotated):
    """(storage of a type, annotations that are left).

    :raises TypeError: Slicer cannot store it
    """
    actual, annotations = parted(annotated)
    checks = [annotation for annotation in annotations if isinstance(annotation, Validator)]
    rest = [annotation for annotation in annotations if not isinstance(annotation, Validator)]
    return _of(actual).checked(checks), rest


def _of(actual):
    for kind in (Text, Number, Boolean, Path, Node, Sequence):
        if kind.stores(actual):
            return kind(actual)
    others = (tuple, dict, typing.Union, types.UnionType)
    if typing.get_origin(actual) in others or (isinstance(actual, type) and issubclass(actual, enum.Enum)):
        raise NotImplementedError(f"Slicer stores {actual}, the stand-in does not yet")
    raise TypeError(f"a parameter node cannot store {actual}")


class Storage:
    """One parameter's way into the node and out of it; a value that may not be is not written."""

    checks: typing.ClassVar = ()

    def __init__(self, actual):
        self.actual = actual
        self.validators = [check(actual) if check is IsInstance else check() for check in self.checks]

    def checked(self, validators):
        self.validators += validators
        return self

    def default(self):
        return self.actual()

    def holds(self, node, name):
        return bool(node.HasParameter(name))

    def write(self, node, name, value):
        for validator in self.validators:
            validator.validate(value)
        self.put(node, name, value)

    def put(self, node, name, value):
        node.SetParameter(name, str(value))

    def read(self, node, name):
        return self.actual(node.GetParameter(name))

    def remove(self, node, name):
        node.UnsetParameter(name)


class Text(Storage):
    checks = (NotNone, IsInstance)

    @staticmethod
    def stores(actual):
        return actual is str


class Number(Storage):
    checks = (NotNone,)

    def __init__(self, actual):
        super().__init__(actual)
        self.validators.append(IsInstance((int, float) if actual is float else int))

    @staticmethod
    def stores(actual):
        return actual in (int, float)


class Boolean(Storage):
    checks = (NotNone, IsInstance)

    @staticmethod
    def stores(actual):
        return actual is bool

    def read(self, node, name):
        return node.GetParameter(name) == "True"


class Path(Storage):
    checks = (NotNone, IsInstance)

    @staticmethod
    def stores(actual):
        return actual in PATHS


class Node(Storage):
    """A reference, and an empty parameter of the same name that tells it was set: None is a value too."""

    checks = (IsInstance,)

    @staticmethod
    def stores(actual):
        return isinstance(actual, type) and issubclass(actual, slicer.vtkMRMLNode)

    def default(self):
        return None

    def put(self, node, name, value):
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node, name):
        return node.GetNodeReference(name)

    def remove(self, node, name):
        super().remove(node, name)
        node.RemoveNodeReferenceIDs(name)


class Sequence(Storage):
    """A list: its length, and each value by its number."""

    def __init__(self, actual):
        super().__init__(actual)
        (element,) = typing.get_args(actual)
        self.element, _ = storage(element)

    @staticmethod
    def stores(actual):
        return typing.get_origin(actual) is list

    def default(self):
        return []

    def holds(self, node, name):
        return bool(node.HasParameter(f"{name}.len"))

    def _length(self, node, name):
        return int(node.GetParameter(f"{name}.len")) if self.holds(node, name) else 0

    def put(self, node, name, values):
        with slicer.util.NodeModify(node):
            before = list(self.read(node, name)) if self.holds(node, name) else None
            length = self._length(node, name)
            try:
                for index, value in enumerate(values):
                    self.element.write(node, f"{name}.{index}", value)
                node.SetParameter(f"{name}.len", str(len(values)))
                for index in range(len(values), length):
                    self.element.remove(node, f"{name}.{index}")
            except Exception:
                if before is not None:
                    self.put(node, name, before)
                raise

    def read(self, node, name):
        values = [self.element.read(node, f"{name}.{index}") for index in range(self._length(node, name))]
        return ObservedList(values, lambda changed: self.write(node, name, changed))

    def remove(self, node, name):
        for index in range(self._length(node, name)):
            self.element.remove(node, f"{name}.{index}")
        node.UnsetParameter(f"{name}.len")
