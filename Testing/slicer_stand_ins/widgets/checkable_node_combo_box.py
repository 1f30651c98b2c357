"""qMRMLCheckableNodeComboBox: nodes with check boxes in a combo box."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from slicer_stand_ins.widgets.node_combo_box import NODE_ID, qMRMLNodeComboBox


class CheckableComboBox(QComboBox):
    """Shows the names of what is checked."""

    def paintEvent(self, event):
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        model = self.model()
        items = [model.item(row) for row in range(model.rowCount())]
        names = [item.text() for item in items if item.checkState() == Qt.CheckState.Checked]
        option.currentText = ", ".join(names)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    checkedNodesChanged = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self.addEnabled = self.removeEnabled = False
        self._checked = set()
        self._model.dataChanged.connect(self._compare)
        self._model.rowsRemoved.connect(self._compare)

    def _makeBox(self):
        return CheckableComboBox(self)

    def _item(self, node, action):
        item = super()._item(node, action)
        item.setCheckable(node is not None)
        return item

    def _items(self):
        return [item for row in range(self._model.rowCount()) if (item := self._model.item(row)).data(NODE_ID)]

    def _compare(self, *_):
        # Slicer tells of a checked node that goes away as well.
        now = {item.data(NODE_ID) for item in self._items() if item.checkState() == Qt.CheckState.Checked}
        if now != self._checked:
            self._checked = now
            self._box.update()
            self.checkedNodesChanged.emit()

    def _nodes(self, state):
        IDs = [item.data(NODE_ID) for item in self._items() if item.checkState() == state]
        nodes = [self._scene.GetNodeByID(nodeID) for nodeID in IDs]
        return [node for node in nodes if node is not None]

    def checkedNodes(self):
        return self._nodes(Qt.CheckState.Checked)

    def uncheckedNodes(self):
        return self._nodes(Qt.CheckState.Unchecked)

    def allChecked(self):
        return not self.uncheckedNodes()

    def noneChecked(self):
        return not self.checkedNodes()

    def checkState(self, node):
        row = self._rowOf(node.GetID() if node else "")
        return Qt.CheckState.Unchecked if row is None else self._model.item(row).checkState()

    def setCheckState(self, node, state):
        row = self._rowOf(node.GetID() if node else "")
        if row is not None:
            self._model.item(row).setCheckState(Qt.CheckState(state))

    def check(self, node):
        self.setCheckState(node, Qt.CheckState.Checked)

    def uncheck(self, node):
        self.setCheckState(node, Qt.CheckState.Unchecked)

    def setUserCheckable(self, node, checkable):
        row = self._rowOf(node.GetID() if node else "")
        if row is not None:
            self._model.item(row).setCheckable(checkable)
