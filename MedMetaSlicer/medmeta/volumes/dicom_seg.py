"""Label maps as DICOM segmentations (SEG) that belong to the series that was segmented, through highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medmeta import __version__
from medmeta.disk import replacing
from medmeta.errors import GeometryError, VolumeError
from medmeta.volumes.dicom import Series, find_series
from medmeta.volumes.itk import quiet
from medmeta.volumes.terminology import Code, Terminology
from medmeta.volumes.volume import Volume

if TYPE_CHECKING:
    import highdicom
    from pydicom import Dataset

    from medmeta.annotations import Segment

ENDING = ".dcm"
STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
"""SOP class of segmentations."""

MAKER = "MedMetaSlicer"
SERIES_NUMBER = 900
"""Of the segmentation; what it is made from comes first in a viewer's list."""

LONGEST_LABEL = 64


def check_installed() -> None:
    """Checks that what writes DICOM segmentations is there.

    Raises:
        VolumeError: it is not; says how to install it.
    """
    try:
        import highdicom  # noqa: F401
        import pydicom  # noqa: F401
    except ImportError as error:
        raise VolumeError(
            f"DICOM segmentations need {error.name}, which is not installed: run pip install highdicom pydicom, or "
            "write NRRD or NIfTI."
        ) from error


def write_dicom_seg(labels: Volume, segments: Sequence[Segment], source_folder: str | Path, path: str | Path) -> None:
    """Writes a label map as a binary DICOM segmentation; an existing file is replaced only when all is written.

    Patient and study are the source's. The segments are numbered from 1 in their order, as DICOM wants it; label map
    values are not kept. Segments without Slicer's terminology are coded as tissue.

    Args:
        labels: unsigned integers, on the grid of the source.
        segments: what the values mean, one or more.
        source_folder: the folder with the series that was segmented.
        path: ends in .dcm; not in the source's folder, which it would spoil.

    Raises:
        GeometryError: the label map is not on the series' grid.
        VolumeError: highdicom is missing, the series cannot be read, or the file cannot be written.
    """
    check_installed()
    import pydicom

    path, source_folder = Path(path), Path(source_folder)
    if path.resolve().parent == source_folder.resolve():
        raise VolumeError(f"{path} would lie among the files of the series: choose another folder.")
    if not segments:
        raise VolumeError(f"{path} cannot be written: a DICOM segmentation needs one segment or more.")
    with quiet() as sitk:
        series = find_series(sitk, source_folder)
    if series.geometry is None:
        raise VolumeError(f"{source_folder} does not say where its slices lie: write NRRD or NIfTI instead.")
    if not series.geometry.matches(labels.geometry):
        raise GeometryError(
            f"{labels.name} is not on the grid of {source_folder}: predict that series itself, or resample the labels."
        )
    try:
        datasets = [pydicom.dcmread(file, stop_before_pixels=True) for file in series.files]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd but readable values in the source, and of empty label maps
            made = _segmentation(datasets, _numbered(labels, segments, series), segments)
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                made.save_as(temporary)
    except OSError as error:
        raise VolumeError(f"{path} cannot be written ({error}): choose another folder.") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise VolumeError(
            f"{path} cannot be written, as {source_folder} lacks what a DICOM segmentation needs ({error}): write NRRD "
            "or NIfTI instead."
        ) from error


def _numbered(labels: Volume, segments: Sequence[Segment], series: Series) -> np.ndarray:
    """(K, J, I) segment numbers, slices as the source's files or frames have them."""
    numbers = np.zeros(labels.array.shape[::-1], np.min_scalar_type(len(segments)))
    slices = labels.array.transpose(2, 1, 0)
    for number, segment in enumerate(segments, 1):
        numbers[slices == segment.value] = number
    return numbers[np.argsort(series.frames)] if series.frames else numbers


def _segmentation(
    datasets: Sequence[Dataset], numbers: np.ndarray, segments: Sequence[Segment]
) -> highdicom.seg.Segmentation:
    import highdicom
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=MAKER, family=codes.DCM.ArtificialIntelligence, version=__version__
    )
    return highdicom.seg.Segmentation(
        source_images=datasets,
        pixel_array=numbers,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(n, segment, algorithm) for n, segment in enumerate(segments, 1)],
        series_instance_uid=generate_uid(prefix=None),
        series_number=SERIES_NUMBER,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name="medmeta",
        software_versions=__version__,
        device_serial_number="0",
        content_label="SEGMENTATION",
        content_description="Segmentation by MedMetaSlicer",
        series_description="Segmentation by MedMetaSlicer",
        omit_empty_frames=True,
        specific_character_set="ISO_IR 192",  # UTF-8: names are in any language
    )


def _description(
    number: int, segment: Segment, algorithm: highdicom.AlgorithmIdentificationSequence
) -> highdicom.seg.SegmentDescription:
    import highdicom
    from pydicom.uid import generate_uid

    def concept(code: Code) -> highdicom.sr.CodedConcept:
        return highdicom.sr.CodedConcept(code.value, code.scheme, code.meaning)

    meant = Terminology.parse(segment.terminology)
    red, green, blue = (round(255 * min(max(c, 0.0), 1.0)) for c in segment.color)
    label = " ".join(segment.name.replace("\\", "/").split())[:LONGEST_LABEL] or f"Segment {number}"
    description = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=concept(meant.category),
        segmented_property_type=concept(meant.kind),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=algorithm,
        tracking_uid=generate_uid(prefix=None),
        tracking_id=label,
        anatomic_regions=[concept(meant.region)] if meant.region else None,
        display_color=highdicom.color.CIELabColor.from_rgb(red, green, blue),
    )
    if meant.modifier:
        kind = description.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [concept(meant.modifier)]
    if meant.region and meant.region_modifier:
        description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [concept(meant.region_modifier)]
    return description
