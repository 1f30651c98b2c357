import ast
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

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
    classes = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    assert classes == [
        "MedMetaSlicer",
        "MedMetaSlicerParameterNode",
        "MedMetaSlicerWidget",
        "MedMetaSlicerLogic",
        "MedMetaSlicerTest",
    ]
    assert path.stat().st_size < 8_000


def test_nothing_heavy_is_imported_when_the_module_is_loaded():
    for path in (MODULE / "MedMetaSlicer.py", *(MODULE / "MedMetaSlicerLib").glob("*.py")):
        names = imported_at_load(path)
        assert not {name.split(".")[0] for name in names} & HEAVY, path
        assert not {
            name for name in names if re.match(r"medmeta\.(adaptation|learners|networks|priors|episodes)", name)
        }, path


def test_every_widget_that_the_code_uses_is_in_the_ui_file():
    used = set(re.findall(r"self\.ui\.(\w+)", (MODULE / "MedMetaSlicerLib/panel.py").read_text()))
    used |= set(re.findall(r"\bui\.(\w+Button|\w+Selector)\b", (MODULE / "MedMetaSlicerLib/panel.py").read_text()))
    assert used
    assert used <= set(widgets())


def test_parameter_names_in_the_ui_file_are_the_parameter_nodes():
    tree = ast.parse((MODULE / "MedMetaSlicer.py").read_text())
    (node,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "MedMetaSlicerParameterNode"]
    parameters = {statement.target.id for statement in node.body if isinstance(statement, ast.AnnAssign)}
    named = {
        prop.find("string").text
        for widget in widgets().values()
        for prop in widget.findall("property")
        if prop.get("name") == "SlicerParameterName"
    }
    assert named == parameters


def test_every_node_selector_gets_the_scene():
    tree = ElementTree.parse(MODULE / "Resources/UI/MedMetaSlicer.ui")
    selectors = {name for name, widget in widgets().items() if "NodeComboBox" in widget.get("class")}
    connected = {
        connection.find("receiver").text
        for connection in tree.iter("connection")
        if connection.find("signal").text == "mrmlSceneChanged(vtkMRMLScene*)"
    }
    assert connected == selectors
    assert widgets()["MedMetaSlicer"].get("class") == "qMRMLWidget"


def test_cmake_lists_every_python_file():
    listed = set(re.findall(r"^\s+(\S+\.py)$", (MODULE / "CMakeLists.txt").read_text(), flags=re.MULTILINE))
    present = {
        path.relative_to(MODULE).as_posix()
        for folder in ("MedMetaSlicerLib", "medmeta")
        for path in (MODULE / folder).rglob("*.py")
    }
    assert listed - {"${MODULE_NAME}.py"} == present
