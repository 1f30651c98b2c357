"""Values on their way between Slicer's Python and PySide."""

import enum
import inspect

from PySide6.QtCore import QObject
from shiboken6 import Shiboken

from slicer_stand_ins.python_qt.enums import EnumType, EnumValue
from slicer_stand_ins.python_qt.faults import guarded


def wrapped(value):
    """What Slicer's Python gets for a value of PySide's."""
    from slicer_stand_ins.python_qt.instances import Instance, classFor

    if isinstance(value, Shiboken.Object):
        return Instance.of(value)
    if isinstance(value, enum.Enum):
        return EnumValue(value)
    if isinstance(value, type):
        if issubclass(value, enum.Enum):
            return EnumType(value)
        if issubclass(value, Shiboken.Object):
            return classFor(value)
    if type(value) in (list, tuple):
        return type(value)(wrapped(item) for item in value)
    return value


def unwrapped(value):
    """What PySide gets for a value of Slicer's Python."""
    from slicer_stand_ins.python_qt.instances import ClassType, Instance

    if isinstance(value, Instance):
        return value._native
    if isinstance(value, EnumValue):
        return value.native
    if isinstance(value, EnumType):
        return value.native
    if isinstance(value, ClassType):
        return value._nativeClass
    if type(value) in (list, tuple):
        return type(value)(unwrapped(item) for item in value)
    if inspect.isfunction(value) or inspect.ismethod(value):
        return guarded(value)
    return value


def isObject(value):
    return isinstance(value, QObject)
