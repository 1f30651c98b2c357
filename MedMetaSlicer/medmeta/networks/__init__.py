"""Networks and the one place that makes them."""

from medmeta.networks.factory import create_network
from medmeta.networks.segmentation import ImageEncoder, SegmentationNet, SegmentBranch

__all__ = ["ImageEncoder", "SegmentBranch", "SegmentationNet", "create_network"]
