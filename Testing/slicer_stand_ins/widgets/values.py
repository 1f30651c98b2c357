"""CTK's widgets for numbers, choices and paths."""

from enum import Flag

from PySide6.QtCore import QFlag, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QWidget,
)

from slicer_stand_ins.python_qt.dialogs import desktop
from slicer_stand_ins.widgets.properties import Property, stored


def _ofSpin(name, kind=float, then=None):
    """A property that is the spin box's own; `then` is called once it is set."""

    def get(self):
        return getattr(self._spin, name)()

    def put(self, value):
        getattr(self._spin, f"set{name[0].upper()}{name[1:]}")(value)
        if then:
            getattr(self, then)()

    return Property(kind, get, put)


class ctkSliderWidget(QWidget):
    """A slider and a spin box with one value."""

    valueChanged, valueIsChanging = Signal(float), Signal(float)
    decimalsChanged = Signal(int)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider, self._spin = QSlider(Qt.Orientation.Horizontal, self), QDoubleSpinBox(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        layout.addWidget(self._spin)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._spin.setRange(0, 99)
        self._rescale()
        self._spin.valueChanged.connect(self._fromSpin)
        self._slider.valueChanged.connect(lambda at: self._spin.setValue(at * self._spin.singleStep() + self.minimum))

    def _rescale(self):
        step = self._spin.singleStep() or 1
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, round((self._spin.maximum() - self._spin.minimum()) / step)))
        self._slider.setValue(round((self._spin.value() - self._spin.minimum()) / step))
        self._slider.blockSignals(False)

    def _fromSpin(self, value):
        self._rescale()
        self.valueChanged.emit(value)

    value = _ofSpin("value")
    minimum = _ofSpin("minimum", then="_rescale")
    maximum = _ofSpin("maximum", then="_rescale")
    singleStep = _ofSpin("singleStep", then="_rescale")
    decimals = _ofSpin("decimals", int)
    prefix = _ofSpin("prefix", str)
    suffix = _ofSpin("suffix", str)
    pageStep = stored(float, 10.0)
    tickInterval = stored(float, 0.0)
    tracking = stored(bool, True)
    popupSlider = stored(bool, False)
    spinBoxVisible = Property(bool, lambda self: not self._spin.isHidden(), lambda self, on: self._spin.setVisible(on))

    def setValue(self, value):
        self._spin.setValue(value)

    def reset(self):
        self._spin.setValue(self._spin.minimum())


class ctkDoubleSpinBox(QWidget):
    valueChanged = Signal(float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._spin = QDoubleSpinBox(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._spin)
        self._spin.valueChanged.connect(self.valueChanged)

    value = _ofSpin("value")
    minimum = _ofSpin("minimum")
    maximum = _ofSpin("maximum")
    singleStep = _ofSpin("singleStep")
    decimals = _ofSpin("decimals", int)
    prefix = _ofSpin("prefix", str)
    suffix = _ofSpin("suffix", str)


class ctkComboBox(QComboBox):
    """A combo box with a text for when nothing is chosen."""

    defaultText = stored(str, "", "update")
    forceDefault = stored(bool, False, "update")
    defaultIcon = Property(QIcon, lambda self: QIcon(), lambda self, icon: None)

    def paintEvent(self, event):
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.currentIndex() < 0 or self.forceDefault:
            option.currentText = self.defaultText
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class ctkCheckBox(QCheckBox):
    pass


class ctkPushButton(QPushButton):
    pass


class ctkMenuButton(QPushButton):
    pass


class ctkExpandButton(QToolButton):
    mirrorOnExpand = stored(bool, False)


class ctkMessageBox(QMessageBox):
    dontShowAgain = stored(bool, False)
    dontShowAgainVisible = stored(bool, False)
    dontShowAgainSettingsKey = stored(str, "")


class ctkPathLineEdit(QWidget):
    """A path with a button that asks for one."""

    currentPathChanged, validInputChanged = Signal(str), Signal(bool)

    class Filter(Flag):
        Dirs, Files, Drives, NoSymLinks = 1, 2, 4, 8
        Readable, Writable, Executable = 16, 32, 64
        Hidden, System = 256, 512

    QFlag(Filter)
    Dirs, Files, Drives = Filter.Dirs, Filter.Files, Filter.Drives

    def __init__(self, parent=None):
        super().__init__(parent)
        self._edit, self._browse = QLineEdit(self), QToolButton(self)
        self._edit.setClearButtonEnabled(True)
        self._browse.setText("...")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._edit)
        layout.addWidget(self._browse)
        self._edit.textChanged.connect(self.currentPathChanged)
        self._browse.clicked.connect(self.browse)

    currentPath = Property(str, lambda self: self._edit.text(), lambda self, path: self._edit.setText(path))
    nameFilters = stored("QStringList", [])
    settingKey = stored(str, "")
    label = stored(str, "")
    showHistoryButton = stored(bool, True)
    filters = stored(Filter, Filter.Files)
    showBrowseButton = Property(
        bool, lambda self: not self._browse.isHidden(), lambda self, on: self._browse.setVisible(on)
    )

    def setCurrentPath(self, path):
        self._edit.setText(path)

    def browse(self):
        file = bool(self.filters & ctkPathLineEdit.Files)
        kind, title = ("getOpenFileName", "Open a file") if file else ("getExistingDirectory", "Select a directory...")
        answer = desktop.ask(kind, title, self.currentPath, self, default=False)
        if answer:
            self.currentPath = str(answer)

    def addCurrentPathToHistory(self):
        """The history is kept in Slicer's settings, which nothing here looks at."""


class ctkDirectoryButton(QWidget):
    directoryChanged, directorySelected = Signal(str), Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._button = QPushButton(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self._button.clicked.connect(self.browse)

    def _set(self, folder):
        if folder != self._button.text():
            self._button.setText(folder)
            self.directoryChanged.emit(folder)

    directory = Property(str, lambda self: self._button.text(), _set)
    caption = stored(str, "")
    text = stored(str, "")
    acceptMode = stored(int, QFileDialog.AcceptMode.AcceptOpen.value)

    def browse(self):
        answer = desktop.ask("browse", self.caption, self.directory, self, default=False)
        if answer:
            self._set(str(answer))
            self.directorySelected.emit(str(answer))
