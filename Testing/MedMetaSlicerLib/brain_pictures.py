"""What the pictures of the documents show: the ICBM 152 brain with two structures drawn on five slices."""

import os
from pathlib import Path

import numpy as np
import pytest
import slicer

DRAWN = (6, 15, 24, 33, 42)
BETWEEN = 20
"""A slice that nobody drew."""


def folder(otherwise):
    """Where pictures go: `scripts/screenshots` says it."""
    return Path(os.environ.get("MEDMETA_SCREENSHOTS", otherwise))


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


def sideBySide(left, right, caption, path):
    """A slice view, with a line below it, beside a panel, on the panel's ground."""
    from PIL import Image, ImageDraw, ImageFont

    first, second = (Image.open(p).convert("RGB") for p in (left, right))
    gap, line = 12, 24
    ground = second.getpixel((1, second.height - 1))
    size = first.width + second.width + 3 * gap, max(first.height + line, second.height) + 2 * gap
    whole = Image.new("RGB", size, ground)
    whole.paste(first, (gap, gap))
    whole.paste(second, (first.width + 2 * gap, gap))
    ink = "black" if sum(ground) > 380 else "white"
    ImageDraw.Draw(whole).text((gap, gap + first.height + 6), caption, ink, ImageFont.load_default(13))
    whole.save(path, optimize=True)
