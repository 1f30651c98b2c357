"""The project as a whole: its parts agree, and each keeps to its place."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINE = sorted((ROOT / "MedMetaSlicer" / "medmeta").rglob("*.py"))
MODULE = [ROOT / "MedMetaSlicer" / "MedMetaSlicer.py", *sorted((ROOT / "MedMetaSlicer/MedMetaSlicerLib").rglob("*.py"))]
DOCUMENTS = [
    path.relative_to(ROOT).as_posix()
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "Resources").rglob("*.md")])
]
HEAVY = {"torch", "monai", "SimpleITK", "scipy", "nilearn", "safetensors", "torchvision"}


def imported(path, top_level_only=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_the_engine_knows_neither_slicer_nor_a_widget():
    # Two baselines are Slicer's own filters and have to call them.
    others = [path for path in ENGINE if path.name not in ("fill_between_slices.py", "grow_from_seeds.py")]
    known = {str(path): {name.split(".")[0] for name in imported(path)} for path in others}
    assert {
        path for path, names in known.items() if names & {"slicer", "qt", "ctk", "vtk", "MedMetaSlicerLib"}
    } == set()


@pytest.mark.parametrize("path", MODULE, ids=lambda p: p.name)
def test_the_module_loads_no_heavy_package_at_start(path):
    assert not {name.split(".")[0] for name in imported(path, top_level_only=True)} & HEAVY


EXECUTING = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
"""Packages that execute what the files that they read say."""


def executing(tree):
    """Lines that read or write files of the kind, or execute text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found = {name.split(".")[0] for name in names} & EXECUTING
        elif isinstance(node, ast.Attribute):
            found = ast.unparse(node) in ("torch.load", "torch.save")
        elif isinstance(node, ast.Call):
            pickles = [word for word in node.keywords if word.arg == "allow_pickle"]
            found = any(ast.unparse(word.value) != "False" for word in pickles)
            found |= isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec")
        else:
            continue
        if found:
            yield node.lineno


def test_no_program_reads_or_writes_pickles_or_executes_text():
    programs = [path for folder in ("MedMetaSlicer", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    for path in (path for path in (ROOT / "scripts").rglob("*") if path.is_file()):
        if path.suffix == ".py" or path.read_bytes().startswith(b"#!/usr/bin/env python"):
            programs.append(path)
    assert len(programs) > 200
    trees = {str(path): ast.parse(path.read_text(encoding="utf-8")) for path in programs}
    assert {path: lines for path, tree in trees.items() if (lines := list(executing(tree)))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from pickle import loads", "import os, joblib.memory", "torch.load('x', weights_only=True)",
        "torch.save(x, 'x')", "np.load('x', allow_pickle=True)", "np.load('x', allow_pickle=given)", "eval('1')",
        "exec(text)",
    ],
)  # fmt: skip
def test_what_would_execute_a_file_is_found(line):
    assert list(executing(ast.parse(line))) == [1]
    harmless = "import json\nnetwork.eval()\nnp.load('x', allow_pickle=False)\nself.load(x)\nre.compile('x')"
    assert not list(executing(ast.parse(harmless)))


def test_importing_medmeta_or_its_command_line_loads_no_torch():
    code = "import sys, medmeta, medmeta.annotations, medmeta.errors, medmeta.progress; print('torch' in sys.modules)"
    environment = {"PYTHONPATH": str(ROOT / "MedMetaSlicer")}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert out.stdout.strip() == "False"


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    init = (ROOT / "MedMetaSlicer/medmeta/__init__.py").read_text(encoding="utf-8")
    assert re.search(r'__version__ = "(.+)"', init)[1] == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_file_is_too_long_to_be_read_in_one_go():
    sources = [p for folder in ("MedMetaSlicer", "Testing", "scripts") for p in (ROOT / folder).rglob("*.py")]
    assert [str(p) for p in sources if len(p.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_every_dependency_is_pinned_for_the_tests():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.match(r"[A-Za-z0-9-]+", name)[0].lower() for name in wanted}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {line.split("==")[0].lower() for line in lines if "==" in line}
    assert names <= pins


def anchors(path):
    """The anchors that a document's headings make."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_and_pictures_of_the_documents_exist(name):
    path = ROOT / name
    for link, source in re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", path.read_text(encoding="utf-8")):
        target, _, anchor = (link or source).partition("#")
        if not target.startswith("http"):
            there = path.parent / target if target else path
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if not name.startswith("Resources/")])
def test_prose_fits_into_120_characters(name):
    prose = re.sub(r"```.*?```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.S)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.lstrip().startswith("|")] == []
