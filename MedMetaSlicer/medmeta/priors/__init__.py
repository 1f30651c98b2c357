"""Shape priors: what the annotated slices alone say about the slices between them."""

from medmeta.priors.followed import FollowedPrior
from medmeta.priors.shape import ShapePrior, signed_distance

__all__ = ["FollowedPrior", "ShapePrior", "signed_distance"]
