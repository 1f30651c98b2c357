"""Loading of .ui files: Qt's own loader with Slicer's widgets in it."""

import functools
import operator
import re
import xml.etree.ElementTree as ElementTree
from contextlib import contextmanager

from PySide6 import QtWidgets
from PySide6.QtCore import QBuffer, QByteArray, qInstallMessageHandler
from PySide6.QtUiTools import QUiLoader as NativeLoader

from slicer_stand_ins import api
from slicer_stand_ins.python_qt.conversion import unwrapped, wrapped
from slicer_stand_ins.python_qt.signals import declared, normalized

widgetClasses = {}
"""{name: class of PySide's}: what a .ui file can hold beside Qt's own widgets."""


class UiFileError(Exception):
    """A .ui file that Slicer would load with something missing."""


class QUiLoader:
    """load(file) -> widget.

    :raises UiFileError: a class, a property, a signal or a slot in it does not exist
    """

    def load(self, file, parent=None):
        native = unwrapped(file)
        root = ElementTree.fromstring(bytes(native.readAll().data()))
        native.close()
        connections = [*_checked(root)]
        _withoutConnections(root)
        values = [*_takenEnumerations(root)]
        loader = NativeLoader()
        for cls in widgetClasses.values():
            loader.registerCustomWidget(cls)
        buffer = QBuffer()
        buffer.setData(QByteArray(ElementTree.tostring(root)))
        buffer.open(QBuffer.OpenModeFlag.ReadOnly)
        with _complaints():
            widget = loader.load(buffer, unwrapped(parent))
        for name, prop, value in values:
            setattr(_named(widget, name), prop, value)
        for connection in connections:
            _connect(widget, *connection)
        return wrapped(widget)


def _checked(root):
    """Raises where the file asks for what is not there; yields its connections."""
    for node in root.iter("widget"):
        name = node.get("class")
        if name.startswith(("q", "ctk")) and name not in widgetClasses:
            raise UiFileError(f"there is no stand-in for {name}")
        cls = widgetClasses.get(name) or getattr(QtWidgets, name, None)
        for prop in node.findall("property") if cls is not None else ():
            if prop.get("stdset") != "0":
                api.checkProperty(cls, prop.get("name"))
    for node in root.iter("connection"):
        yield tuple(node.find(part).text for part in ("sender", "signal", "receiver", "slot"))


def _withoutConnections(root):
    for node in root.findall("connections"):
        root.remove(node)


def _takenEnumerations(root):
    """(widget, property, value) of enumerations that stand-ins declare, which Qt's loader cannot read; taken out."""
    for node in root.iter("widget"):
        cls = widgetClasses.get(node.get("class"))
        for prop in node.findall("property"):
            text = prop.findtext("set") or prop.findtext("enum") or ""
            if cls is not None and text.startswith(f"{cls.__name__}::"):
                members = [getattr(cls, part.rpartition("::")[2]) for part in text.split("|")]
                node.remove(prop)
                yield node.get("name"), prop.get("name"), functools.reduce(operator.or_, members)


@contextmanager
def _complaints():
    """What Qt's loader only prints is an error."""
    said = []
    before = qInstallMessageHandler(lambda kind, context, text: said.append(text))
    try:
        yield
    finally:
        qInstallMessageHandler(before)
    if said:
        raise UiFileError("; ".join(said))


def _connect(widget, sender, signal, receiver, slot):
    """One connection of the file, made here since PySide cannot pass VTK objects from C++ to C++."""
    source, target = _named(widget, sender), _named(widget, receiver)
    name = re.match(r"\w+", slot)[0]
    if source is None or target is None:
        raise UiFileError(f"connection from {sender} to {receiver}: no such widget")
    api.check(type(target), name)
    method = getattr(target, name, None)
    if method is None:
        raise UiFileError(f"{type(target).__name__} has no slot {slot}")
    ours = declared(source).get(normalized(signal))
    if ours is None and source.metaObject().indexOfSignal(normalized(signal)) < 0:
        raise UiFileError(f"{type(source).__name__} has no signal {signal}")
    if ours is None:
        ours = getattr(source, signal.split("(")[0])
    if _arguments(slot):
        ours.connect(method)
    else:
        ours.connect(lambda *_: method())


def _arguments(signature):
    return normalized(signature).partition("(")[2] != ")"


def _named(widget, name):
    return widget if widget.objectName() == name else widget.findChild(QtWidgets.QWidget, name)
