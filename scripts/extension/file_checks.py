"""Checks of the repository's files as such, and of what is installed with the modules."""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter

MEBIBYTE = 2**20
LARGEST_FILE = 25 * MEBIBYTE
LARGEST_CLONE = 100 * MEBIBYTE
"""The index refuses more, history included."""
LONGEST_PATH = 150
"""Characters; Windows takes 260 with the folder that Slicer's extensions are installed in."""


def check_line_ends(tree):
    """Text files have line ends of one character (LF)."""
    found = []
    for name in tree.files():
        content = tree.bytes(name)
        if b"\0" not in content and b"\r" in content:
            found.append(f"{name}: has line ends other than LF")
    return found


def check_sizes(tree):
    """No file, and no clone of the repository, is too large."""
    sizes = {name: (tree.root / name).stat().st_size for name in tree.files()}
    found = [
        f"{name}: {size / MEBIBYTE:.0f} MB, and 25 MB are allowed"
        for name, size in sizes.items()
        if size > LARGEST_FILE
    ]
    total = sum(sizes.values()) + tree.history_bytes()
    if total > LARGEST_CLONE:
        largest = max(sizes, key=sizes.get)
        found.append(
            f"all files with history: {total / MEBIBYTE:.0f} MB, and 100 MB are allowed; the largest is {largest}"
        )
    return found


def check_paths(tree):
    """Paths work on every system: no spaces or other characters, none too long, none that differ in case alone."""
    names, found = tree.files(), []
    for name in names:
        if not re.fullmatch(r"[\w./+-]+", name, flags=re.ASCII):
            found.append(f"{name}: has characters other than letters, digits and . / + - _")
        if len(name) > LONGEST_PATH:
            found.append(f"{name}: is longer than {LONGEST_PATH} characters")
        if (tree.root / name).is_symlink():
            found.append(f"{name}: is a link, which Windows does not know")
    lower = Counter(name.lower() for name in names)
    found += [f"{name}: differs from another file in case alone" for name in names if lower[name.lower()] > 1]
    return found


def check_old_entry(tree):
    """There is no .s4ext file: the index has JSON instead."""
    return [f"{name}: the index takes JSON instead" for name in tree.files() if name.endswith(".s4ext")]


def check_scripts(tree):
    """Each module's CMakeLists.txt lists every Python file of the module, sorted, and none that is missing."""
    return _compare(tree, "MODULE_PYTHON_SCRIPTS", lambda name: name.endswith(".py"), first_is_the_module=True)


def check_resources(tree):
    """Each module's CMakeLists.txt lists every file in the module's Resources, and none that is missing."""
    return _compare(tree, "MODULE_PYTHON_RESOURCES", lambda name: name.startswith("Resources/"))


def _compare(tree, variable, belongs, first_is_the_module=False):
    found = []
    for module in tree.modules():
        cmake = f"{module}/CMakeLists.txt"
        listed = tree.listed(module, variable)
        inside = [name.removeprefix(f"{module}/") for name in tree.files() if name.startswith(f"{module}/")]
        present = {name for name in inside if belongs(name)}
        found += [f"{cmake}: {variable} does not list {name}" for name in sorted(present - set(listed))]
        found += [f"{cmake}: {variable} lists {name}, which is missing" for name in sorted(set(listed) - present)]
        found += [f"{cmake}: {variable} lists {name} twice" for name, count in Counter(listed).items() if count > 1]
        rest = listed[1:] if first_is_the_module else []
        if rest != sorted(rest):
            out = next(a for a, b in zip(rest, sorted(rest), strict=True) if a != b)
            found.append(f"{cmake}: {variable} is not sorted from {out} on")
    return found


def check_weights(tree):
    """The top-level CMakeLists.txt installs the weights; nothing works without them."""
    weights = [name for name in tree.files() if name.startswith("Resources/Weights/") and name.endswith(".safetensors")]
    if not weights:
        return ["Resources/Weights: has no weights (*.safetensors)"]
    if "install(DIRECTORY Resources/Weights/ " not in tree.text("CMakeLists.txt"):
        return ["CMakeLists.txt: does not install(DIRECTORY Resources/Weights/ ...)"]
    return []


def check_requirements(tree):
    """The Python packages that are installed inside Slicer are those of pyproject.toml."""
    found = re.search(r"^dependencies = \[\n(.*?)^\]", tree.text("pyproject.toml"), flags=re.DOTALL | re.MULTILINE)
    wanted = set(re.findall(r'"([^"]+)"', found[1])) if found else set()
    problems = []
    for module in tree.modules():
        name = f"{module}/Resources/requirements.txt"
        lines = {line.strip() for line in tree.text(name).splitlines() if line.strip() and not line.startswith("#")}
        problems += [f"{name}: lacks {line}, which pyproject.toml has" for line in sorted(wanted - lines)]
        problems += [f"{name}: has {line}, which pyproject.toml lacks" for line in sorted(lines - wanted)]
    return problems


def check_interfaces(tree):
    """Qt Designer's files have a qMRMLWidget at the root, which hands the scene on to every node selector."""
    found = []
    for name in tree.files():
        if not name.endswith(".ui"):
            continue
        try:
            root = ElementTree.fromstring(tree.text(name))
        except ElementTree.ParseError as error:
            found.append(f"{name}: is no XML: {error}")
            continue
        top = root.find("widget")
        if top is None or top.get("class") != "qMRMLWidget":
            found.append(f"{name}: its root is no qMRMLWidget")
            continue
        selectors = {w.get("name") for w in root.iter("widget") if "NodeComboBox" in w.get("class", "")}
        told = {
            connection.findtext("receiver")
            for connection in root.iter("connection")
            if connection.findtext("sender") == top.get("name")
            and connection.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
            and connection.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
        }
        found += [f"{name}: {selector} is not told of the scene" for selector in sorted(selectors - told)]
    return found


CHECKS = {
    "line ends": check_line_ends,
    "sizes": check_sizes,
    "paths": check_paths,
    "no .s4ext": check_old_entry,
    "Python files in CMake": check_scripts,
    "resources in CMake": check_resources,
    "weights installed": check_weights,
    "requirements": check_requirements,
    "Qt Designer files": check_interfaces,
}
