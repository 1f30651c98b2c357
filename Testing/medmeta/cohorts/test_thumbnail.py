import io

import numpy as np
from PIL import Image

from medmeta.annotations import Segment
from medmeta.cohorts.thumbnail import SIZE, thumbnail
from medmeta.volumes import Geometry, Volume

RED = Segment(3, "organ", (1.0, 0.0, 0.0))


def drawn(labels, spacing=(1.0, 1.0, 2.5), axis=2, values=None):
    geometry = Geometry(labels.shape, spacing, (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    values = np.zeros(labels.shape, np.float32) if values is None else values
    picture = Image.open(io.BytesIO(thumbnail(Volume(values, geometry), labels, [RED], axis)))
    return np.asarray(picture.convert("RGB")).astype(int)


def red(picture):
    return (picture[..., 0] > 200) & (picture[..., 1:] < 60).all(-1)


def test_the_slice_with_most_of_the_segment_is_shown_with_its_outline_alone():
    labels = np.zeros((64, 64, 9), np.uint8)
    labels[20:30, 20:30, 2] = 3
    labels[20:40, 20:40, 6] = 3
    values = np.zeros(labels.shape, np.float32)
    values[:, :, 6] = np.linspace(0, 1, 64)[:, None]  # only this slice has grey values
    picture = drawn(labels, values=values)
    assert max(picture.shape[:2]) == SIZE
    outline = red(picture)
    rows, columns = np.nonzero(outline)
    assert outline.any()
    assert not outline[rows.min() + 5 : rows.max() - 4, columns.min() + 5 : columns.max() - 4].any()
    assert np.ptp(picture[2, :, 2]) > 100


def test_pixels_are_as_tall_as_they_are_in_the_body():
    labels = np.zeros((64, 40, 20), np.uint8)
    assert drawn(labels, (1.0, 1.0, 4.0), axis=1).shape[:2] == (SIZE, 128)


def test_a_volume_in_which_nothing_was_found_is_shown_too_without_an_outline():
    values = np.random.default_rng(0).normal(0, 1, (40, 40, 8)).astype(np.float32)
    values[0, 0, :] = np.nan
    picture = drawn(np.zeros((40, 40, 8), np.uint8), values=values)
    assert not red(picture).any()
    assert picture.std() > 20
