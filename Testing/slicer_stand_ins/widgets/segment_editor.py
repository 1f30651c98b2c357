"""qMRMLSegmentEditorWidget: Slicer's own segment editor logic under a plain face.

Undo, overwriting and masking are Slicer's (vtkSlicerSegmentEditorLogic, vtkMRMLSegmentEditorNode); what is drawn with a
mouse in a slice view is not here, since there is no slice view: tests write into segments.
"""

import slicer
import vtk
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
)
from shiboken6.Shiboken import isValid

from slicer_stand_ins.widgets.mrml_widget import qMRMLWidget
from slicer_stand_ins.widgets.node_combo_box import qMRMLNodeComboBox
from slicer_stand_ins.widgets.properties import Property, stored

EFFECTS = ("Threshold", "Paint", "Draw", "Erase", "Level tracing", "Grow from seeds", "Fill between slices", "Margin")
EFFECTS += ("Hollow", "Smoothing", "Scissors", "Islands", "Logical operators", "Mask volume")
EVERYWHERE, INSIDE_ALL, INSIDE_VISIBLE, OUTSIDE_ALL, OUTSIDE_VISIBLE = range(5)


class qMRMLSegmentEditorWidget(qMRMLWidget):
    currentSegmentIDChanged = Signal(str)
    segmentationWasSet, sourceVolumeWasSet = Signal(object), Signal(object)
    SIGNATURES = (
        ("segmentationNodeChanged(vtkMRMLSegmentationNode*)", "segmentationWasSet"),
        ("sourceVolumeNodeChanged(vtkMRMLVolumeNode*)", "sourceVolumeWasSet"),
    )

    def __init__(self, parent=None):
        super().__init__(parent)
        self._logic, self._node, self._tags, self._shown = slicer.vtkSlicerSegmentEditorLogic(), None, [], {}
        self._effect, self._shortcuts, self._effectOrder, self._writing = "", False, [], False
        # The event comes whenever the history changes, so that the buttons follow whoever changed it.
        changed = slicer.vtkSlicerSegmentEditorLogic.SegmentationHistoryChangedEvent
        self._logic.AddObserver(changed, lambda *_: isValid(self) and self._updateButtons())
        self._build()
        self._updateButtons()

    def _build(self):
        self._segmentations, self._volumes = qMRMLNodeComboBox(self), qMRMLNodeComboBox(self)
        self._segmentations.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._volumes.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        for box in (self._segmentations, self._volumes):
            box.noneEnabled, box.removeEnabled, box.addEnabled = True, False, False
        self._segmentations.currentNodeIs.connect(self._chosenSegmentation)
        self._volumes.currentNodeIs.connect(self._chosenVolume)
        form = self._form = QFormLayout()
        form.addRow("Segmentation:", self._segmentations)
        form.addRow("Source volume:", self._volumes)
        self._add, self._remove = QPushButton("Add"), QPushButton("Remove")
        self._show3D = QPushButton("Show 3D")
        self._add.clicked.connect(self._addSegment)
        self._remove.clicked.connect(lambda: self._logic.RemoveSelectedSegment())
        surface = self._logic.ContainsClosedSurfaceRepresentation
        self._show3D.clicked.connect(lambda: self._logic.ToggleSegmentationSurfaceRepresentation(not surface()))
        row = QHBoxLayout()
        for button in (self._add, self._remove, self._show3D):
            row.addWidget(button)
        self._table = QTableWidget(0, 2)
        self._table.setHorizontalHeaderLabels(["", "Name"])
        self._table.verticalHeader().hide()
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.setColumnWidth(0, 28)
        self._table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self._table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self._table.setMaximumHeight(110)
        self._table.itemSelectionChanged.connect(self._chosenSegment)
        self._undo, self._redo = QPushButton("Undo"), QPushButton("Redo")
        self._undo.clicked.connect(self.undo)
        self._redo.clicked.connect(self.redo)
        steps = QHBoxLayout()
        steps.addWidget(self._undo)
        steps.addWidget(self._redo)
        self._area, self._overwrite = QComboBox(), QComboBox()
        self._area.addItems(["Everywhere", "Inside all segments", "Inside all visible segments"])
        self._area.addItems(["Outside all segments", "Outside all visible segments"])
        self._overwrite.addItems(["Overwrite all", "Overwrite visible", "Allow overlap"])
        self._area.activated.connect(lambda at: self._node and self._node.SetMaskMode(at))
        self._overwrite.activated.connect(lambda at: self._node and self._node.SetOverwriteMode(at))
        masking = self._masking = QFormLayout()
        masking.addRow("Editable area:", self._area)
        masking.addRow("Modify other segments:", self._overwrite)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addLayout(row)
        layout.addWidget(self._table)
        layout.addLayout(self._effectButtons())
        layout.addLayout(steps)
        layout.addLayout(masking)

    def _effectButtons(self):
        grid, self._effects = QGridLayout(), QButtonGroup(self)
        grid.setSpacing(2)
        for index, name in enumerate(("", *EFFECTS)):
            button = QToolButton()
            button.setText(name or "None")
            button.setToolTip(name or "No editing")
            button.setCheckable(True)
            button.setIconSize(QSize(16, 16))
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._effects.addButton(button, index)
            grid.addWidget(button, index // 4, index % 4)
        self._effects.idClicked.connect(lambda at: self.setActiveEffectByName(("", *EFFECTS)[at]))
        return grid

    # Properties that show or hide a part.

    def _visible(*parts):
        def widgets(self):
            return [getattr(self, part) for part in parts]

        def get(self):
            return not widgets(self)[0].isHidden()

        def put(self, on):
            for widget in widgets(self):
                widget.setVisible(on)
                for form in (self._form, self._masking):
                    label = form.labelForField(widget)
                    if label is not None:
                        label.setVisible(on)

        return Property(bool, get, put)

    segmentationNodeSelectorVisible = _visible("_segmentations")
    sourceVolumeNodeSelectorVisible = _visible("_volumes")
    addRemoveSegmentButtonsVisible = _visible("_add", "_remove")
    show3DButtonVisible = _visible("_show3D")
    maskingSectionVisible = _visible("_area", "_overwrite")
    del _visible

    switchToSegmentationsButtonVisible = stored(bool, True)
    specifyGeometryButtonVisible = stored(bool, True)
    autoShowSourceVolumeNode = stored(bool, True)
    unorderedEffectsVisible = stored(bool, True, "_updateEffects")
    effectColumnCount = stored(int, 2)
    effectButtonStyle = stored(int, Qt.ToolButtonStyle.ToolButtonIconOnly.value)
    jumpToSelectedSegmentEnabled = stored(bool, False)
    readOnly = stored(bool, False, "_updateButtons")
    undoEnabled = stored(bool, True, "_updateButtons")
    defaultTerminologyEntry = stored(str, "")
    defaultTerminologyEntrySettingsKey = stored(str, "Segmentations/DefaultTerminologyEntry")
    maximumNumberOfUndoStates = Property(
        int,
        lambda self: self._logic.GetMaximumNumberOfUndoStates(),
        lambda self, most: self._logic.SetMaximumNumberOfUndoStates(most),
    )

    # Scene and nodes.

    def setMRMLScene(self, scene):
        super().setMRMLScene(scene)
        blocked = [box.blockSignals(True) for box in (self._segmentations, self._volumes)]
        self._segmentations.setMRMLScene(scene)
        self._volumes.setMRMLScene(scene)
        for box, was in zip((self._segmentations, self._volumes), blocked, strict=True):
            box.blockSignals(was)
        self._logic.SetMRMLApplicationLogic(_application().applicationLogic())
        self._logic.SetMRMLScene(scene)
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self):
        return self._node

    def setMRMLSegmentEditorNode(self, node):
        if node is self._node:
            return
        self._unwatch()
        self._node = node
        self._logic.SetSegmentEditorNode(node)
        if node is not None:
            self._tags.append((node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._modified)))
        self.updateWidgetFromMRML()

    def _modified(self, *_):
        if isValid(self):
            self.updateWidgetFromMRML()
        else:
            self._unwatch()

    def _unwatch(self):
        for watched, tag in self._tags:
            watched.RemoveObserver(tag)
        self._tags, self._shown = [], {}

    def segmentationNode(self):
        return self._node.GetSegmentationNode() if self._node else None

    def segmentationNodeID(self):
        node = self.segmentationNode()
        return node.GetID() if node else ""

    def setSegmentationNode(self, node):
        if node is not self.segmentationNode():
            self._logic.SetSegmentationNode(node)
            self.setActiveEffectByName("")

    def setSegmentationNodeID(self, nodeID):
        self.setSegmentationNode(self._scene.GetNodeByID(nodeID) if nodeID else None)

    def sourceVolumeNode(self):
        return self._node.GetSourceVolumeNode() if self._node else None

    def sourceVolumeNodeID(self):
        node = self.sourceVolumeNode()
        return node.GetID() if node else ""

    def setSourceVolumeNode(self, node):
        self._logic.SetSourceVolumeNode(node)

    def setSourceVolumeNodeID(self, nodeID):
        self.setSourceVolumeNode(self._scene.GetNodeByID(nodeID) if nodeID else None)

    def currentSegmentID(self):
        return (self._node.GetSelectedSegmentID() if self._node else None) or ""

    def setCurrentSegmentID(self, segmentID):
        if self._node:
            self._node.SetSelectedSegmentID(segmentID)

    def _chosenSegmentation(self, node):
        if not self._writing and not self._scene.IsBatchProcessing():
            self.setSegmentationNode(node)

    def _chosenVolume(self, node):
        if not self._writing and not self._scene.IsBatchProcessing():
            self.setSourceVolumeNode(node)

    def _chosenSegment(self):
        rows = self._table.selectionModel().selectedRows()
        if rows and not self._writing:
            self.setCurrentSegmentID(self._table.item(rows[0].row(), 1).data(Qt.ItemDataRole.UserRole))

    # What is shown.

    def updateWidgetFromMRML(self):
        if self._writing or self._node is None or self._scene is None:
            return
        self._writing = True
        try:
            node = self.segmentationNode()
            self._segmentations.setCurrentNode(node)
            if node is not self._shown.get("segmentation"):
                self._adopt(node)
            self._volumes.setCurrentNode(self.sourceVolumeNode())
            self._fillTable(node)
            self._area.setCurrentIndex(self._node.GetMaskMode())
            self._overwrite.setCurrentIndex(self._node.GetOverwriteMode())
        finally:
            self._writing = False
        self._updateButtons()
        self._tell("volume", self.sourceVolumeNode(), self.sourceVolumeWasSet)
        self._tell("segment", self.currentSegmentID(), self.currentSegmentIDChanged)

    def _adopt(self, node):
        """A segmentation that is new here: its reference volume is taken, its first segment is selected."""
        self._shown["segmentation"] = node
        for watched, tag in self._tags[1:]:
            watched.RemoveObserver(tag)
        del self._tags[1:]
        if node is not None:
            Segmentation = slicer.vtkSegmentation
            events = (Segmentation.SegmentAdded, Segmentation.SegmentRemoved, Segmentation.SegmentModified)
            for event in (vtk.vtkCommand.ModifiedEvent, *events):
                self._tags.append((node, node.AddObserver(event, self._modified)))
            node.CreateDefaultDisplayNodes()
            reference = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
            self._logic.SetSourceVolumeNode(reference)
            if node.GetSegmentation().GetNumberOfSegments():
                self._logic.SelectFirstSegment(False)
        self.segmentationWasSet.emit(node)

    def _tell(self, what, value, signal):
        if self._shown.get(what) != value:
            self._shown[what] = value
            signal.emit(value)

    def _fillTable(self, node):
        segmentation = node.GetSegmentation() if node else None
        IDs = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())] if node else []
        self._table.setRowCount(len(IDs))
        for row, segmentID in enumerate(IDs):
            segment = segmentation.GetSegment(segmentID)
            picture = QPixmap(14, 14)
            picture.fill(QColor.fromRgbF(*segment.GetColor()))
            item = QTableWidgetItem(segment.GetName())
            item.setData(Qt.ItemDataRole.UserRole, segmentID)
            self._table.setItem(row, 0, QTableWidgetItem(QIcon(picture), ""))
            self._table.setItem(row, 1, item)
            if segmentID == self.currentSegmentID():
                self._table.selectRow(row)

    def _updateButtons(self):
        there = self.segmentationNode() is not None and not self.readOnly
        self._add.setEnabled(there)
        self._show3D.setEnabled(self.segmentationNode() is not None)
        self._remove.setEnabled(there and bool(self.currentSegmentID()))
        self._undo.setEnabled(self.undoEnabled and not self.readOnly and bool(self._logic.CanUndo()))
        self._redo.setEnabled(self.undoEnabled and not self.readOnly and bool(self._logic.CanRedo()))
        for button in self._effects.buttons():
            button.setEnabled(there and self.sourceVolumeNode() is not None)

    def _addSegment(self):
        self._logic.AddEmptySegment("", 0)

    # Undo.

    def saveStateForUndo(self):
        self._logic.SaveStateForUndo()

    def undo(self):
        self._logic.Undo()

    def redo(self):
        self._logic.Redo()

    # Effects: their names and which one is chosen.

    def availableEffectNames(self):
        return list(EFFECTS)

    def effectCount(self):
        return len(EFFECTS)

    def effectNameOrder(self):
        return list(self._effectOrder)

    def setEffectNameOrder(self, names):
        self._effectOrder = list(names)
        self._updateEffects()

    def _updateEffects(self):
        for button in self._effects.buttons()[1:]:
            button.setVisible(self.unorderedEffectsVisible or button.text() in self._effectOrder)

    def updateEffectList(self):
        self._updateEffects()

    def setActiveEffectByName(self, name):
        name = name if name in EFFECTS else ""
        self._effect = name
        self._effects.button(("", *EFFECTS).index(name)).setChecked(True)
        if self._node:
            self._node.SetActiveEffectName(name)

    def setActiveEffect(self, effect):
        if effect is not None:
            raise NotImplementedError("the stand-in has names of effects, no effects: setActiveEffectByName")
        self.setActiveEffectByName("")

    # What Slicer needs when a panel is entered and left.

    def installKeyboardShortcuts(self, parent=None):
        self._shortcuts = True

    def uninstallKeyboardShortcuts(self):
        self._shortcuts = False

    def setupViewObservations(self):
        """There is no view to look at."""

    def removeViewObservations(self):
        """There is no view to look at."""

    def rotateSliceViewsToSegmentation(self):
        """There is no view to turn."""


def _application():
    from PySide6.QtWidgets import QApplication

    return QApplication.instance()
