"""qMRMLNodeComboBox and its checkable kind follow a real scene."""

import pytest

slicer = pytest.importorskip("slicer", reason="needs the optional dependency 'scene'")


@pytest.fixture
def selector(slicerPython, scene):
    """A selector of volumes without entries other than nodes, as the .ui files have it."""

    def make(cls="qMRMLNodeComboBox", **properties):
        box = getattr(slicer, cls)()
        box.addEnabled = box.removeEnabled = False
        box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        for name, value in properties.items():
            setattr(box, name, value)
        box.setMRMLScene(scene)
        return box

    return make


def names(box):
    return [box.nodeFromIndex(index).GetName() for index in range(box.nodeCount())]


def test_it_is_disabled_until_it_has_a_scene(slicerPython, scene):
    box = slicer.qMRMLNodeComboBox()
    assert not box.enabled
    box.setMRMLScene(scene)
    assert box.enabled


def test_nodes_come_and_go_and_are_renamed(selector, scene, volume):
    box = selector(noneEnabled=True)
    first, second = volume("A"), volume("B")
    scene.AddNewNodeByClass("vtkMRMLModelNode", "other kind")
    assert names(box) == ["A", "B"]
    first.SetName("C")
    assert names(box) == ["C", "B"]
    scene.RemoveNode(second)
    assert names(box) == ["C"]
    assert box.currentNode() is None


def test_the_first_node_is_taken_by_itself_where_none_is_no_choice(selector, volume):
    box = selector()
    first = volume("A")
    volume("B")
    assert box.currentNode() is first
    assert box.currentNodeID == first.GetID()


def test_nothing_is_taken_by_itself_in_a_list_that_has_actions(selector, volume):
    box = selector(removeEnabled=True)
    volume("A")
    assert box.currentNode() is None


def test_when_the_chosen_node_goes_another_is_taken(selector, scene, volume):
    box = selector()
    first, second = volume("A"), volume("B")
    scene.RemoveNode(first)
    assert box.currentNode() is second
    scene.RemoveNode(second)
    assert box.currentNode() is None


def test_choosing_is_told_with_the_node_and_without(selector, volume):
    box, seen = selector(noneEnabled=True), []
    node = volume("A")
    box.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: seen.append(node))
    box.connect("currentNodeChanged(bool)", seen.append)
    box.currentNodeIDChanged.connect(seen.append)
    box.setCurrentNode(node)
    assert seen == [node, True, node.GetID()]
    box.setCurrentNode(None)
    assert seen[3:] == [None, False, ""]


def test_renaming_the_chosen_node_is_told_too(selector, volume):
    box, seen = selector(), []
    node = volume("A")
    box.currentNodeChanged.connect(lambda: seen.append(1))
    node.SetName("B")
    assert seen == [1]


def test_hidden_nodes_child_types_and_attributes_are_sorted_out(selector, scene, volume):
    label = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "label")
    node = volume("A")
    assert selector().nodeCount() == 2
    assert names(selector(showChildNodeTypes=False)) == ["A"]
    box = selector()
    box.addAttribute("vtkMRMLScalarVolumeNode", "Kind", "T1")
    assert names(box) == []
    node.SetAttribute("Kind", "T1")
    assert names(box) == ["A"]
    node.SetHideFromEditors(True)
    assert names(box) == []
    assert label.GetName() == "label"


def test_a_closed_scene_leaves_nothing(selector, scene, volume):
    box = selector()
    volume("A")
    scene.Clear(0)
    assert box.nodeCount() == 0
    assert box.currentNode() is None
    assert box.currentNodeID == ""


def test_a_node_that_was_asked_for_before_the_scene_came_is_chosen(slicerPython, scene, volume):
    node = volume("A")
    box = slicer.qMRMLNodeComboBox()
    box.noneEnabled = True
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setCurrentNodeID(node.GetID())
    box.setMRMLScene(scene)
    assert box.currentNode() is node


def test_new_nodes_are_made_in_the_scene(selector, scene):
    box = selector(addEnabled=True, baseName="Result")
    node = box.addNode()
    assert node.GetName() == "Result"
    assert box.currentNode() is node


def test_a_deleted_selector_is_not_called_any_more(selector, volume):
    selector().delete()
    volume("A")


def test_ticked_nodes_are_told_and_forgotten_with_the_node(selector, scene, volume):
    box, seen = selector("qMRMLCheckableNodeComboBox"), []
    first, second = volume("A"), volume("B")
    box.connect("checkedNodesChanged()", lambda: seen.append(len(box.checkedNodes())))
    box.check(first)
    box.setCheckState(second, 2)
    assert box.checkedNodes() == [first, second]
    assert box.allChecked()
    box.uncheck(first)
    assert box.uncheckedNodes() == [first]
    assert box.checkState(second) == 2
    scene.RemoveNode(second)
    assert box.checkedNodes() == []
    assert box.noneChecked()
    assert seen == [1, 2, 1, 0]
