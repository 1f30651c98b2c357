import struct

import numpy as np
import pytest
import SimpleITK as sitk

from medmeta.errors import VolumeError
from medmeta.volumes import Geometry, Volume, read_volume, write_volume

GEOMETRY = Geometry((9, 8, 7), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def written(path):
    write_volume(Volume(np.arange(9 * 8 * 7, dtype=np.int16).reshape(9, 8, 7), GEOMETRY), path)
    return path


@pytest.mark.parametrize("side", [1200, 1300, 30000])
@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".mha"])
def test_a_header_that_claims_too_much_is_refused_before_the_voxels_are_read(tmp_path, monkeypatch, ending, side):
    path = written(tmp_path / f"huge{ending}")
    content = path.read_bytes()
    if ending == ".nii":
        content = content[:42] + struct.pack("<3h", side, side, side) + content[48:]
    else:
        content = content.replace(b"9 8 7", b" ".join([str(side).encode()] * 3), 1)
    path.write_bytes(content)
    monkeypatch.setattr(sitk, "ReadImage", lambda *_: pytest.fail("the voxels were read"))
    with pytest.raises(VolumeError, match=f"huge{ending}"):
        read_volume(path)


def test_well_packed_voxels_and_voxels_in_another_file_pass(tmp_path):
    empty = Volume(np.zeros((400, 400, 100), np.uint8), Geometry((400, 400, 100), *list(vars(GEOMETRY).values())[1:]))
    for ending in (".nii.gz", ".nrrd", ".mha", ".mhd"):
        write_volume(empty, tmp_path / f"empty{ending}")
        assert read_volume(tmp_path / f"empty{ending}").array.shape == (400, 400, 100)
    voxels = np.arange(9 * 8 * 7, dtype="<i2")
    (tmp_path / "apart.raw").write_bytes(voxels.tobytes())
    header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 9 8 7\nendian: little\nencoding: raw\ndata file: apart.raw\n"
    (tmp_path / "apart.nrrd").write_text(header, encoding="utf-8")
    np.testing.assert_array_equal(read_volume(tmp_path / "apart.nrrd").array.ravel("F"), voxels)
