"""qMRMLSegmentEditorWidget: Slicer's own segment editor logic under a plain face.

Undo, overwriting and masking are Slicer's (vtkSlicerSegmentEditorLogic, vtkMRMLSegmentEditorNode); what is drawn with a
mouse in a slice view is not here, since there is no slice view: tests write into segments.
"""

import slicer
import vtk
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)
from shiboken6.Shiboken import isValid

from slicer_stand_ins.widgets.effects_section import OF_SLICER, EffectsSection
from slicer_stand_ins.widgets.mrml_widget import qMRMLWidget
from slicer_stand_ins.widgets.node_combo_box import qMRMLNodeComboBox
from slicer_stand_ins.widgets.properties import Property, stored
from slicer_stand_ins.widgets.segment_editor_keys import EditorKeys


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
        self._keys, self._effectOrder, self._writing = EditorKeys(self), list(OF_SLICER), False
        self._viewsObserved = False  # what a click in a view goes by
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
        self._effects = EffectsSection(self.saveStateForUndo, self.setActiveEffectByName, self)
        self._effects.picked.connect(self.setActiveEffectByName)
        layout.addWidget(self._effects)
        layout.addLayout(steps)
        layout.addLayout(masking)
        self.updateEffectList()
        self._updateMasking()

    # Properties that show or hide a part.

    def _visible(*parts):
        def widgets(self):
            return [getattr(self, part) for part in parts]

        def get(self):
            return not widgets(self)[0].isHidden()

        def put(self, on):
            for widget in widgets(self):
                widget.setVisible(on)
                label = self._form.labelForField(widget)
                if label is not None:
                    label.setVisible(on)

        return Property(bool, get, put)

    segmentationNodeSelectorVisible = _visible("_segmentations")
    sourceVolumeNodeSelectorVisible = _visible("_volumes")
    addRemoveSegmentButtonsVisible = _visible("_add", "_remove")
    show3DButtonVisible = _visible("_show3D")
    del _visible

    maskingSectionVisible = stored(bool, True, "_updateMasking")

    switchToSegmentationsButtonVisible = stored(bool, True)
    specifyGeometryButtonVisible = stored(bool, True)
    autoShowSourceVolumeNode = stored(bool, True)
    unorderedEffectsVisible = stored(bool, True, "updateEffectList")
    effectColumnCount = stored(int, 2, "updateEffectList")
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
        self._logic.SetVerbose(True)
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self):
        return self._node

    def setMRMLSegmentEditorNode(self, node):
        if node is self._node:
            return
        self._unwatch()
        self._node = node
        self._logic.SetSegmentEditorNode(node)
        self._effects.use(node)
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
        if self._tell("volume", self.sourceVolumeNode(), self.sourceVolumeWasSet):
            self._effects.sourceVolumeChanged()
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
        if self._shown.get(what) == value:
            return False
        self._shown[what] = value
        signal.emit(value)
        return True

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
        usable = there and self.sourceVolumeNode() is not None
        name = self._node.GetActiveEffectName() if self._node else ""
        before = self._effects.active
        self._effects.follow(name or "", usable, bool(self.currentSegmentID()))
        if self._effects.active != before:
            self._viewsObserved = bool(self._effects.active)
        self._updateMasking()

    def _updateMasking(self):
        """Slicer shows the editable area while an effect is active."""
        shown = self.maskingSectionVisible and bool(self._effects.active)
        for row in range(self._masking.rowCount()):
            self._masking.setRowVisible(row, shown)

    def _addSegment(self):
        self._logic.AddEmptySegment("", 0)

    # Undo.

    def saveStateForUndo(self):
        self._logic.SaveStateForUndo()

    def undo(self):
        self._logic.Undo()

    def redo(self):
        self._logic.Redo()

    # Effects.

    def availableEffectNames(self):
        return self._effects.names()

    def effectCount(self):
        return len(self._effects.names())

    def effectNameOrder(self):
        return list(self._effectOrder)

    def setEffectNameOrder(self, names):
        self._effectOrder = list(names)
        self.updateEffectList()

    def updateEffectList(self, *_):
        if isValid(self):
            self._effects.load()
            self._effects.arrange(self._effectOrder, self.unorderedEffectsVisible, self.effectColumnCount)

    def shownEffects(self):
        """Names of the effects that have a button, in their order; Slicer's own keys go by that."""
        return self._effects.shown

    def effectByName(self, name):
        return self._effects.effect(name)

    def activeEffect(self):
        return self._effects.effect(self._effects.active) if self._effects.active else None

    def setActiveEffect(self, effect):
        self.setActiveEffectByName(effect.name if effect is not None else "")

    def setActiveEffectByName(self, name):
        if self._node is not None:
            self._node.SetActiveEffectName(name if name in self._effects.names() else "")
        self._updateButtons()

    # What Slicer needs when a panel is entered and left.

    def installKeyboardShortcuts(self, parent=None):
        self._keys.install(parent or _application()._mainWindow)

    def uninstallKeyboardShortcuts(self):
        self._keys.uninstall()

    def setupViewObservations(self):
        self._viewsObserved = True

    def removeViewObservations(self):
        self._viewsObserved = False

    def rotateSliceViewsToSegmentation(self):
        """There is no view to turn."""


def _application():
    from PySide6.QtWidgets import QApplication

    return QApplication.instance()
