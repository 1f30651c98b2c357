"""Shape priors: what the annotated slices alone say about the slices between them."""

from medmeta.priors.followed import FollowedPrior
from medmeta.priors.parts import PartPrior, shape_priors
from medmeta.priors.shape import USUAL_SIZES, ShapePrior, signed_distance

__all__ = ["USUAL_SIZES", "FollowedPrior", "PartPrior", "ShapePrior", "shape_priors", "signed_distance"]
