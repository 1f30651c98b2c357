"""Datasets that no manifest names: a folder of the same form is enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medmeta.errors import MedMetaError
from medmeta.evaluation.benchmark.datasets import Dataset, Structure
from medmeta.evaluation.protocol import extent
from medmeta.volumes import read_label_map

K = (1, 2, 3, 5, 8, 10)
LEAST_SLICES, LEAST_VOXELS = 10, 100
"""Of a structure that is measured."""


def discover(folder: Path, axis: int = 2) -> Dataset:
    """The dataset in a folder with NAME_image.nii.gz and NAME_label.nii.gz for each case.

    Every label is measured by itself, in the cases where it spans `LEAST_SLICES` slices and has `LEAST_VOXELS` voxels.

    Args:
        folder: the cases.
        axis: slice axis, 0 to 2.

    Raises:
        MedMetaError: no case has both files, or no structure is large enough.
    """
    suffix = "_label.nii.gz"
    cases = sorted(path.name.removesuffix(suffix) for path in folder.glob(f"*{suffix}"))
    cases = [case for case in cases if (folder / f"{case}_image.nii.gz").is_file()]
    if not cases:
        raise MedMetaError(f"{folder} has no NAME_image.nii.gz with a NAME_label.nii.gz: name the files so")
    present = {case: _large_enough(folder / f"{case}{suffix}", axis) for case in cases}
    labels = sorted(set().union(*present.values()))
    if not labels:
        raise MedMetaError(
            f"{folder} has no structure of {LEAST_SLICES} slices along axis {axis} and {LEAST_VOXELS} voxels: "
            "try another --axis"
        )
    left_out = {case: tuple(str(v) for v in labels if v not in found) for case, found in present.items()}
    return Dataset(folder.name, folder.name, axis, K, tuple(cases), tuple(Structure((v,)) for v in labels), left_out)


def _large_enough(path: Path, axis: int) -> set[int]:
    labels = read_label_map(path).array
    values = [int(v) for v in np.unique(labels) if v > 0]
    return {
        v for v in values
        if extent(labels == v, axis)[1] >= LEAST_SLICES and np.count_nonzero(labels == v) >= LEAST_VOXELS
    }  # fmt: skip
