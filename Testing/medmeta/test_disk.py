import errno

import pytest

from medmeta.disk import is_full, replacing
from medmeta.errors import VolumeError


def test_a_file_is_replaced_when_all_is_written_and_those_beside_it_come_along(tmp_path):
    (tmp_path / "a.mhd").write_text("old", encoding="utf-8")
    with replacing(tmp_path / "a.mhd") as temporary:
        temporary.write_text("new", encoding="utf-8")
        temporary.with_name("a.zraw").write_text("voxels", encoding="utf-8")
        assert (tmp_path / "a.mhd").read_text(encoding="utf-8") == "old"
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        "a.mhd": "new",
        "a.zraw": "voxels",
    }


def test_an_error_leaves_the_old_file_and_no_rubbish(tmp_path):
    def fail():
        with replacing(tmp_path / "a") as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError

    (tmp_path / "a").write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError):
        fail()
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)])
def test_a_full_disk_is_known_however_deep_below_an_error_it_lies(number, full):
    error = VolumeError("cannot be written")
    error.__cause__ = RuntimeError("not written")
    error.__cause__.__context__ = OSError(number, "no")
    assert is_full(error) is full
