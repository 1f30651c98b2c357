"""The ICBM 152 average brain that the nilearn package ships, with structures derived from its own tissue maps."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import ndimage

from medmeta.volumes import Geometry, Volume, read_volume

FILE = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
NAMES = {1: "lateral ventricles", 2: "white matter"}
LOWEST, HIGHEST = 62, 110
"""Axial slices that are used: the lateral ventricles and some more on both sides."""


def _file(tissue: str) -> Path | None:
    package = find_spec("nilearn")
    if package is None or not package.submodule_search_locations:
        return None
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / FILE.format(tissue)
    return path if path.is_file() else None


def _lateral_ventricles(fluid: np.ndarray) -> np.ndarray:
    """Both of them: the largest two pools of fluid after that round the brain."""
    pools, _ = ndimage.label(fluid)
    sizes = np.bincount(pools.ravel())
    sizes[0] = 0
    return np.isin(pools, np.argsort(sizes)[-3:-1])


def _crop(volume: Volume, box: tuple[slice, slice, slice]) -> Volume:
    geometry = volume.geometry
    direction = np.reshape(geometry.direction, (3, 3))
    start = np.array([s.start for s in box])
    origin = np.asarray(geometry.origin) + direction @ (start * np.asarray(geometry.spacing))
    cut = np.ascontiguousarray(volume.array[box])
    cropped = Geometry(cut.shape, geometry.spacing, tuple(map(float, origin)), geometry.direction)
    return Volume(cut, cropped, volume.name)


def icbm_brain() -> tuple[Volume, Volume] | None:
    """T1 image and label map (`NAMES`) of the middle of the ICBM 152 brain, about 140x180x48 voxels of 1 mm.

    White matter is where its map exceeds one half; the ventricles are the fluid that neither tissue map claims.

    Returns:
        None where nilearn, an optional dependency, is not installed.

    Source: Fonov et al., "Unbiased average age-appropriate atlases for pediatric studies", NeuroImage 54(1), 2011.
    """
    files = [_file(tissue) for tissue in ("t1", "gm", "wm")]
    if None in files:
        return None
    image, grey, white = (read_volume(file) for file in files)
    tissue = grey.array.astype(np.uint16) + white.array
    fluid = ndimage.binary_fill_holes(image.array > 0) & (tissue < 100)
    labels = np.select([_lateral_ventricles(fluid), white.array > 127], [1, 2], 0).astype(np.uint8)
    head = ndimage.find_objects((image.array[:, :, LOWEST:HIGHEST] > 0).astype(np.uint8))[0]
    box = (head[0], head[1], slice(LOWEST, HIGHEST))
    image = Volume(image.array, image.geometry, "ICBM 152")
    return _crop(image, box), _crop(Volume(labels, image.geometry, "ICBM 152 labels"), box)
