"""Shape priors: what the annotated slices alone say about the slices between them."""

from medmeta.priors.followed import FollowedPrior
from medmeta.priors.parts import PartPrior, shape_priors
from medmeta.priors.shape import ShapePrior, signed_distance

__all__ = ["FollowedPrior", "PartPrior", "ShapePrior", "shape_priors", "signed_distance"]
