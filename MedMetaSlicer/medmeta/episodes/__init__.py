"""Episodes: volumes and annotations turned into support and query sets."""

from medmeta.episodes.channels import SEGMENT_CHANNELS, image_channels, neighbours, segment_channels, without_prior
from medmeta.episodes.episode import Episode, Examples
from medmeta.episodes.intensity import GreyWindow, relative, relative_range
from medmeta.episodes.region import RegionRule
from medmeta.episodes.stack import SliceStack, Window

__all__ = [
    "SEGMENT_CHANNELS",
    "Episode",
    "Examples",
    "GreyWindow",
    "RegionRule",
    "SliceStack",
    "Window",
    "image_channels",
    "neighbours",
    "relative",
    "relative_range",
    "segment_channels",
    "without_prior",
]
