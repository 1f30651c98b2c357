"""What tests of several parts use."""

from itertools import count
from math import cos, sin

import numpy as np
import pytest


def turned(a=0.4, b=0.25):
    """(3, 3) axes that lie obliquely in the patient."""
    turn = np.array([[cos(a), -sin(a), 0], [sin(a), cos(a), 0], [0, 0, 1]])
    return turn @ np.array([[1, 0, 0], [0, cos(b), -sin(b)], [0, sin(b), cos(b)]])


OBLIQUE = turned()


def write_series(folder, array, *, axes=OBLIQUE, spacing=(0.7, 0.9, 2.5), origin=(12.5, -80.0, 31.0), change=None):
    """Writes a volume as an MR series, one file a slice, with file names in no order.

    Args:
        folder: made if it is not there.
        array: (I, J, K) 16-bit integers.
        axes: (3, 3) columns: LPS directions of the volume's axes.
        change: change(slice number, dataset), before a slice is written.
    """
    pydicom = pytest.importorskip("pydicom", reason="needs the optional dependency 'dicom'")
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    folder.mkdir(exist_ok=True)
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    names = np.random.default_rng(0).permutation(1000)
    numbers = count(len(list(folder.iterdir())))
    for k in range(array.shape[2]):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = MRImageStorage
        dataset.SOPInstanceUID = generate_uid()
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = series, study, frame
        dataset.Modality, dataset.PatientName, dataset.PatientID = "MR", "Doe^Jane", "P-4711"
        dataset.PatientBirthDate, dataset.PatientSex, dataset.AccessionNumber = "19700101", "F", "A1"
        dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20240102", "101500", "1"
        dataset.SeriesNumber, dataset.InstanceNumber, dataset.ReferringPhysicianName = 3, k + 1, ""
        dataset.Manufacturer, dataset.PositionReferenceIndicator = "Test", ""
        place = np.array(origin) + k * spacing[2] * axes[:, 2]
        dataset.ImagePositionPatient = [f"{x:.10f}"[:16] for x in place]
        dataset.ImageOrientationPatient = [f"{x:.13f}"[:16] for x in (*axes[:, 0], *axes[:, 1])]
        dataset.PixelSpacing = [spacing[1], spacing[0]]
        dataset.SliceThickness = spacing[2]
        dataset.Rows, dataset.Columns = array.shape[1], array.shape[0]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
        dataset.PixelData = np.ascontiguousarray(array[:, :, k].T.astype("<i2")).tobytes()
        if change is not None:
            change(k, dataset)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"IM{names[next(numbers)]:04d}.dcm", enforce_file_format=True)


def write_enhanced(folder, array, order, change=None):
    """The same series in a single file, its frames in the order given."""
    pydicom = pytest.importorskip("pydicom", reason="needs the optional dependency 'dicom'")
    from pydicom.sequence import Sequence
    from pydicom.uid import EnhancedMRImageStorage

    write_series(folder, array)
    slices = sorted((pydicom.dcmread(file) for file in folder.iterdir()), key=lambda dataset: dataset.InstanceNumber)
    for file in folder.iterdir():
        file.unlink()
    dataset, frames = slices[0], []
    for k in order:
        frame = pydicom.Dataset()
        frame.PlanePositionSequence = Sequence([pydicom.Dataset()])
        frame.PlanePositionSequence[0].ImagePositionPatient = slices[k].ImagePositionPatient
        frame.PixelValueTransformationSequence = Sequence([pydicom.Dataset()])
        frame.PixelValueTransformationSequence[0].RescaleSlope = 2
        frame.PixelValueTransformationSequence[0].RescaleIntercept = -7
        frames.append(frame)
    shared = pydicom.Dataset()
    shared.PlaneOrientationSequence = Sequence([pydicom.Dataset()])
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = dataset.ImageOrientationPatient
    shared.PixelMeasuresSequence = Sequence([pydicom.Dataset()])
    shared.PixelMeasuresSequence[0].PixelSpacing = dataset.PixelSpacing
    shared.PixelMeasuresSequence[0].SliceThickness = dataset.SliceThickness
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    dataset.PixelData = b"".join(slices[k].PixelData for k in order)
    dataset.NumberOfFrames = len(frames)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(dataset, keyword)
    if change is not None:
        change(dataset)
    dataset.save_as(folder / "enhanced.dcm")


@pytest.fixture(name="write_enhanced")
def write_enhanced_fixture():
    return write_enhanced


@pytest.fixture(name="write_series")
def write_series_fixture():
    return write_series


@pytest.fixture(name="oblique")
def oblique_fixture():
    """(3, 3) axes that lie obliquely."""
    return OBLIQUE
