"""A small data folder: three cases with a tilted tube and a ball in it."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from medmeta.evaluation.benchmark import read_manifest

CASES = ("one", "two", "three")


def _labels(shift):
    i, j, k = np.mgrid[:32, :32, :16]
    labels = np.zeros((32, 32, 16), np.uint8)
    labels[((i - 10 - 0.3 * k - shift) ** 2 + (j - 16) ** 2 <= 20) & (k > 1) & (k < 14)] = 1
    labels[(i - 24) ** 2 + (j - 16) ** 2 + (k - 8) ** 2 <= 30] = 2
    return labels


@pytest.fixture
def data(tmp_path):
    """Folder with `tubes/<case>_image.nii.gz` and `_label.nii.gz`."""
    folder = tmp_path / "data" / "tubes"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for shift, case in enumerate(CASES):
        labels = _labels(shift)
        grey = np.array([20.0, 90.0, 60.0])[labels] + rng.normal(0, 3, labels.shape)
        for kind, array in (("image", grey.astype(np.float32)), ("label", labels)):
            image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
            image.SetSpacing((1.0, 1.0, 2.0))
            sitk.WriteImage(image, str(folder / f"{case}_{kind}.nii.gz"))
    return tmp_path / "data"


@pytest.fixture
def dataset(tmp_path):
    """The manifest of that folder."""
    path = tmp_path / "tubes.json"
    fields = {"folder": "tubes", "axis": 2, "k": [2, 3], "cases": CASES, "structures": [[1], [2]]}
    path.write_text(json.dumps(fields))
    return read_manifest(path)
