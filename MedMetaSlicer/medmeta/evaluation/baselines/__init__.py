"""What a user has today without learning: each baseline fills a sparse label map, and sees no image.

A baseline is called as `baseline(labels, axis=..., slices=...)`: labels is an (I, J, K) integer array, zero off the
annotated slices; it returns a filled array of the same shape and type.
"""

from medmeta.evaluation.baselines.fill_between_slices import fill_between_slices
from medmeta.evaluation.baselines.interpolation import interpolate, interpolate_mirrored
from medmeta.evaluation.baselines.nearest import nearest_slice

BASELINES = {
    "interpolation": interpolate,
    "interpolation-mirrored": interpolate_mirrored,
    "nearest": nearest_slice,
    "fill-between-slices": fill_between_slices,
}

__all__ = ["BASELINES", "fill_between_slices", "interpolate", "interpolate_mirrored", "nearest_slice"]
