"""A module opened as Slicer opens it, and hands that use it."""

import sys
import time
import warnings
from pathlib import Path

import slicer
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6.Shiboken import delete

from slicer_stand_ins.installation import application_
from slicer_stand_ins.python_qt import faults
from slicer_stand_ins.python_qt.conversion import unwrapped, wrapped
from slicer_stand_ins.python_qt.dialogs import desktop
from slicer_stand_ins.widgets.modules import qSlicerScriptedLoadableModule


class Desk:
    """The module's panel in front of a user.

    module - the module's object, as slicer.modules has it
    widget - the module's widget class (MedMetaSlicerWidget), logic - its logic
    ui - its widgets by name, scene - the scene
    desktop - dialogs: `answers` for those to come, `shown`, `errors`, `questions`
    """

    def __init__(self, path, scene):
        self.scene, self.desktop = scene, desktop
        desktop.clear()
        self.path = Path(path)
        self.application = application_()
        self._searched = [*sys.path]
        # Slicer has the folder of each module in its search path.
        sys.path.insert(0, str(self.path.parent))
        sys.modules.pop(self.path.stem, None)
        self._module, self._frame = qSlicerScriptedLoadableModule(self.path), None
        # The application outlives the module here: what is connected to it meanwhile is taken back.
        lasting = (self.application, self.application.moduleManager(), self.application.layoutManager())
        self._connections = [(wrapped(one), len(wrapped(one)._connections.made)) for one in lasting]
        try:
            self._module.load()
            self.module = wrapped(self._module)
            self.application.moduleManager().add(self._module)
            self.application.startupCompleted.emit()
            self.open()
        except BaseException:
            self._forget()
            raise

    def open(self):
        """Shows the panel, as choosing the module in Slicer does: it is made the first time, and entered."""
        self._frame = self._module.widgetRepresentation()
        self._frame.resize(460, 700)
        self._frame.show()
        self._frame.enter()
        self.settle()

    def leave(self):
        """Another module is chosen."""
        self._frame.exit()
        self._frame.hide()
        self.settle()

    @property
    def widget(self):
        return getattr(slicer.modules, f"{self.path.stem}Widget")

    @property
    def logic(self):
        return self.widget.logic

    @property
    def ui(self):
        return self.widget.ui

    def close(self):
        """The module is unloaded, as when Slicer ends; nothing of it may answer to the scene afterwards.

        :raises ExceptionGroup: an observer is left that uses widgets that are gone
        :raises AssertionError: a dialog that was to be answered did not come up
        """
        if self._module is None:
            return
        try:
            if self._frame.isEntered:
                self._frame.exit()
            self.application.moduleManager().unload(self._module.name)
            delete(self._frame)
            delete(self._module)
            self._stir()
            self.settle()
        finally:
            self._forget()
        assert not self.desktop.answers, f"nobody asked for {list(self.desktop.answers)}"

    def _stir(self):
        """Lets everything happen in the scene that observers listen to."""
        nodes = [self.scene.GetNthNode(index) for index in range(self.scene.GetNumberOfNodes())]
        for node in nodes:
            if node.IsA("vtkMRMLScriptedModuleNode"):
                node.Modified()
        self.scene.RemoveNode(self.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))
        self.scene.Clear(0)

    def _forget(self):
        self._module = None
        # A scene keeps its singletons when it is closed; the next test's scene is a new one.
        for node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode", self.scene):
            if self.path.stem in (node.GetSingletonTag(), node.GetAttribute("ModuleName")):
                self.scene.RemoveNode(node)
        for one, count in self._connections:
            one._connections.restore(count)
        sys.path[:] = self._searched
        sys.modules.pop(self.path.stem, None)

    # Hands.

    def find(self, name):
        """PySide's widget of a name; the panel is searched as it is on the screen now."""
        found = [w for w in self._frame.findChildren(QWidget) if w.objectName() == name]
        assert found, f"there is no widget '{name}' in the panel"
        return found[-1]

    def _usable(self, name):
        native = self.find(name)
        assert native.isVisible(), f"'{name}' is not to be seen"
        assert native.isEnabled(), f"'{name}' is disabled"
        return native

    def click(self, name):
        """Clicks a button or a check box; it has to be visible and enabled."""
        self._usable(name).click()
        self.settle()

    def expand(self, name):
        """Unfolds a collapsible button."""
        if self.find(name).collapsed:
            self.click(name)

    def choose(self, name, what):
        """Chooses a node in a node selector, an entry (text or data) in a combo box."""
        native = self._usable(name)
        if hasattr(native, "setCurrentNode"):
            native.setCurrentNode(what)
            assert native.currentNode() is what, f"'{name}' does not offer that node"
        else:
            index = native.findText(what) if isinstance(what, str) else -1
            index = index if index >= 0 else native.findData(what)
            assert index >= 0, f"'{name}' offers {[native.itemText(i) for i in range(native.count())]}, not {what!r}"
            native.setCurrentIndex(index)
            native.activated.emit(index)
        self.settle()

    def tick(self, name, node, on=True):
        """Ticks a node in a checkable node selector."""
        native = self._usable(name)
        native.check(node) if on else native.uncheck(node)
        self.settle()

    def clickCell(self, name, row, column=0):
        """Clicks into a cell of a table, or on the button or box that is in it."""
        table = self._usable(name)
        inside = table.cellWidget(row, column)
        if inside is not None:
            assert inside.isEnabled(), f"'{name}' {row}, {column} is disabled"
            inside.click()
        else:
            item = table.item(row, column)
            assert item is not None, f"'{name}' has no cell {row}, {column}"
            table.scrollToItem(item)
            place = table.visualItemRect(item).center()
            QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        self.settle()

    def tickCell(self, name, row, column=0, on=True):
        """Ticks a cell of a table that can be ticked."""
        item = self._usable(name).item(row, column)
        assert item.flags() & Qt.ItemFlag.ItemIsUserCheckable, f"'{name}' {row}, {column} cannot be ticked"
        assert item.flags() & Qt.ItemFlag.ItemIsEnabled, f"'{name}' {row}, {column} is disabled"
        item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.settle()

    def cells(self, name):
        """The texts of a table, row by row."""
        table = self.find(name)
        rows, columns = range(table.rowCount()), range(table.columnCount())
        return [[item.text() if (item := table.item(row, column)) else "" for column in columns] for row in rows]

    def enter(self, name, value):
        """Types a text, or sets a number."""
        native = self._usable(name)
        native.setValue(value) if hasattr(native, "setValue") else native.setText(value)
        self.settle()

    def press(self, keys, name=None):
        """Presses a key or a shortcut, in a widget or in the panel."""
        QTest.keySequence(unwrapped(self.find(name)) if name else self._frame, keys)
        self.settle()

    def pressInMainWindow(self, keys):
        """Presses a shortcut while the main window, and no widget of the panel, has the keyboard."""
        window = self.application._mainWindow
        window.show()
        with warnings.catch_warnings():  # activateWindow, its follower, does nothing off screen
            warnings.simplefilter("ignore", DeprecationWarning)
            QApplication.setActiveWindow(window)
        QTest.keySequence(window, keys)
        self.settle()

    def settle(self):
        """Lets Qt do what is waiting, and fails where that went wrong."""
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self.application.processEvents()
        faults.complain()

    def wait(self, until, seconds=60):
        """Runs the event loop until something is true.

        :raises AssertionError: it is not true in time
        """
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, f"not in {seconds} s; status: {self._status()}"
            self.settle()
            time.sleep(0.005)

    def _status(self):
        label = self._frame.findChild(QWidget, "statusLabel")
        return label.text() if label is not None and hasattr(label, "text") else "unknown"

    # Slicer.

    def reload(self):
        """Reload, as developers of a module press it."""
        slicer.util.reloadScriptedModule(self.path.stem)
        self.settle()

    def quit(self):
        """Slicer is about to end; the panel is closed by the fixture."""
        self.application.aboutToQuit.emit()
        self.settle()

    def closeScene(self):
        self.scene.Clear(0)
        self.settle()

    def saveScene(self, folder):
        """Saves the scene with its volumes and segmentations into a folder."""
        folder = Path(folder)
        folder.mkdir(exist_ok=True)
        self.scene.SetRootDirectory(str(folder))
        nodes = [self.scene.GetNthNode(index) for index in range(self.scene.GetNumberOfNodes())]
        for node in nodes:
            if node.IsA("vtkMRMLStorableNode") and node.GetSaveWithScene() and self._fileOf(node, folder):
                node.GetStorageNode().WriteData(node)
        self.scene.SetURL(str(folder / "scene.mrml"))
        assert self.scene.Commit()
        return folder / "scene.mrml"

    def _fileOf(self, node, folder):
        """True for nodes with data of their own; gives them a file."""
        if not (node.IsA("vtkMRMLVolumeNode") or node.IsA("vtkMRMLSegmentationNode")):
            return False
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        ending = ".seg.nrrd" if node.IsA("vtkMRMLSegmentationNode") else ".nrrd"
        node.GetStorageNode().SetFileName(str(folder / f"{node.GetID()}{ending}"))
        return True

    def loadScene(self, file):
        """Closes the scene and loads another, as the user does."""
        self.scene.Clear(0)
        self.addScene(file)

    def addScene(self, file):
        """Loads another scene into the one that is there."""
        self.scene.SetURL(str(file))
        assert self.scene.Import()
        self.settle()

    def screenshot(self, path, theme="light", width=460):
        """A picture of the whole panel."""
        self.application.setPalette(palette(theme))
        self._frame.resize(width, max(200, self._frame.sizeHint().height()))
        self.settle()
        self._frame.resize(width, max(200, self._frame.heightForWidth(width), self._frame.sizeHint().height()))
        self.settle()
        assert self._frame.grab().save(str(path))
        self.application.setPalette(palette("light"))


def palette(theme):
    """Slicer's light and dark colours, about."""
    dark = theme == "dark"
    window, base, text = ("#353535", "#2a2a2a", "#ffffff") if dark else ("#efefef", "#ffffff", "#000000")
    colours = QPalette(QColor("#454545" if dark else "#efefef"), QColor(window))
    colours.setColor(QPalette.ColorRole.Base, QColor(base))
    colours.setColor(QPalette.ColorRole.AlternateBase, QColor("#323232" if dark else "#f7f7f7"))
    for role in ("WindowText", "Text", "ButtonText", "ToolTipText"):
        colours.setColor(QPalette.ColorRole[role], QColor(text))
        colours.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole[role], QColor("#808080"))
    colours.setColor(QPalette.ColorRole.PlaceholderText, QColor("#808080"))
    colours.setColor(QPalette.ColorRole.Highlight, QColor("#2a82da" if dark else "#308cc6"))
    colours.setColor(QPalette.ColorRole.HighlightedText, QColor("#ffffff"))
    colours.setColor(QPalette.ColorRole.Link, QColor("#5aa9f0" if dark else "#0057ae"))
    return colours
