"""Headers on which ITK crashes, never comes to an end, or takes memory beyond measure."""

import re

import numpy as np
import pytest
import SimpleITK as sitk

from medmeta.errors import VolumeError
from medmeta.volumes import Geometry, Volume, read_volume, write_volume

GEOMETRY = Geometry((9, 8, 7), (0.7, 0.9, 2.5), (12.5, -80.0, 31.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


@pytest.fixture
def written(tmp_path):
    """Writes a volume of an ending."""

    def write(ending):
        write_volume(Volume(np.ones((9, 8, 7), np.int16), GEOMETRY), tmp_path / f"a{ending}")
        return tmp_path / f"a{ending}"

    return write


def refused_before_itk(path, monkeypatch, before, after):
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after, 1))
    monkeypatch.setattr(sitk, "ImageFileReader", lambda: pytest.fail("ITK was asked"))
    with pytest.raises(VolumeError, match=re.escape(path.name)):
        read_volume(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"NDims = 3", b"NDims = 70000"),
        (b"NDims = 3", b"NDims = 1e308"),
        (b"NDims = 3", b"NDims = 3\nNDims = 70000"),
        (b"NDims = 3", b"NDims : 70000"),
        (b"TransformMatrix = 1 0 0 0 1 0 0 0 1", b"TransformMatrix = 1 0 0 0 1 0 0 1e308 1"),
        (b"TransformMatrix = 1 0 0 0 1 0 0 0 1", b"TransformMatrix = 1 0 0 0 1 0 nan 0 1"),
        (b"TransformMatrix = 1 0 0 0 1 0 0 0 1", b"TransformMatrix = 1 0 0"),
        (b"Offset = 12.5", b"Offset = inf"),
        (b"CompressedDataSize = ", b"CompressedDataSize = -"),
        (b"CompressedDataSize = ", b"CompressedDataSize = 99999999"),
        (b"DimSize = 9 8 7", b"DimSize = 9 8 4294967303"),
        (b"DimSize = 9 8 7", b"DimSize = 9 8"),
        (b"DimSize = 9 8 7\n", b""),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = LOCAL\0"),
        (b"ElementDataFile = LOCAL", b""),
    ],
)
def test_a_metaimage_header_that_cannot_be_true_never_reaches_itk(written, monkeypatch, before, after):
    refused_before_itk(written(".mha"), monkeypatch, before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"sizes: 9 8 7", b"sizes: 9 8 4294967303"),
        (b"sizes: 9 8 7", b"sizes: 9 8 -7"),
        (b"dimension: 3", b"dimension: 70000"),
        (b"space origin: (12.5", b"space origin: (1e308"),
        (b"space directions: (", b"space directions: (inf"),
    ],
)
def test_a_nrrd_header_that_cannot_be_true_never_reaches_itk(written, monkeypatch, before, after):
    refused_before_itk(written(".nrrd"), monkeypatch, before, after)


def test_headers_of_other_programs_pass(written, tmp_path):
    path = written(".mha")
    content = path.read_bytes().replace(b"Offset = ", b"Comment = Praxis M\xc3\xbcller: 1e308\nPosition = ", 1)
    path.write_bytes(content.replace(b"NDims = 3", b"NDims = 3\nID = -1\nColor = 1 0 0 1", 1))
    assert read_volume(path).geometry == GEOMETRY
    header = (
        "NRRD0005\n# a comment: inf\ntype: short\ndimension: 4\nspace dimension: 3\nsizes: 1 9 8 7\nencoding: raw\n"
        "kinds: list domain domain domain\n"
        "space directions: none (1,0,0) (0,1,0) (0,0,2)\nendian: little\n\n"
    )
    (tmp_path / "b.nrrd").write_bytes(header.encode() + bytes(2 * 9 * 8 * 7))
    assert read_volume(tmp_path / "b.nrrd").geometry.size == (9, 8, 7)
