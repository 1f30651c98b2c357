"""What Slicer's and CTK's classes really offer to Python.

api/<class>.json names the header, the base class and the public properties, slots, signals and invokable methods that
it declares, and functions that PythonQt's decorators add (read_api.py reads them). Slicer's Python sees just these, so
that a stand-in may have no more.
"""

import functools
import json
from pathlib import Path

from PySide6 import QtCore, QtWidgets

_FOLDER = Path(__file__).parent / "api"
# What PythonQt gives to every object.
_EVERYWHERE = {"name", "className", "connect", "disconnect", "delete", "exec_"}


def _read(qtClass):
    meta = qtClass.staticMetaObject
    return frozenset(meta.property(index).name() for index in range(meta.propertyCount()))


# Read before there is any object: PySide drops a class's static meta object together with the first object of it.
_PROPERTIES = {
    cls: _read(cls)
    for cls in (QtCore.QObject, *(getattr(QtWidgets, name) for name in dir(QtWidgets)))
    if isinstance(cls, type) and issubclass(cls, QtCore.QObject)
}


def _properties(qtClass):
    """Names of the properties that one of Qt's own classes has."""
    return _PROPERTIES[qtClass]


@functools.cache
def declaration(name):
    """{"source", "base", "properties", "slots", "signals", "methods"} of a class; None for one of Qt's."""
    path = _FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


@functools.cache
def chain(native):
    """The declared classes that a stand-in is in Slicer, itself first, and the first class of Qt's own."""
    names = [base.__name__ for base in native.__mro__ if declaration(base.__name__)]
    declared = []
    while names and declaration(names[0]):
        declared.append(declaration(names[0]))
        names = [declared[-1]["base"]]
    qts = [base for base in native.__mro__ if base.__module__.startswith("PySide6.")]
    return declared, qts[0] if qts else None


@functools.cache
def members(native):
    """Names that a stand-in's class and its declared bases have beside Qt's."""
    found, _ = chain(native)
    names = set()
    for item in found:
        names |= set(item["properties"]) | set(item["constants"])
        lists = [item[kind] for kind in ("slots", "signals", "methods")] + list(item["decorators"].values())
        names |= {signature.split("(")[0] for signatures in lists for signature in signatures}
    return names


def check(native, name):
    """:raises AttributeError: a stand-in is asked for what the class does not have in Slicer"""
    if native.__module__.startswith("PySide6.") or name in _EVERYWHERE:
        return
    declared, base = chain(native)
    if not declared or name in members(native):
        return
    if base is not None and (hasattr(base, name) or name in _properties(base)):
        return
    raise AttributeError(f"{native.__name__} has no '{name}' in Slicer; see {declared[0]['source']}")


def checkProperty(native, name):
    """:raises AttributeError, NotImplementedError: a .ui file sets what the class, or the stand-in, does not have"""
    declared, base = chain(native)
    ofQt = _properties(base) if base is not None else ()
    if name in ofQt:
        return
    if not any(name in item["properties"] for item in declared):
        source = declared[0]["source"] if declared else "Qt"
        raise AttributeError(f"{native.__name__} has no property '{name}' in Slicer; see {source}")
    if not any(isinstance(vars(cls).get(name), QtCore.Property) for cls in native.__mro__):
        raise NotImplementedError(f"the stand-in for {native.__name__} lacks the property '{name}'")


def missing(native, name):
    """:raises NotImplementedError: Slicer's class has it, the stand-in not yet"""
    if not native.__module__.startswith("PySide6.") and name in members(native):
        raise NotImplementedError(f"the stand-in for {native.__name__} lacks '{name}'")
