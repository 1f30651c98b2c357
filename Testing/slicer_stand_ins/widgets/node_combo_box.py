"""qMRMLNodeComboBox: the nodes of some classes in a real combo box.

The combo box's own rules decide what is selected when rows come and go, as they do in Slicer: the first node is taken
by itself only where the list was empty, which it is not while there are entries such as "Delete current".
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from slicer_stand_ins.widgets.properties import Property, stored
from slicer_stand_ins.widgets.scene import SceneWatch

NODE_ID, ACTION = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2


class NodeModel(QStandardItemModel):
    """Rows: None, the nodes, a line and actions; what is not a node has no NODE_ID."""

    def rows(self):
        """[(node ID or "", action or "")] in order."""
        items = [self.item(row) for row in range(self.rowCount())]
        return [(item.data(NODE_ID) or "", item.data(ACTION) or "") for item in items]

    def bring(self, wanted, item):
        """Makes rows what is wanted, taking out and putting in what differs only.

        :param wanted: [(node ID, action)]
        :param item: (node ID, action) -> QStandardItem
        """
        for row in reversed(range(self.rowCount())):
            if self.rows()[row] not in wanted:
                self.removeRow(row)
        for row, key in enumerate(wanted):
            if row >= self.rowCount() or self.rows()[row] != key:
                self.insertRow(row, item(*key))


class qMRMLNodeComboBox(QWidget):
    currentNodeIs = Signal(object)
    currentNodeIsThere = Signal(bool)
    currentNodeIDChanged = Signal(str)
    nodeAddedIs, nodeAddedByUserIs = Signal(object), Signal(object)
    nodeActivatedIs, nodeToBeEditedIs = Signal(object), Signal(object)
    currentNodeRenamed = Signal(str)
    SIGNATURES = (
        ("currentNodeChanged(vtkMRMLNode*)", "currentNodeIs"),
        ("currentNodeChanged(bool)", "currentNodeIsThere"),
        ("nodeAdded(vtkMRMLNode*)", "nodeAddedIs"),
        ("nodeActivated(vtkMRMLNode*)", "nodeActivatedIs"),
        ("nodeAddedByUser(vtkMRMLNode*)", "nodeAddedByUserIs"),
        ("nodeAboutToBeEdited(vtkMRMLNode*)", "nodeToBeEditedIs"),
    )

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene, self._requested, self._watched = None, None, set()
        self._attributes, self._labels = {}, {}
        self._watch = SceneWatch(self, "_sync")
        self._model = NodeModel(self)
        self._box = self._makeBox()
        self._box.setModel(self._model)
        self._box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setSizePolicy(QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        # Slicer listens to the text too, so that a renamed node is told as a changed one.
        self._box.currentTextChanged.connect(self._emitCurrentNodeChanged)
        self._box.activated.connect(self._activated)
        self.setEnabled(False)

    def _makeBox(self):
        return QComboBox(self)

    # Properties, with Slicer's initial values.
    nodeTypes = stored("QStringList", [], "_typesChanged")
    noneEnabled = stored(bool, False, "_sync")
    noneDisplay = stored(str, "None", "_sync")
    addEnabled = stored(bool, True, "_sync")
    removeEnabled = stored(bool, True, "_sync")
    editEnabled = stored(bool, False, "_sync")
    renameEnabled = stored(bool, False, "_sync")
    showHidden = stored(bool, False, "_sync")
    showChildNodeTypes = stored(bool, True, "_sync")
    hideChildNodeTypes = stored("QStringList", [], "_sync")
    selectNodeUponCreation = stored(bool, True)
    baseName = stored(str, "")
    interactionNodeSingletonTag = stored(str, "Singleton")

    def _currentNodeID(self):
        node = self.currentNode()
        return node.GetID() if node else ""

    def setCurrentNodeID(self, nodeID):
        if self._scene is None:
            self._requested = nodeID
        row = self._rowOf(nodeID)
        if row is None:
            row = 0 if self.noneEnabled and self._model.rowCount() else -1
        self._box.setCurrentIndex(row)

    currentNodeID = Property(str, _currentNodeID, setCurrentNodeID)

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        if scene is self._scene:
            return
        kept = self._requested or self._currentNodeID()
        self._scene = scene
        self._watched.clear()
        self._watch.watch(scene)
        self._sync()
        if kept:
            self.setCurrentNodeID(kept)
        self._requested = None
        self.setEnabled(scene is not None)

    def currentNode(self):
        item = self._model.item(self._box.currentIndex()) if self._box.currentIndex() >= 0 else None
        nodeID = item.data(NODE_ID) if item is not None else None
        return self._scene.GetNodeByID(nodeID) if nodeID and self._scene else None

    def setCurrentNode(self, node):
        self.setCurrentNodeID(node if isinstance(node, str) else node.GetID() if node else "")

    def setCurrentNodeIndex(self, index):
        index = -1 if index >= self.nodeCount() else index
        self._box.setCurrentIndex(index + 1 if self.noneEnabled else index)

    def nodeCount(self):
        return sum(1 for nodeID, _ in self._model.rows() if nodeID)

    def nodeFromIndex(self, index):
        IDs = [nodeID for nodeID, _ in self._model.rows() if nodeID]
        return self._scene.GetNodeByID(IDs[index]) if 0 <= index < len(IDs) else None

    def addAttribute(self, nodeType, name, value=None):
        self._attributes[nodeType] = (name, value)
        self._sync()

    def removeAttribute(self, nodeType, name):
        if self._attributes.get(nodeType, ("",))[0] == name:
            del self._attributes[nodeType]
        self._sync()

    def nodeTypeLabel(self, nodeType):
        if nodeType in self._labels:
            return self._labels[nodeType]
        return (self._scene.GetTypeDisplayNameByClassName(nodeType) if self._scene and nodeType else "") or "node"

    def setNodeTypeLabel(self, label, nodeType):
        self._labels[nodeType] = label
        self._typesChanged()

    def addNode(self, nodeType=None):
        nodeType = nodeType or (self.nodeTypes[0] if self.nodeTypes else None)
        if nodeType not in self.nodeTypes:
            return None
        name = self._scene.GenerateUniqueName(self.baseName or self.nodeTypeLabel(nodeType))
        node = self._scene.AddNewNodeByClass(nodeType, name)
        for name, value in [self._attributes[nodeType]] if nodeType in self._attributes else []:
            node.SetAttribute(name, str(value or ""))
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUserIs.emit(node)
        return node

    def removeCurrentNode(self):
        self._scene.RemoveNode(self.currentNode())

    def editCurrentNode(self):
        self.nodeToBeEditedIs.emit(self.currentNode())

    # The list.

    def _accepts(self, node):
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if not self.nodeTypes:
            return True
        for nodeType in self.nodeTypes:
            if not node.IsA(nodeType) or (not self.showChildNodeTypes and nodeType != node.GetClassName()):
                continue
            if self.showChildNodeTypes and any(node.IsA(hidden) for hidden in self.hideChildNodeTypes):
                return False
            if nodeType in self._attributes:
                name, value = self._attributes[nodeType]
                found = node.GetAttribute(name)
                if found is None or (value is not None and found != str(value)):
                    return False
            return True
        return False

    def _actions(self):
        label = self.nodeTypeLabel(self.nodeTypes[0] if len(self.nodeTypes) == 1 else "")
        actions = [f"Rename current {label}"] if self.renameEnabled else []
        actions += [f"Edit current {label}"] if self.editEnabled else []
        actions += [f"Create new {self.nodeTypeLabel(t)}" for t in self.nodeTypes] if self.addEnabled else []
        actions += [f"Delete current {label}"] if self.removeEnabled else []
        return ["separator", *actions] if actions and self._scene else []

    def _typesChanged(self):
        first = self.nodeTypes[0] if self.nodeTypes else ""
        self._box.setPlaceholderText("")
        self._emptyText = f"Select a {self.nodeTypeLabel(first)}"
        self._sync()

    def _sync(self):
        scene = self._scene
        nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())] if scene else []
        fresh = [node for node in nodes if node.GetID() not in self._watched and self._mayShow(node)]
        self._watch.alsoNodes(fresh)
        self._watched |= {node.GetID() for node in fresh}
        shown = {node.GetID(): node for node in nodes if self._accepts(node)}
        before = {nodeID for nodeID, _ in self._model.rows()}
        wanted = [("", "none")] if self.noneEnabled else []
        wanted += [(nodeID, "") for nodeID in shown] + [("", action) for action in self._actions()]
        selected = self._box.currentIndex()
        onlyActions = all(not nodeID for nodeID, _ in self._model.rows()) and not shown
        self._model.bring(wanted, lambda nodeID, action: self._item(shown.get(nodeID), action))
        if onlyActions and selected < 0 and not self.noneEnabled:
            self._box.setCurrentIndex(-1)
        for nodeID, node in shown.items():
            item = self._model.item(self._rowOf(nodeID))
            if item.text() != node.GetName():
                item.setText(node.GetName())
            if nodeID not in before:
                self.nodeAddedIs.emit(node)

    def _mayShow(self, node):
        return not self.nodeTypes or any(node.IsA(nodeType) for nodeType in self.nodeTypes)

    def _item(self, node, action):
        item = QStandardItem(node.GetName() if node else self.noneDisplay if action == "none" else action)
        item.setData(node.GetID() if node else "", NODE_ID)
        item.setData(action, ACTION)
        if action == "separator":
            item.setText("")
            item.setData("separator", Qt.ItemDataRole.AccessibleDescriptionRole)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        return item

    def _rowOf(self, nodeID):
        IDs = [found for found, _ in self._model.rows()]
        return IDs.index(nodeID) if nodeID and nodeID in IDs else None

    def _emitCurrentNodeChanged(self, *_):
        node, row = self.currentNode(), self._box.currentIndex()
        if node is None and row != (0 if self.noneEnabled else -1):
            last = self.nodeFromIndex(self.nodeCount() - 1)
            if last is not None:
                self.setCurrentNode(last)
            return
        self.currentNodeIs.emit(node)
        self.currentNodeIsThere.emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node else "")

    def _activated(self, row):
        nodeID, action = self._model.rows()[row]
        if action.startswith("Create new"):
            self.addNode(next(t for t in self.nodeTypes if action.endswith(self.nodeTypeLabel(t))))
        elif action.startswith("Delete current"):
            self.removeCurrentNode()
        elif nodeID or action == "none":
            self.nodeActivatedIs.emit(self.currentNode())
