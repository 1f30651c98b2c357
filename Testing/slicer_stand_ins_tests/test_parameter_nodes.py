"""Parameter nodes: stored as Slicer stores them, connected to widgets as Slicer connects them."""

import operator
import pathlib
from typing import Annotated

import pytest

slicer = pytest.importorskip("slicer", reason="needs the optional dependency 'scene'")


@pytest.fixture
def wrapped(slicerPython, scene):
    """Makes a wrapper, around a node of its own or a given one, of a class with annotations."""
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    def make(annotations, node=None, **defaults):
        cls = type("Parameters", (), {"__annotations__": annotations, **defaults})
        return parameterNodeWrapper(cls)(node or scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))

    return make


def test_values_are_kept_in_the_node_as_slicer_keeps_them(wrapped, volume):
    types = {"a": int, "b": bool, "c": str, "d": float, "e": list[int], "f": pathlib.Path}
    parameters = wrapped({**types, "g": slicer.vtkMRMLScalarVolumeNode}, a=3, c="x")
    assert (parameters.a, parameters.b, parameters.c, parameters.d, parameters.g) == (3, False, "x", 0.0, None)
    parameters.b, parameters.d, parameters.e, parameters.f = True, 2.5, [4, 5], pathlib.Path("/data")
    parameters.g = node = volume("A")
    raw = parameters.parameterNode
    assert raw.GetParameter("a") == "3"
    assert raw.GetParameter("b") == "True"
    assert [raw.GetParameter(f"e.{name}") for name in ("len", "0", "1")] == ["2", "4", "5"]
    assert raw.GetNodeReference("g") is node
    assert parameters.f == pathlib.Path("/data")


def test_a_second_view_of_the_node_sees_the_same(wrapped):
    first = wrapped({"a": int}, a=3)
    first.a = 5
    assert wrapped({"a": int}, first.parameterNode, a=3).a == 5


def test_a_list_writes_its_changes_back(wrapped):
    parameters = wrapped({"a": list[str]})
    parameters.a.append("x")
    parameters.a += ["y"]
    assert parameters.a == ["x", "y"]
    del parameters.a[0]
    assert parameters.a == ["y"]
    with pytest.raises(NotImplementedError):
        operator.add(parameters.a, ["z"])


def test_what_slicer_refuses_is_refused(wrapped):
    from slicer.parameterNodeWrapper import Choice, WithinRange

    parameters = wrapped(
        {"a": Annotated[int, WithinRange(0, 9)], "b": Annotated[str, Choice(["x", "y"])], "c": int}, b="x"
    )
    for name, value, error in (
        ("a", 10, ValueError),
        ("b", "z", ValueError),
        ("c", 1.5, TypeError),
        ("c", None, ValueError),
        ("c", "1", TypeError),
    ):
        with pytest.raises(error):
            setattr(parameters, name, value)
    assert (parameters.a, parameters.b, parameters.c) == (0, "x", 0)
    with pytest.raises(ValueError, match="is none of"):
        wrapped({"b": Annotated[str, Choice(["x", "y"])]})  # "" is no choice: a default is needed
    with pytest.raises(TypeError, match="cannot store"):
        wrapped({"a": object})
    with pytest.raises(ValueError, match="reserved name"):
        wrapped({"default": int})


def test_a_deleted_node_is_none(wrapped, volume, scene):
    parameters = wrapped({"a": slicer.vtkMRMLScalarVolumeNode})
    parameters.a = node = volume("A")
    scene.RemoveNode(node)
    assert parameters.a is None


def widget(kind, name, parameter):
    import qt

    made = getattr(qt, kind)() if kind.startswith("Q") else getattr(slicer, kind)()
    made.name = name
    made.setProperty("SlicerParameterName", parameter)
    return made


class Ui:
    """What childWidgetVariables returns."""

    def __init__(self, *widgets):
        for one in widgets:
            setattr(self, one.name, one)


def test_widget_and_parameter_are_kept_the_same(wrapped, scene, volume):
    from slicer.parameterNodeWrapper import Choice, WithinRange

    types = {"a": Annotated[int, WithinRange(2, 9)], "b": bool, "c": Annotated[str, Choice(["x", "y"])], "d": str}
    parameters = wrapped({**types, "e": slicer.vtkMRMLScalarVolumeNode}, a=3, c="x")
    kinds = zip(("QSpinBox", "QCheckBox", "QComboBox", "QLineEdit", "qMRMLNodeComboBox"), "abcde", strict=True)
    ui = Ui(*(widget(kind, f"{name}Widget", name) for kind, name in kinds))
    ui.eWidget.noneEnabled = True
    ui.eWidget.setMRMLScene(scene)
    tag = parameters.connectGui(ui)
    assert (ui.aWidget.value, ui.aWidget.minimum, ui.aWidget.maximum) == (3, 2, 9)
    assert [ui.cWidget.itemText(index) for index in range(ui.cWidget.count)] == ["x", "y"]
    node = volume("A")
    ui.aWidget.value, ui.bWidget.checked, ui.cWidget.currentText, ui.dWidget.text = 7, True, "y", "z"
    ui.eWidget.setCurrentNode(node)
    assert (parameters.a, parameters.b, parameters.c, parameters.d, parameters.e) == (7, True, "y", "z", node)
    parameters.a, parameters.c, parameters.e = 4, "x", None
    assert (ui.aWidget.value, ui.cWidget.currentText, ui.eWidget.currentNode()) == (4, "x", None)
    parameters.disconnectGui(tag)
    ui.aWidget.value = 9
    assert parameters.a == 4


@pytest.mark.parametrize(
    ("kind", "annotation", "complaint"),
    [
        ("QComboBox", str, "needs a parameter with Choice"),
        ("QSlider", int, "needs a parameter with WithinRange"),
        ("QSpinBox", float, "cannot be connected"),
        ("QRadioButton", bool, "cannot be connected"),
        ("qMRMLCheckableNodeComboBox", slicer.vtkMRMLScalarVolumeNode, "cannot be connected"),
    ],
)
def test_widgets_that_slicer_cannot_connect_are_refused(wrapped, kind, annotation, complaint):
    with pytest.raises(RuntimeError, match=complaint):
        wrapped({"a": annotation}).connectGui(Ui(widget(kind, "w", "a")))


def test_a_widget_that_names_no_parameter_is_refused(wrapped):
    with pytest.raises(ValueError, match="no parameter 'b'"):
        wrapped({"a": bool}).connectGui(Ui(widget("QCheckBox", "w", "b")))


def test_a_spin_box_without_annotation_loses_its_range(wrapped):
    box = widget("QSpinBox", "w", "a")
    box.minimum = 0
    wrapped({"a": int}).connectGui(Ui(box))
    assert box.minimum == -(2**31)


def test_values_are_saved_with_the_scene(wrapped, scene, tmp_path):
    parameters = wrapped({"a": list[str], "b": slicer.vtkMRMLScalarVolumeNode})
    parameters.a = ["x", "y"]
    parameters.parameterNode.SetName("Mine")
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    scene.Clear(0)
    assert scene.Import()
    assert wrapped({"a": list[str]}, scene.GetFirstNodeByName("Mine")).a == ["x", "y"]


def test_a_value_is_read_again_when_the_node_says_that_it_changed_and_not_before(wrapped, volume):
    parameters = wrapped({"a": int, "b": slicer.vtkMRMLScalarVolumeNode}, a=3)
    raw, node = parameters.parameterNode, volume("A")
    raw.DisableModifiedEventOn()
    raw.SetParameter("a", "5")
    raw.SetNodeReferenceID("b", node.GetID())
    raw.DisableModifiedEventOff()
    assert (parameters.a, parameters.b) == (3, None)
    raw.Modified()
    assert (parameters.a, parameters.b) == (5, node)
