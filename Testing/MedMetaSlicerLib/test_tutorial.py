"""The code of docs/tutorial-scripts.md, as it stands there, on a real scene with a small network."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs/tutorial-scripts.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TUTORIAL, flags=re.DOTALL)
SCRIPT = next(block for block in BLOCKS if "sys.argv" in block)
CONSOLE = [block for block in BLOCKS if block is not SCRIPT]


def read(scene, storageClass, nodeClass, path):
    """A node from a file, by Slicer's own reader."""
    node = scene.AddNewNodeByClass(nodeClass, Path(path).name.split(".")[0])
    storage = scene.AddNewNodeByClass(storageClass)
    storage.SetFileName(str(path))
    assert storage.ReadData(node), path
    return node


def write(scene, node, path):
    """A segmentation into a file, by Slicer's own writer; True where that worked."""
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(path))
    return bool(storage.WriteData(node))


@pytest.fixture
def console(scene, checkpoint, monkeypatch):
    """A ball, drawn on three slices, under the names of the tutorial, in a scene with the module and files.

    What Slicer's application does, and slicer-core lacks, is stood in for: reading and writing by file type, modules,
    and pip. The files that it writes and reads, and the work in between, are real.
    """
    import slicer

    from MedMetaSlicerLib import installation
    from MedMetaSlicerLib.process import Process
    from MedMetaSlicerLib.selftest import ballInAVolume

    volumeNode, segmentationNode, ball = ballInAVolume()
    volumeNode.SetName("MRHead")
    segmentationNode.SetName("Segmentation")
    calls = []
    process = Process()

    def recorded(*arguments, **options):
        calls.append((arguments, options))
        weights = {} if "learner" in options else {"checkpoint": checkpoint}  # a learner that is named brings its own
        return process(*arguments, **{"device": "cpu", **weights, **options})

    def getModuleLogic(name):
        assert name == "MedMetaSlicer"
        return SimpleNamespace(process=recorded)

    def loadVolume(path):
        return read(scene, "vtkMRMLVolumeArchetypeStorageNode", "vtkMRMLScalarVolumeNode", path)

    def loadSegmentation(path):
        return read(scene, "vtkMRMLSegmentationStorageNode", "vtkMRMLSegmentationNode", path)

    monkeypatch.setattr(installation, "makeInstaller", lambda confirm, showError: installation.Installer(confirm, None))
    for stand_in in (getModuleLogic, loadVolume, loadSegmentation):
        monkeypatch.setattr(slicer.util, stand_in.__name__, stand_in)
    monkeypatch.setattr(slicer.util, "saveNode", lambda node, path: write(scene, node, path))
    return SimpleNamespace(scene=scene, volumeNode=volumeNode, ball=ball, calls=calls, load=loadSegmentation)


def share(console, node, volumeNode=None):
    from MedMetaSlicerLib.selftest import sharesOfBall

    return sharesOfBall(node, volumeNode or console.volumeNode, console.ball)


def saved(scene, volumeNode, path):
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    assert storage.WriteData(volumeNode)


def test_the_console_part_runs_from_top_to_bottom(console, tmp_path, capsys):
    import slicer

    for name in ("patient2", "patient3"):
        saved(console.scene, console.volumeNode, tmp_path / f"{name}.nrrd")
    code = "\n".join(CONSOLE)
    assert '"/data/' in code
    names = {"slicer": slicer}
    exec(compile(code.replace('"/data/', f'"{tmp_path}/'), "tutorial-scripts.md", "exec"), names)

    assert names["ready"] is True
    assert share(console, names["completed"]) > 0.8
    probabilities = slicer.util.arrayFromVolume(names["confidence"])
    assert probabilities.shape == console.ball.shape
    assert 0 <= probabilities.min() < probabilities.max() <= 1
    assert len(names["predicted"]) == 2
    for name in ("patient2", "patient3"):
        assert (tmp_path / f"{name}.seg.nrrd").stat().st_size > 0
        again = console.load(tmp_path / f"{name}.seg.nrrd")
        assert again.GetSegmentation().GetNthSegment(0).GetName() == "Ball"
    printed = capsys.readouterr().out
    assert "MRHead MedMeta" in printed
    assert "Nothing drawn" in printed, "the error names the node"


def test_the_slice_that_is_said_to_be_empty_comes_back_empty(console):
    import slicer

    names = {"slicer": slicer}
    exec("\n".join(block for block in CONSOLE[1:3]), names)
    (options,) = [options for _, options in console.calls if "slices" in options]
    segmentId = names["completed"].GetSegmentation().GetNthSegmentID(0)
    found = slicer.util.arrayFromSegmentBinaryLabelmap(names["completed"], segmentId, console.volumeNode)
    assert options["slices"] == [3, 4, 7, 10]
    assert not found[3].any()
    assert np.asarray(found[4]).any()


@pytest.fixture
def files(console, tmp_path):
    """Volume and drawing in files."""
    import slicer

    saved(console.scene, console.volumeNode, tmp_path / "ct.nrrd")
    assert write(console.scene, slicer.util.getNode("Segmentation"), tmp_path / "drawn.seg.nrrd")
    console.scene.Clear()
    return tmp_path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["complete.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        exec(compile(SCRIPT, "complete.py", "exec"), {"__name__": "__main__"})
    return end.value.code


def test_the_script_without_a_window_goes_from_file_to_file(console, files, monkeypatch):
    assert run(monkeypatch, files / "ct.nrrd", files / "drawn.seg.nrrd", files / "result.seg.nrrd") == 0
    console.scene.Clear()
    volumeNode = read(console.scene, "vtkMRMLVolumeArchetypeStorageNode", "vtkMRMLScalarVolumeNode", files / "ct.nrrd")
    assert share(console, console.load(files / "result.seg.nrrd"), volumeNode) > 0.8


def test_the_script_ends_with_1_and_the_reason_where_something_fails(console, files, monkeypatch, capsys):
    assert run(monkeypatch, files / "ct.nrrd") == 1
    assert "TypeError" in capsys.readouterr().err
    monkeypatch.setattr("MedMetaSlicerLib.installation.install", lambda: False)
    assert run(monkeypatch, files / "ct.nrrd", files / "drawn.seg.nrrd", files / "result.seg.nrrd") == 1
    assert "Python packages are missing" in capsys.readouterr().err
    assert not (files / "result.seg.nrrd").exists()


def test_the_command_line_in_the_tutorial_gives_the_script_what_it_takes():
    (line,) = re.findall(r"^Slicer .*$", TUTORIAL, flags=re.MULTILINE)
    options, arguments = line.split(" complete.py ")
    assert options == "Slicer --no-splash --no-main-window --python-script"
    assert len(arguments.split()) == 3
    assert "def main(volumePath, drawnPath, resultPath)" in SCRIPT
