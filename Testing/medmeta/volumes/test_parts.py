import pytest

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
        ("a.nii", "data file: a.raw\n", []),
    ],
)
def test_files_with_voxels_are_those_that_the_header_names(tmp_path, name, header, files):
    for other in ("a.raw", "a1.raw", "a2.raw"):
        (tmp_path / other).write_bytes(b"voxels")
    (tmp_path / name).write_text(header, encoding="utf-8")
    assert [file.name for file in voxel_files(tmp_path / name)] == files
