"""3D Slicer's "Grow from seeds", run as its Segment Editor effect runs it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medmeta.errors import MedMetaError
from medmeta.evaluation.baselines.fill_between_slices import drawn_box
from medmeta.evaluation.baselines.surroundings import seeds


def _grow_cut():
    """The filter: part of 3D Slicer, and of the slicer-core package outside of it."""
    try:
        try:
            from vtkSlicerSegmentationsModuleLogicPython import vtkImageGrowCutSegment
        except ImportError:
            from slicer.slicer_core import vtkImageGrowCutSegment
        return vtkImageGrowCutSegment()
    except (ImportError, AttributeError) as error:
        raise MedMetaError(
            "Grow from seeds needs 3D Slicer, or its libraries: pip install 'trame-slicer[standalone]'"
        ) from error


def grow_from_seeds(
    image: np.ndarray, labels: np.ndarray, *, axis: int, slices: Sequence[int], spacing: Sequence[float]
) -> np.ndarray:
    """Grows all segments and a background at once, with the effect's default of no seed locality.

    The effect needs a second segment for all else: here everything round the drawing on the annotated slices. It is
    computed in the effect's own box, what is drawn and a margin.

    Args:
        image: (I, J, K) grey values.
        labels: (I, J, K) integers, zero off the annotated slices.
        axis: slice axis.
        slices: the annotated slices.
        spacing: 3 numbers, mm; the filter is given none, as in the effect (voxels weigh the same along each axis).

    Returns:
        (I, J, K), annotated slices as drawn.

    Raises:
        MedMetaError: neither 3D Slicer nor slicer-core is there.

    Source: Zhu et al., "An effective interactive medical image segmentation method using fast GrowCut", MICCAI IMIC
    workshop, 2014.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData

    grow = _grow_cut()
    if not labels.any():
        return labels.copy()
    background = int(labels.max()) + 1
    box = drawn_box(labels)
    marked = seeds(labels, axis=axis, slices=slices, background=background)[box]

    def vtk_image(array: np.ndarray) -> vtkImageData:
        result = vtkImageData()
        result.SetDimensions(array.shape)
        result.GetPointData().SetScalars(numpy_to_vtk(array.ravel(order="F"), deep=True))
        return result

    grow.SetIntensityVolume(vtk_image(np.ascontiguousarray(image[box], np.float32)))
    grow.SetSeedLabelVolume(vtk_image(marked))
    grow.SetDistancePenalty(0.0)
    grow.Update()
    grown = vtk_to_numpy(grow.GetOutput().GetPointData().GetScalars()).reshape(marked.shape, order="F")
    result = labels.copy()
    result[box] = np.where(grown == background, 0, grown).astype(labels.dtype)
    drawn = (slice(None),) * axis + (list(slices),)
    result[drawn] = labels[drawn]
    return result
