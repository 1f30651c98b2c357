"""Volumes and their geometry, in memory and on disk."""

from medmeta.volumes.files import read_label_map, read_volume, write_label_map, write_volume
from medmeta.volumes.volume import Geometry, Volume, check_supported, finite

__all__ = [
    "Geometry",
    "Volume",
    "check_supported",
    "finite",
    "read_label_map",
    "read_volume",
    "write_label_map",
    "write_volume",
]
