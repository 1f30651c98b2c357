"""Widgets that can show a parameter: which types each can, and how the two are kept the same."""

import ctk
import qt
import slicer

from slicer_stand_ins.slicer_parts.parameter_nodes.annotations import (
    Choice,
    Decimals,
    Maximum,
    Minimum,
    SingleStep,
    WithinRange,
    first,
    parted,
)
from slicer_stand_ins.slicer_parts.parameter_nodes.storage import PATHS, Node


def connector(widget, annotated):
    """What connects a widget to a parameter of a type.

    :raises RuntimeError: Slicer has none for the two, or the type lacks an annotation that it needs
    """
    actual, annotations = parted(annotated)
    for kind in _KINDS:
        # Slicer compares the class itself: a widget of a derived class cannot be connected.
        if type(widget) in kind.widgets() and kind.shows(actual):
            return kind(widget, actual, annotations)
    raise RuntimeError(
        f"{type(widget).__name__} '{widget.name}' cannot be connected to a parameter of type {annotated}"
    )


class Connector:
    """read() and write(value) of a widget; onChanged(function) connects, onChanged(None) disconnects."""

    signal = None

    def __init__(self, widget, actual, annotations):
        self.widget, self.actual = widget, actual
        self._changed = None
        self.prepare(annotations)

    def prepare(self, annotations):
        pass

    def onChanged(self, function):
        if function is None and self._changed is not None and self.signal:
            getattr(self.widget, self.signal).disconnect(self.changed)
        self._changed = function
        if function is not None and self.signal:
            getattr(self.widget, self.signal).connect(self.changed)

    def changed(self):
        if self._changed:
            self._changed()


class Check(Connector):
    signal = "stateChanged"

    @staticmethod
    def widgets():
        return qt.QCheckBox, ctk.ctkCheckBox

    @staticmethod
    def shows(actual):
        return actual is bool

    def read(self):
        return self.widget.checked

    def write(self, value):
        self.widget.checked = value


class Push(Check):
    signal = "toggled"

    @staticmethod
    def widgets():
        return (qt.QPushButton,)

    def prepare(self, annotations):
        self.widget.checkable = True


class Whole(Connector):
    signal = "valueChanged"

    @staticmethod
    def widgets():
        return qt.QSlider, qt.QSpinBox

    @staticmethod
    def shows(actual):
        return actual is int

    def prepare(self, annotations):
        step = first(annotations, SingleStep)
        if step:
            self.widget.singleStep = step.value
        low, high = limits(annotations)
        if isinstance(self.widget, qt.QSlider) and (low is None or high is None):
            raise RuntimeError(f"slider '{self.widget.name}' needs a parameter with WithinRange")
        # Whatever range the .ui file gives: the type's annotations decide, and without any nothing is limited.
        self.widget.minimum = -(2**31) if low is None else low
        self.widget.maximum = 2**31 - 1 if high is None else high

    def read(self):
        return self.widget.value

    def write(self, value):
        self.widget.value = value


class Real(Connector):
    signal = "valueChanged"

    @staticmethod
    def widgets():
        return qt.QDoubleSpinBox, ctk.ctkSliderWidget, ctk.ctkDoubleSpinBox, slicer.qMRMLSliderWidget

    @staticmethod
    def shows(actual):
        return actual in (int, float)

    def prepare(self, annotations):
        decimals, step = first(annotations, Decimals), first(annotations, SingleStep)
        if self.actual is int:
            self.widget.decimals = 0
        elif decimals:
            self.widget.decimals = decimals.value
        if step:
            self.widget.singleStep = step.value
        low, high = limits(annotations)
        if (low is None or high is None) and type(self.widget) in (ctk.ctkSliderWidget, slicer.qMRMLSliderWidget):
            raise RuntimeError(f"slider '{self.widget.name}' needs a parameter with WithinRange")
        self.widget.minimum = float("-inf") if low is None else low
        self.widget.maximum = float("inf") if high is None else high

    def read(self):
        return self.actual(self.widget.value)

    def write(self, value):
        self.widget.value = self.actual(value)


class OneOf(Connector):
    signal = "currentIndexChanged"

    @staticmethod
    def widgets():
        return qt.QComboBox, ctk.ctkComboBox

    @staticmethod
    def shows(actual):
        return actual in (int, float, str, bool)

    def prepare(self, annotations):
        choice = first(annotations, Choice)
        if choice is None:
            raise RuntimeError(f"combo box '{self.widget.name}' needs a parameter with Choice")
        self.choices = list(choice.choices)
        # The items of the .ui file go: the choices are shown as they are stored.
        self.widget.clear()
        for value in self.choices:
            self.widget.addItem(str(value))

    def read(self):
        return self.choices[self.widget.currentIndex]

    def write(self, value):
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")
        self.widget.currentIndex = self.choices.index(value)


class Line(Connector):
    signal = "textChanged"

    @staticmethod
    def widgets():
        return (qt.QLineEdit,)

    @staticmethod
    def shows(actual):
        return actual is str

    def read(self):
        return self.widget.text

    def write(self, value):
        if value != self.widget.text:
            self.widget.text = value


class Label(Line):
    signal = None

    @staticmethod
    def widgets():
        return (qt.QLabel,)


class Text(Line):
    @staticmethod
    def widgets():
        return (qt.QTextEdit,)

    def read(self):
        return self.widget.toPlainText()

    def write(self, value):
        self.widget.setPlainText(value)


class File(Connector):
    signal = "currentPathChanged"
    member = "currentPath"

    @staticmethod
    def widgets():
        return (ctk.ctkPathLineEdit,)

    @staticmethod
    def shows(actual):
        return actual in PATHS

    def read(self):
        return self.actual(getattr(self.widget, self.member))

    def write(self, value):
        setattr(self.widget, self.member, str(value))


class Folder(File):
    signal = "directoryChanged"
    member = "directory"

    @staticmethod
    def widgets():
        return (ctk.ctkDirectoryButton,)


class OneNode(Connector):
    signal = "currentNodeChanged"

    @staticmethod
    def widgets():
        return (slicer.qMRMLNodeComboBox,)

    @staticmethod
    def shows(actual):
        return Node.stores(actual)

    def prepare(self, annotations):
        self.widget.nodeTypes = [self.actual().GetClassName()]

    def read(self):
        return self.widget.currentNode()

    def write(self, value):
        self.widget.setCurrentNode(value)


_KINDS = (Check, Push, Whole, Real, OneOf, Line, Label, Text, File, Folder, OneNode)


def limits(annotations):
    """(least, most) that the annotations allow; None where they do not say."""
    within, least, most = (first(annotations, kind) for kind in (WithinRange, Minimum, Maximum))
    if within:
        return within.minimum, within.maximum
    return least.minimum if least else None, most.maximum if most else None
