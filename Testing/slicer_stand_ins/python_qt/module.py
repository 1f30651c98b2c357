"""The module `qt`: all of Qt's classes in one place, as Slicer has them."""

from types import ModuleType

from PySide6 import QtCore, QtGui, QtSvg, QtUiTools, QtWidgets

from slicer_stand_ins.python_qt import dialogs, ui_files
from slicer_stand_ins.python_qt.conversion import wrapped

_SOURCES = (QtCore, QtGui, QtWidgets, QtSvg, QtUiTools)
# PySide's own means, which PythonQt does not have.
_NOT_QT = {"Signal", "Slot", "Property", "SIGNAL", "SLOT", "ClassInfo", "QtMsgType", "QApplication.exec"}


class Qt(ModuleType):
    """Classes are looked up when they are asked for."""

    def __init__(self):
        super().__init__("qt", __doc__)
        self.QUiLoader = ui_files.QUiLoader

    def __getattr__(self, name):
        if not name.startswith("_") and name not in _NOT_QT:
            for source in _SOURCES:
                found = getattr(source, name, None)
                if isinstance(found, type):
                    value = wrapped(found)
                    setattr(self, name, value)
                    return value
        raise AttributeError(f"module 'qt' has no attribute '{name}'")


def make():
    """A new module `qt`; dialogs in it are answered by dialogs.desktop."""
    assert dialogs.desktop is not None
    return Qt()
