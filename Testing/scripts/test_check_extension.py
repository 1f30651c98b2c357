"""Each test breaks one thing in a copy of the repository, and the check must fail, and name the file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from extension.check import CHECKS, problems, report
from extension.tree import Tree

ROOT = Path(__file__).resolve().parents[2]
TOP = "CMakeLists.txt"
ENTRY = "Resources/ExtensionsIndex/MedMetaSlicer.json"
MODULE = "MedMetaSlicer/MedMetaSlicer.py"
CMAKE = "MedMetaSlicer/CMakeLists.txt"
LISTED, NEXT = "  medmeta/devices.py\n", "  medmeta/disk.py\n"
LIBRARY = "MedMetaSlicer/MedMetaSlicerLib/process.py"
UI = "MedMetaSlicer/Resources/UI/MedMetaSlicer.ui"
REQUIREMENTS = "MedMetaSlicer/Resources/requirements.txt"


class Copy:
    """A copy of the repository that is taken to pieces."""

    def __init__(self, root):
        self.root = root
        for name in Tree(ROOT).files():
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(ROOT / name, target)  # weights are large; whoever changes a file here writes a new one
            except OSError:
                shutil.copyfile(ROOT / name, target)

    def write(self, name, content):
        path = self.root / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))

    def change(self, name, old, new):
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r} to change"
        self.write(name, text.replace(old, new, 1))

    def add(self, name, text):
        self.write(name, (self.root / name).read_text(encoding="utf-8") + text)

    def remove(self, name):
        (self.root / name).unlink()

    def sparse(self, name, mebibytes):
        self.write(name, b"")
        os.truncate(self.root / name, mebibytes * 2**20)

    def failed(self, titles=tuple(CHECKS)):
        return {title: texts for title, texts in problems(self.root, titles).items() if texts}


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path)


def test_this_repository_passes_every_check():
    assert {title: texts for title, texts in problems(ROOT).items() if texts} == {}


def test_a_copy_without_git_passes_too(copy):
    assert copy.failed() == {}


def change(name, old, new):
    return lambda copy: copy.change(name, old, new)


def add(name, text):
    return lambda copy: copy.add(name, text)


def write(name, content):
    return lambda copy: copy.write(name, content)


def remove(name):
    return lambda copy: copy.remove(name)


# the damage, the file that the message must name, and words of it
BROKEN = {
    "names agree": [
        (change(TOP, "project(MedMetaSlicer)", "project(Other)"), TOP, "Other"),
        (change(TOP, "project(MedMetaSlicer)", "project(SlicerMedMeta)"), TOP, "begin with Slicer"),
        (remove(ENTRY), ENTRY, "none"),
        (write("Resources/ExtensionsIndex/Other.json", "{}\n"), "Other.json", "there is"),
        (remove(MODULE), MODULE, "missing"),
    ],
    "index entry": [
        (change(ENTRY, '"tier": 1', '"tier": 6'), ENTRY, "1 to 5"),
        (change(ENTRY, '"tier": 1', '"tier": "1"'), ENTRY, "type int"),
        (change(ENTRY, '"tier": 1', '"tier": true'), ENTRY, "type int"),
        (change(ENTRY, '"tier": 1', '"tier": 1,\n  "name": "x"'), ENTRY, "name is no field"),
        (change(ENTRY, '"category"', '"categories"'), ENTRY, "category is missing"),
        (change(ENTRY, "v1.0.2", "v0.9"), ENTRY, "$schema"),
        (change(ENTRY, "{", "{,"), ENTRY, "no JSON"),
        (write(ENTRY, "[]\n"), ENTRY, "no JSON object"),
        (change(ENTRY, '  "tier"', '    "tier"'), ENTRY, "indent"),
    ],
    "extension metadata": [
        (change(TOP, "EXTENSION_CONTRIBUTORS", "AUTHORS"), TOP, "EXTENSION_CONTRIBUTORS"),
        (change(TOP, '"MedMetaSlicer contributors"', '""'), TOP, "EXTENSION_CONTRIBUTORS"),
        (change(TOP, "in seconds.", "in seconds. A. B. C."), TOP, "two sentences"),
    ],
    "category": [
        (change(TOP, '"Segmentation"', '"Segmenting"'), TOP, "Segmenting"),
        (change(ENTRY, '"Segmentation"', '"Wizards"'), ENTRY, "Wizards"),
    ],
    "dependencies": [
        (change(TOP, '"PyTorch"', '"NA"'), TOP, "PyTorch"),
        (change(ENTRY, '"PyTorch"', '"MONAILabel"'), ENTRY, "MONAILabel"),
    ],
    "repository address": [
        (change(ENTRY, "https://github.com/", "svn://github.com/"), ENTRY, "scm_url"),
        (change(ENTRY, '"scm_revision": "main"', '"scm_revision": ""'), ENTRY, "branch"),
        (change(TOP, "https://github.com/", "https://example.org/"), TOP, "EXTENSION_HOMEPAGE"),
    ],
    "icon and screenshots": [
        (change(TOP, "Resources/MedMetaSlicer.png", "Resources/Icon.png"), TOP, "Resources/Icon.png"),
        (change(TOP, "main/Resources/Screenshots", "old/Resources/Screenshots"), TOP, "old/"),
        (write("Resources/MedMetaSlicer.png", "text"), "Resources/MedMetaSlicer.png", "no picture"),
    ],
    "licence": [
        (remove("LICENSE.txt"), "LICENSE.txt", "missing"),
        (write("LICENSE.txt", "All rights reserved.\n"), "LICENSE.txt", "Apache"),
        (change("pyproject.toml", '"Apache-2.0"', '"MIT"'), "pyproject.toml", "licence"),
    ],
    "README": [
        (change("README.md", "# MedMetaSlicer\n", "# Something\n"), "README.md", "heading"),
        (change("README.md", "Install in Slicer", "Getting it"), "README.md", "Install in Slicer"),
    ],
    "line ends": [(write("docs/new.md", b"one\r\ntwo\r\n"), "docs/new.md", "LF")],
    "sizes": [
        (lambda copy: copy.sparse("Resources/large.bin", 26), "Resources/large.bin", "26 MB"),
        (lambda copy: [copy.sparse(f"Resources/{i}.bin", 24) for i in range(5)], ".bin", "100 MB"),
    ],
    "paths": [
        (write("docs/with space.md", "x\n"), "docs/with space.md", "characters"),
        (write(f"docs/{'x' * 150}.md", "x\n"), "x.md", "longer"),
        (write("readme.md", "x\n"), "readme.md", "case"),
        (lambda copy: (copy.root / "docs/link.md").symlink_to("architecture.md"), "docs/link.md", "link"),
    ],
    "no .s4ext": [(write("MedMetaSlicer.s4ext", "x\n"), "MedMetaSlicer.s4ext", "JSON")],
    "Python files in CMake": [
        (write("MedMetaSlicer/medmeta/new.py", ""), CMAKE, "does not list medmeta/new.py"),
        (change(CMAKE, "medmeta/errors.py", "medmeta/mistakes.py"), CMAKE, "mistakes.py, which is missing"),
        (change(CMAKE, LISTED, LISTED + LISTED), CMAKE, "twice"),
        (change(CMAKE, LISTED + NEXT, NEXT + LISTED), CMAKE, "not sorted"),
    ],
    "resources in CMake": [
        (change(CMAKE, "  Resources/requirements.txt\n", ""), CMAKE, "does not list Resources/requirements.txt"),
        (remove("MedMetaSlicer/Resources/Icons/MedMetaHead.png"), CMAKE, "MedMetaHead.png, which is missing"),
    ],
    "weights installed": [(change(TOP, "install(DIRECTORY", "message("), TOP, "install")],
    "requirements": [(change(REQUIREMENTS, "monai>=1.5", "monai>=1.3"), REQUIREMENTS, "lacks monai>=1.5")],
    "Qt Designer files": [
        (change(UI, '"qMRMLWidget"', '"QWidget"'), UI, "qMRMLWidget"),
        (change(UI, "mrmlSceneChanged", "clicked"), UI, "not told of the scene"),
        (change(UI, "</ui>", ""), UI, "no XML"),
    ],
    "imports at start-up": [
        (change(MODULE, "import vtk\n", "import torch\nimport vtk\n"), MODULE, "imports torch"),
        (add("MedMetaSlicer/medmeta/errors.py", "\nimport scipy.ndimage\n"), "medmeta/errors.py", "imports scipy"),
        (add(LIBRARY, "\ntry:\n    import PIL\nexcept ImportError:\n    PIL = None\n"), LIBRARY, "imports PIL"),
        (add(LIBRARY, "\nfrom medmeta.adaptation.engine import adapt\n"), "medmeta/", "imports torch"),
        (add(MODULE, "\ndef broken(:\n"), MODULE, "invalid syntax"),
        (write(LIBRARY, b"\xff\xfe"), LIBRARY, "no text in UTF-8"),
    ],
    "nothing installed at start-up": [
        (add(MODULE, '\nslicer.util.pip_install("monai")\n'), MODULE, "when Slicer starts"),
        (change(MODULE, "ScriptedLoadableModule.__init__(", "check_call("), MODULE, "check_call when Slicer starts"),
        (add(LIBRARY, '\n\ndef hidden():\n    pip_install("torch")\n'), LIBRARY, "installation.py is there for that"),
    ],
}


@pytest.mark.parametrize(
    ("title", "damage", "file", "words"),
    [pytest.param(title, *case, id=f"{title} {i}") for title, cases in BROKEN.items() for i, case in enumerate(cases)],
)
def test_what_is_broken_is_found_and_the_file_is_named(copy, title, damage, file, words):
    damage(copy)
    texts = copy.failed([title]).get(title, [])
    assert any(file in text and words in text for text in texts), texts


def test_every_check_has_been_seen_to_fail():
    assert set(BROKEN) == set(CHECKS)
    assert all(BROKEN.values())


def test_one_damage_fails_its_own_check_alone(copy):
    copy.change(CMAKE, "  Resources/requirements.txt\n", "")
    assert set(copy.failed()) == {"resources in CMake"}


def test_imports_inside_functions_and_for_type_checking_are_free(copy):
    copy.add(LIBRARY, "\n\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import torch\n")
    copy.add(LIBRARY, "\n\ndef later():\n    import monai\n")
    assert copy.failed() == {}


def test_the_report_has_one_line_a_check_and_tells_what_is_to_be_seen_to_by_hand(copy):
    lines = []
    assert report(copy.root, lines.append) == 0
    assert [line[6:] for line in lines if line.startswith("ok ")] == list(CHECKS)
    assert any(line.startswith("note") and "3d-slicer-extension" in line for line in lines)
    copy.remove("LICENSE.txt")
    lines.clear()
    assert report(copy.root, lines.append) == 1
    assert "FAIL  licence: LICENSE.txt: is missing" in lines
    assert sum(line.startswith(("ok ", "FAIL ")) for line in lines) == len(CHECKS)


def test_the_command_exits_with_1_where_a_check_fails(copy):
    command = [sys.executable, str(ROOT / "scripts/check_extension"), str(copy.root)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    copy.change(ENTRY, '"tier": 1', '"tier": 9')
    out = subprocess.run(command, capture_output=True, text=True)
    assert out.returncode == 1
    assert ENTRY in out.stdout


def test_ci_runs_it():
    assert '"$python" scripts/check_extension' in (ROOT / ".ci/run").read_text(encoding="utf-8")
