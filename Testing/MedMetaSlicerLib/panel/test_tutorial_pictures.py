"""The pictures of docs/tutorial.md: the panel and a slice view, with the real engine on the ICBM 152 brain.

`scripts/screenshots` runs it and writes them into Resources/Screenshots.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import slicer

pytestmark = pytest.mark.slow

DRAWN = (6, 15, 24, 33, 42)
BETWEEN = 20
"""A slice that nobody drew."""


@pytest.fixture
def workplace(slicerPython, monkeypatch, tmp_path):
    """The real worker; saved tasks in a folder of the test's."""
    from MedMetaSlicerLib import application

    monkeypatch.setattr(application, "taskFolder", lambda: tmp_path / "tasks")
    return tmp_path


@pytest.fixture
def brain(scene):
    """Volume node, segmentation node, (K, J, I) label map; two structures are drawn on five slices."""
    from medmeta.annotations import Segment
    from medmeta.evaluation.brain import icbm_brain
    from MedMetaSlicerLib.scene.segmentations import addSegmentation
    from MedMetaSlicerLib.scene.volumes import addVolumeLike

    found = icbm_brain()
    if found is None:
        pytest.skip("needs nilearn, of the optional dependency 'demo'")
    image, truth = found
    grid = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "grid")
    direction = np.diag([-1, -1, 1]) @ np.reshape(image.geometry.direction, (3, 3))
    matrix = slicer.util.vtkMatrixFromArray(
        np.vstack(
            [
                np.hstack(
                    [
                        direction * image.geometry.spacing,
                        (np.diag([-1, -1, 1]) @ np.array(image.geometry.origin))[:, None],
                    ]
                ),
                [0, 0, 0, 1],
            ]
        )
    )
    grid.SetIJKToRASMatrix(matrix)
    volumeNode = addVolumeLike(grid, image.array.astype(np.float32), "Brain")
    other = 0.8 * np.roll(image.array.astype(np.float32), 4, axis=0)
    other[:4] = 0
    noise = np.random.default_rng(0).normal(20, 3, other.shape)
    addVolumeLike(grid, (other + noise).astype(np.float32), "Follow-up")
    scene.RemoveNode(grid)
    labels = np.zeros_like(truth.array)
    labels[:, :, list(DRAWN)] = truth.array[:, :, list(DRAWN)]
    segments = (Segment(1, "Lateral ventricles", (0.2, 0.6, 0.9)), Segment(2, "White matter", (0.95, 0.75, 0.3)))
    return volumeNode, addSegmentation(labels, segments, volumeNode, "Drawing"), truth.array


@pytest.fixture
def view(application, brain):
    """A function that writes a picture of an axial slice."""
    import slice_views

    from MedMetaSlicerLib.scene.views import jumpToSlice

    views = slice_views.sliceViews(application, size=(520, 520), orientations=("axial",))
    slice_views.show(views, brain[0])

    def picture(position, path):
        jumpToSlice(brain[0], 2, position)
        return slice_views.picture(views["axial"], path)

    return picture


def sideBySide(left, right, path):
    """Two pictures in one, on white."""
    from PIL import Image

    first, second = (Image.open(p).convert("RGB") for p in (left, right))
    whole = Image.new("RGB", (first.width + second.width + 12, max(first.height, second.height)), "white")
    whole.paste(first, (0, 0))
    whole.paste(second, (first.width + 12, 0))
    whole.save(path, optimize=True)


def test_from_five_drawn_slices_to_a_cohort(panel, brain, view, tmp_path):
    out = Path(os.environ.get("MEDMETA_SCREENSHOTS", tmp_path))
    volumeNode, segmentationNode, truth = brain

    def shot(name, position, theme="light"):
        panel.screenshot(tmp_path / "panel.png", theme, width=420)
        view(position, tmp_path / "view.png")
        sideBySide(tmp_path / "view.png", tmp_path / "panel.png", out / f"tutorial_{name}.png")

    panel.choose("volumeSelector", volumeNode)
    panel.choose("segmentationSelector", segmentationNode)
    panel.wait(lambda: panel.ui.slicesTable.rowCount == len(DRAWN))
    shot("1_draw", DRAWN[1])
    panel.click("drawCollapsibleButton")
    panel.click("adaptButton")
    panel.wait(lambda: panel.ui.progressBar.visible and panel.logic.bench.result.shown, 120)
    shot("2_adapting", BETWEEN)
    panel.wait(lambda: not panel.logic.bench.busy, 300)
    panel.click("slicesCollapsibleButton")
    shot("3_result", BETWEEN)
    node = panel.logic.getParameterNode().preview
    found = slicer.util.arrayFromSegmentBinaryLabelmap(node, node.GetSegmentation().GetNthSegmentID(1), volumeNode) > 0
    white = truth.transpose(2, 1, 0) == 2
    assert 2 * (found & white).sum() / (found.sum() + white.sum()) > 0.8
    panel.click("resultCollapsibleButton")
    panel.expand("cohortCollapsibleButton")
    panel.wait(lambda: panel.ui.cohortTable.rowCount == 1)
    panel.click("startCohortButton")
    panel.wait(lambda: not panel.logic.bench.busy, 600)
    assert panel.ui.cohortTable.item(0, 1).text() == "done"
    panel.ui.cohortTable.selectRow(0)
    panel.settle()
    panel.click("openCaseButton")
    panel.expand("tasksCollapsibleButton")
    shot("4_cohort", BETWEEN, "dark")
