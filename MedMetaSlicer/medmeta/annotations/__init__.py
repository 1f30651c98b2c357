"""What the user drew."""

from medmeta.annotations.dicom_seg import is_dicom_seg, read_dicom_seg
from medmeta.annotations.segment import Segment, default_segments, read_segments
from medmeta.annotations.sparse import AnnotatedVolume, SparseAnnotation, find_axis

__all__ = [
    "AnnotatedVolume",
    "Segment",
    "SparseAnnotation",
    "default_segments",
    "find_axis",
    "is_dicom_seg",
    "read_dicom_seg",
    "read_segments",
]
