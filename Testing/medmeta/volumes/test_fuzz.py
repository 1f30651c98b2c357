"""Whatever a file holds, reading it gives a volume or says what is wrong with it, within its means."""

import os
import re
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medmeta.annotations import Segment, read_dicom_seg, read_segments
from medmeta.errors import MedMetaError
from medmeta.volumes import Geometry, Volume, read_label_map, read_volume, write_label_map, write_volume
from medmeta.volumes.dicom_seg import write_dicom_seg

resource = pytest.importorskip("resource", reason="memory is bounded on Linux alone")

SIZE = (9, 10, 4)
GEOMETRY = Geometry(SIZE, (0.7, 0.9, 2.5), (12.5, -80.0, 31.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
FILES = ("a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.seg.nrrd")
MOST_MEMORY = 384 << 20
"""Bytes of address space that a file of a few kilobytes may take, new threads' stacks among them."""
MOST_TIME = 2.0
"""Seconds of computing."""


def fuzz(examples):
    """Settings of so many examples; FUZZ in the environment multiplies them."""
    return settings(
        max_examples=examples * int(os.environ.get("FUZZ", "1")),
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with undamaged files."""
    folder = tmp_path_factory.mktemp("whole")
    labels = np.zeros(SIZE, np.uint8)
    labels[2:6, 3:8, 1:3] = 1
    labels[6, 8, 3] = 3
    segments = [Segment(1, "Niere", (0.1, 0.9, 0.3)), Segment(3, "Tumour", (1.0, 0.5, 0.25))]
    for name in FILES:
        if name.endswith(".seg.nrrd"):
            write_label_map(Volume(labels, GEOMETRY), folder / name, segments)
        else:
            write_volume(Volume(labels.astype(np.int16) * 300, GEOMETRY), folder / name)
    return folder


@contextmanager
def bounded():
    """No more memory and time than a small file can justify."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("memory is bounded on Linux alone")
    size = int(re.search(r"VmSize:\s+(\d+) kB", status.read_text(encoding="ascii"))[1]) * 1024
    before, start = resource.getrlimit(resource.RLIMIT_AS), time.process_time()
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST_MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert time.process_time() - start < MOST_TIME


def check(read, path):
    """Reads; it is a volume, or an error that names the file and is not of too little memory."""
    with bounded():
        try:
            volume, told = read(path), ""
        except MedMetaError as error:
            volume, told = None, str(error)
    if volume is None:
        assert path.name in told
        assert "alloc" not in told.lower()
        return None
    assert isinstance(volume, Volume)
    assert volume.array.shape == volume.geometry.size
    return volume


@st.composite
def damages(draw):
    """What happens to a file: a function of its bytes."""
    kind = draw(st.sampled_from(("cut", "flip", "splice", "number")))
    places = st.floats(0, 1, exclude_max=True)
    if kind == "cut":
        share = draw(places)
        return lambda content: content[: int(share * len(content))]
    if kind == "splice":
        start, length, put = draw(places), draw(st.integers(0, 40)), draw(st.binary(max_size=40))
        return lambda content: _spliced(content, int(start * len(content)), length, put)
    if kind == "number":  # of a header in words
        which = draw(st.integers(0, 60))
        put = draw(st.sampled_from((b"-1", b"0", b"1e308", b"nan", b"70000", b"4294967297", b"%d", b"1 1", b"..")))
        return lambda content: _other_number(content, which, put)
    flips = draw(st.lists(st.tuples(places, st.integers(0, 7), st.booleans()), min_size=1, max_size=6))
    return lambda content: _flipped(content, flips)


def _other_number(content, which, put):
    found = list(re.finditer(rb"(?<![\w.])-?\d[\d.]*(?![\w.])", content[:1500]))
    if not found:
        return content
    start, end = found[which % len(found)].span()
    return content[:start] + put + content[end:]


def _spliced(content, at, length, put):
    return content[:at] + put + content[at + length :]


def _flipped(content, flips):
    changed = bytearray(content)
    for share, bit, early in flips:
        if changed:
            changed[int(share * min(len(changed), 400 if early else len(changed)))] ^= 1 << bit
    return bytes(changed)


@fuzz(150)
@given(name=st.sampled_from(FILES), damage=damages())
def test_a_damaged_file_is_read_or_refused(whole, tmp_path, name, damage):
    path = tmp_path / name
    path.write_bytes(damage((whole / name).read_bytes()))
    check(read_volume, path)
    labels = check(read_label_map, path)
    if labels is not None:
        with bounded():
            found = np.unique(labels.array)
            assert len(read_segments(path, found)) == len(found)


@fuzz(80)
@given(
    ending=st.sampled_from((".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".seg.nrrd")),
    start=st.sampled_from((b"", b"NRRD0004\n", b"\x1f\x8b\x08", b"\x5c\x01\0\0", b"ObjectType = Image\nNDims = 3\n")),
    content=st.binary(max_size=600),
)
def test_random_bytes_are_read_or_refused(tmp_path, ending, start, content):
    (tmp_path / f"a{ending}").write_bytes(start + content)
    check(read_volume, tmp_path / f"a{ending}")


@pytest.fixture
def dicom(tmp_path, write_series, write_enhanced):
    """A folder with the folders of a series and of an enhanced file, and a segmentation in one of its own."""
    pytest.importorskip("highdicom", reason="needs the optional dependency 'dicom'")
    array = np.random.default_rng(0).integers(0, 500, SIZE).astype(np.int16)
    write_series(tmp_path / "series", array)
    write_enhanced(tmp_path / "enhanced", array, (2, 0, 3, 1))
    labels = np.zeros(SIZE, np.uint8)
    labels[2:6, 3:8, 1:3] = 1
    drawn = Volume(labels, read_volume(tmp_path / "series").geometry)
    write_dicom_seg(drawn, [Segment(1, "Niere", (0.1, 0.9, 0.3))], tmp_path / "series", tmp_path / "seg" / "seg.dcm")
    return tmp_path


@fuzz(100)
@given(kind=st.sampled_from(("series", "enhanced", "seg")), which=st.integers(0, 3), damage=damages())
def test_a_damaged_dicom_file_is_read_or_refused(dicom, kind, which, damage):
    files = sorted((dicom / kind).iterdir())
    path = files[which % len(files)]
    content = path.read_bytes()
    try:
        path.write_bytes(damage(content))
        if kind == "seg":
            geometry = read_volume(dicom / "series").geometry
            check(lambda file: read_dicom_seg(file, geometry)[0], path)
        check(read_volume, dicom / kind)
    finally:
        path.write_bytes(content)
