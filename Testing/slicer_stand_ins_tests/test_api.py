"""No stand-in has more than the class has in Slicer."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

TESTING = Path(__file__).parents[1]
UI_FILES = sorted((TESTING.parent / "MedMetaSlicer/Resources/UI").glob("*.ui"))
DECLARATIONS = sorted((TESTING / "slicer_stand_ins/api").glob("*.json"))


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.stem)
def test_each_list_names_the_header_that_declares_the_class(path):
    declaration = json.loads(path.read_text(encoding="utf-8"))
    assert re.fullmatch(rf"(Slicer|CTK)/[\w/]+/{path.stem}\.h", declaration["source"])
    assert declaration["base"]


def test_each_stand_in_has_a_list(slicerPython):
    from slicer_stand_ins.api import declaration
    from slicer_stand_ins.installation import classes

    without = {name for name in classes() if declaration(name) is None}
    assert without == {"qSlicerMainWindow"}  # which is only there to be found


def test_each_stand_in_has_the_base_of_qt_that_the_class_has(slicerPython):
    from slicer_stand_ins.api import chain
    from slicer_stand_ins.installation import classes

    wrong = {}
    for name, cls in classes().items():
        declared, base = chain(cls)
        if declared and declared[-1]["base"].startswith("Q") and declared[-1]["base"] != base.__name__:
            wrong[name] = (declared[-1]["base"], base.__name__)
    assert wrong == {}


def test_signals_with_vtk_objects_are_the_classs_own(slicerPython):
    from slicer_stand_ins.api import chain
    from slicer_stand_ins.installation import classes

    for cls in classes().values():
        declared = {signature for item in chain(cls)[0] for signature in item["signals"]}
        for signature, signal in vars(cls).get("SIGNATURES", ()):
            assert signature in declared
            assert hasattr(cls, signal)


def test_properties_and_signals_of_a_stand_in_are_the_classs_own(slicerPython):
    from PySide6.QtCore import Property, Signal

    from slicer_stand_ins.api import chain
    from slicer_stand_ins.installation import classes

    for name, cls in classes().items():
        declared = chain(cls)[0]
        properties = {prop for item in declared for prop in item["properties"]}
        signals = {signature.split("(")[0] for item in declared for signature in item["signals"]}
        inner = {signal for _, signal in vars(cls).get("SIGNATURES", ())}
        for member, value in vars(cls).items():
            if isinstance(value, Property):
                assert member in properties, f"{name}.{member}"
            if isinstance(value, Signal) and member not in inner:
                assert member in signals, f"{name}.{member}"


def test_what_a_class_does_not_have_is_refused(slicerPython):
    import slicer

    box = slicer.qMRMLNodeComboBox()
    for name in ("nodes", "sceneModel", "comboBox", "_model", "currentNodeIs"):
        with pytest.raises(AttributeError):
            getattr(box, name)
    with pytest.raises(AttributeError, match="does not exist"):
        box.currentNode = None


def test_what_a_stand_in_lacks_is_told_from_what_slicer_lacks(slicerPython):
    import slicer

    with pytest.raises(NotImplementedError, match="lacks 'setMRMLColorLogic'"):
        slicer.app.layoutManager().setMRMLColorLogic(None)


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.name)
def test_ui_files_use_what_there_is(slicerPython, path):
    from slicer_stand_ins import api
    from slicer_stand_ins.installation import classes

    tree = ElementTree.parse(path)
    for widget in tree.iter("widget"):
        for prop in widget.findall("property"):
            if widget.get("class") in classes() and prop.get("stdset") != "0":
                api.checkProperty(classes()[widget.get("class")], prop.get("name"))
    classOf = {widget.get("name"): widget.get("class") for widget in tree.iter("widget")}
    for connection in tree.iter("connection"):
        for end, kind in (("sender", "signal"), ("receiver", "slot")):
            cls = classes().get(classOf[connection.find(end).text])
            if cls is not None:
                declared = {s for item in api.chain(cls)[0] for s in item[f"{kind}s"]}
                assert connection.find(kind).text in declared


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('name="noneEnabled"', 'name="nonEnabled"'), "no property 'nonEnabled'"),
        (("mrmlSceneChanged(vtkMRMLScene*)", "mrmlSceneChange(vtkMRMLScene*)"), "no signal mrmlSceneChange"),
        (("setMRMLScene(vtkMRMLScene*)", "setScene(vtkMRMLScene*)"), "no 'setScene' in Slicer"),
        (("<layout", '<property name="tooltip"><string>a</string></property><layout'), "no property 'tooltip'"),
        (('class="QVBoxLayout"', 'class="QBoxesLayout"'), "QBoxesLayout"),
        (('class="qMRMLNodeComboBox"', 'class="qMRMLNodesBox"'), "no stand-in for qMRMLNodesBox"),
    ],
)
def test_a_ui_file_with_a_mistake_is_not_opened(slicerPython, tmp_path, change, complaint):
    import slicer

    text = """<ui version="4.0"><class>A</class><widget class="qMRMLWidget" name="A">
      <layout class="QVBoxLayout" name="l"><item><widget class="qMRMLNodeComboBox" name="B">
        <property name="noneEnabled"><bool>true</bool></property></widget></item></layout></widget>
      <connections><connection><sender>A</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
        <receiver>B</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""
    path = tmp_path / "a.ui"
    path.write_text(text, encoding="utf-8")
    assert slicer.util.loadUI(str(path)).children()
    path.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(Exception, match=complaint):
        slicer.util.loadUI(str(path))
