"""What tests of several parts use."""

import io
import json
import os
import pickle
import re
import struct
import time
from contextlib import contextmanager
from itertools import count
from math import cos, sin
from pathlib import Path

import numpy as np
import pytest
import torch


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


def vm_peak():
    """Bytes of address space that this process has had at most; allocations count whether they are touched or not."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("memory is counted on Linux alone")
    return int(re.search(r"VmPeak:\s+(\d+) kB", status.read_text(encoding="utf-8"))[1]) * 1024


@pytest.fixture
def frugal():
    """A context in which little time and memory may be taken."""

    @contextmanager
    def watch(megabytes=128, seconds=5.0):
        before, start = vm_peak(), time.monotonic()
        yield
        assert time.monotonic() - start < seconds
        assert vm_peak() - before < megabytes * 2**20

    return watch


class Payload:
    """A pickle of it makes a folder when it is loaded."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def raw(header, data=b""):
    """A safetensors file of any header, or of a header's bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, start, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def hostile_files(marker):
    """Name -> bytes of files that are no safetensors, or lie in their headers."""
    zipped = io.BytesIO()
    torch.save({"x": Payload(marker)}, zipped)
    far = tensor("F32", [2], 0, 8)
    return {
        "empty": b"",
        "pickle": pickle.dumps(Payload(marker)),
        "zipped pickle": zipped.getvalue(),
        "header of 2^63 bytes": struct.pack("<Q", 2**63) + b"{}",
        "header of 90 MB in a small file": struct.pack("<Q", 90_000_000) + b"{}",
        "header that is no JSON": raw(b"{" * 1000),
        "deep header": raw(b"[" * 100_000 + b"]" * 100_000),
        "giant tensor": raw({"x": tensor("F32", [10**6, 10**6], 0, 4 * 10**12)}),
        "giant tensor, small offsets": raw({"x": tensor("F32", [10**6, 10**6], 0, 8)}, bytes(8)),
        "overflowing shape": raw({"x": tensor("F32", [2**62, 2**62], 0, 8)}, bytes(8)),
        "overlapping tensors": raw({"x": far, "y": tensor("F32", [2], 4, 12)}, bytes(12)),
        "hole between tensors": raw({"x": far, "y": tensor("F32", [2], 16, 24)}, bytes(24)),
        "offsets backwards": raw({"x": tensor("F32", [2], 8, 0)}, bytes(8)),
        "negative shape": raw({"x": tensor("F32", [-2], 0, 8)}, bytes(8)),
        "NaN shape": raw(b'{"x": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 8]}}', bytes(8)),
        "unknown type": raw({"x": tensor("PICKLE", [2], 0, 8)}, bytes(8)),
        "metadata that is no text": raw({"__metadata__": {"medmeta": {"format": 1}}}),
        "deep metadata": raw({"__metadata__": {"medmeta": "[" * 200_000 + "]" * 200_000}}),
        "metadata with a number of 10^5 digits": raw({"__metadata__": {"medmeta": "9" * 100_000}}),
    }


@pytest.fixture(name="hostile_files", scope="session")
def hostile_files_fixture():
    return hostile_files


def replace_header(content, change):
    """A safetensors file's bytes with our JSON header changed: change(header) -> header."""
    (length,) = struct.unpack("<Q", content[:8])
    whole = json.loads(content[8 : 8 + length])
    ours = json.loads(whole["__metadata__"]["medmeta"])
    whole["__metadata__"]["medmeta"] = json.dumps(change(ours))
    return raw(whole, content[8 + length :])


@pytest.fixture(name="replace_header", scope="session")
def replace_header_fixture():
    return replace_header
