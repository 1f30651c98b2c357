import ast
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "MedMetaSlicer"
HEAVY = {"torch", "monai", "SimpleITK", "scipy", "safetensors", "typer", "rich", "PIL", "nilearn"}


def imported_at_load(path):
    """Top-level names imported when the file is loaded."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def widgets():
    tree = ElementTree.parse(MODULE / "Resources/UI/MedMetaSlicer.ui")
    return {widget.get("name"): widget for widget in tree.iter("widget")}


def test_the_module_file_has_its_four_classes_and_little_else():
    path = MODULE / "MedMetaSlicer.py"
    classes = [node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]
    assert classes == [
        "MedMetaSlicer",
        "MedMetaSlicerParameterNode",
        "MedMetaSlicerWidget",
        "MedMetaSlicerLogic",
        "MedMetaSlicerTest",
    ]
    assert path.stat().st_size < 8_000


def test_nothing_heavy_is_imported_when_the_module_is_loaded():
    for path in (MODULE / "MedMetaSlicer.py", *(MODULE / "MedMetaSlicerLib").rglob("*.py")):
        names = imported_at_load(path)
        assert not {name.split(".")[0] for name in names} & HEAVY, path
        assert not {
            name for name in names if re.match(r"medmeta\.(adaptation|learners|networks|priors|episodes)", name)
        }, path


def test_every_widget_that_the_code_uses_is_in_the_ui_file():
    parts = (MODULE / "MedMetaSlicerLib/panel").glob("*.py")
    used = {name for part in parts for name in re.findall(r"\bui\.(\w+)", part.read_text(encoding="utf-8"))}
    assert used
    assert used <= set(widgets())


def parameters():
    """The parameter node's members, each with its annotation as text."""
    tree = ast.parse((MODULE / "MedMetaSlicer.py").read_text(encoding="utf-8"))
    (node,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "MedMetaSlicerParameterNode"]
    return {s.target.id: ast.unparse(s.annotation) for s in node.body if isinstance(s, ast.AnnAssign)}


def test_parameter_names_in_the_ui_file_are_the_parameter_nodes():
    named = {
        prop.find("string").text
        for widget in widgets().values()
        for prop in widget.findall("property")
        if prop.get("name") == "SlicerParameterName"
    }
    assert named <= set(parameters())
    # What no widget shows by itself: the panel's parts do.
    assert set(parameters()) - named == {"preview", "cohortFolder", "cohortInput", "cohortOutput", "task"}


@pytest.mark.parametrize(
    ("name", "selector"),
    [("device", "deviceSelector"), ("learner", "learnerSelector"), ("cohortSource", "sourceSelector")],
)
def test_a_combo_box_is_bound_to_the_choices_that_it_shows(name, selector):
    # Slicer refuses to connect a combo box to a parameter without Choice, and the panel would not open.
    items = [item.text for item in widgets()[selector].findall("item/property/string")]
    assert parameters()[name] == f"Annotated[str, Choice({items})]"


def test_the_seed_cannot_become_negative():
    # Slicer sets a spin box's range from the parameter's annotation alone.
    assert parameters()["seed"] == "Annotated[int, WithinRange(0, 999999)]"


def test_every_node_selector_gets_the_scene():
    tree = ElementTree.parse(MODULE / "Resources/UI/MedMetaSlicer.ui")
    selectors = {name for name, widget in widgets().items() if "NodeComboBox" in widget.get("class")}
    connected = {
        connection.find("receiver").text
        for connection in tree.iter("connection")
        if connection.find("signal").text == "mrmlSceneChanged(vtkMRMLScene*)"
    }
    assert connected == {*selectors, "segmentEditorWidget"}
    assert widgets()["MedMetaSlicer"].get("class") == "qMRMLWidget"


def test_cmake_lists_every_python_file():
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\s+(\S+\.py)$", text, flags=re.MULTILINE))
    present = {
        path.relative_to(MODULE).as_posix()
        for folder in ("MedMetaSlicerLib", "medmeta")
        for path in (MODULE / folder).rglob("*.py")
    }
    assert listed - {"${MODULE_NAME}.py"} == present
