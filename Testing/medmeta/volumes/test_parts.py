import numpy as np
import pytest

from medmeta.cohorts.cases import input_hash, stamp
from medmeta.errors import VolumeError
from medmeta.volumes import read_volume
from medmeta.volumes.parts import voxel_files


@pytest.mark.parametrize(
    ("name", "header", "files"),
    [
        ("a.mhd", "NDims = 3\nElementDataFile = a.raw\n", ["a.raw"]),
        ("a.mhd", "ElementDataFile = LIST\na1.raw\na2.raw\n", ["a1.raw", "a2.raw"]),
        ("a.mhd", "ElementDataFile = a%01d.raw 1 2 1\n", ["a1.raw", "a2.raw"]),
        ("a.mhd", "ElementDataFile = gone.raw\n", []),
        ("a.mha", "ElementDataFile = LOCAL\nElementDataFile = a.raw\n", []),
        ("a.nrrd", "NRRD0004\ntype: short\ndata file: a.raw\n", ["a.raw"]),
        ("a.nrrd", "NRRD0004\ntype: short\n\ndata file: a.raw\n", []),
        ("a.nrrd", "NRRD0004\ndata file:=none.raw\ndata file: a.raw\n", ["a.raw"]),
        ("a.nrrd", "NRRD0004\rtype: short\rdata file: a.raw\r\rdata", ["a.raw"]),
        ("a.nii", "data file: a.raw\n", []),
    ],
)
def test_files_with_voxels_are_those_that_the_header_names(tmp_path, name, header, files):
    for other in ("a.raw", "a1.raw", "a2.raw"):
        (tmp_path / other).write_bytes(b"voxels")
    (tmp_path / name).write_text(header, encoding="utf-8")
    assert [file.name for file in voxel_files(tmp_path / name)] == files


METAIMAGE = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
DimSize = 8 8 6
ElementType = MET_SHORT
"""
NRRD = "NRRD0004\ntype: short\ndimension: 3\nsizes: 8 8 6\nendian: little\nencoding: raw\n"

LEADING_OUT = {
    "a colon": ("a.mhd", METAIMAGE + "ElementDataFile : ../secret/x.raw\n"),
    "blanks in front": ("a.mhd", METAIMAGE + "  ElementDataFile = ../secret/x.raw\n"),
    "a pattern": ("a.mhd", METAIMAGE + "ElementDataFile = ../secret/s%03d.raw 1 6 1\n"),
    "a pattern in NRRD": ("a.nrrd", NRRD + "data file: ../secret/s%03d.raw 1 6 1 2\n"),
    "a long header": ("a.nrrd", NRRD + "# a remark\n" * 100_000 + "data file: ../secret/x.raw\n"),
    "other line ends": ("a.nrrd", (NRRD + "data file: ../secret/x.raw\n").replace("\n", "\r")),
    "a remark that looks like the name": ("a.nrrd", NRRD + "data file:=a.raw\ndata file: ../secret/x.raw\n"),
    "an end within the name": ("a.nrrd", NRRD + "data file: ../secret/x.raw\0more\n"),
    "a number that is nothing": ("a.mhd", METAIMAGE + "ElementDataFile = .%.0d./secret/x.raw 0 0 1\n"),
}


@pytest.mark.parametrize("name", LEADING_OUT)
def test_a_header_never_leads_a_cohort_out_of_its_folder(tmp_path, name):
    for folder in ("in", "secret"):
        (tmp_path / folder).mkdir()
    (tmp_path / "secret" / "x.raw").write_bytes(np.full((6, 8, 8), 77, "<i2").tobytes())
    for number in range(1, 7):
        (tmp_path / "secret" / f"s{number:03d}.raw").write_bytes(np.full((8, 8), 77, "<i2").tobytes())
    file, header = LEADING_OUT[name]
    (tmp_path / "in" / file).write_bytes(header.encode())
    for look in (stamp, input_hash):  # one of them comes before any reading
        with pytest.raises(VolumeError, match=r"another folder|no end|number them"):
            look(tmp_path / "in" / file)


def test_slices_in_a_folder_below_belong_to_the_hash(tmp_path):
    (tmp_path / "slices").mkdir()
    for number in range(1, 7):
        (tmp_path / "slices" / f"s{number}.raw").write_bytes(np.full((8, 8), number, "<i2").tobytes())
    (tmp_path / "a.mhd").write_text(METAIMAGE + "ElementDataFile : slices/s%d.raw 1 6 1\n", encoding="utf-8")
    assert read_volume(tmp_path / "a.mhd").array[0, 0].tolist() == [1, 2, 3, 4, 5, 6]
    before = input_hash(tmp_path / "a.mhd")
    (tmp_path / "slices" / "s4.raw").write_bytes(bytes(128))
    assert input_hash(tmp_path / "a.mhd") != before


def test_a_metaimage_that_says_twice_where_its_voxels_are_is_refused(tmp_path):
    header = METAIMAGE + "ElementDataFile = a.raw\nElementDataFile = b.raw\n"
    for name in ("a.raw", "b.raw"):
        (tmp_path / name).write_bytes(bytes(768))
    (tmp_path / "a.mhd").write_text(header, encoding="utf-8")
    with pytest.raises(VolumeError, match="there twice"):
        read_volume(tmp_path / "a.mhd")


@pytest.mark.parametrize("separator", ["=", ":"])
def test_compressed_voxels_that_are_cut_off_are_found_whatever_separates_the_entries(tmp_path, separator):
    (tmp_path / "a.zraw").write_bytes(b"\x78\x9c\x00")
    header = METAIMAGE.replace("ElementType", "CompressedData = True\nElementType") + "ElementDataFile = a.zraw\n"
    (tmp_path / "a.mhd").write_text(header.replace("=", separator), encoding="utf-8")
    with pytest.raises(VolumeError, match="end too early"):
        read_volume(tmp_path / "a.mhd")
