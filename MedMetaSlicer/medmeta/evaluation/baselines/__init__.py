"""What a user has today without meta-learning.

`BASELINES` see no image: `baseline(labels, axis=..., slices=...)`, where labels is an (I, J, K) integer array, zero off
the annotated slices. `IMAGE_BASELINES` may see it: `baseline(image, labels, axis=..., slices=..., spacing=...)`. Both
return a filled array of the labels' shape and type.
"""

from medmeta.evaluation.baselines.aligned_interpolation import aligned_interpolation
from medmeta.evaluation.baselines.fill_between_slices import fill_between_slices
from medmeta.evaluation.baselines.grow_from_seeds import grow_from_seeds
from medmeta.evaluation.baselines.interpolation import interpolate, interpolate_mirrored
from medmeta.evaluation.baselines.nearest import nearest_slice
from medmeta.evaluation.baselines.random_forest import random_forest
from medmeta.evaluation.baselines.random_walker import random_walker

BASELINES = {
    "interpolation": interpolate,
    "interpolation-mirrored": interpolate_mirrored,
    "nearest": nearest_slice,
    "fill-between-slices": fill_between_slices,
}

IMAGE_BASELINES = {
    "aligned-interpolation": aligned_interpolation,
    "grow-from-seeds": grow_from_seeds,
    "random-walker": random_walker,
    "random-forest": random_forest,
}

__all__ = [
    "BASELINES", "IMAGE_BASELINES", "aligned_interpolation", "fill_between_slices", "grow_from_seeds", "interpolate",
    "interpolate_mirrored", "nearest_slice", "random_forest", "random_walker",
]  # fmt: skip
