import hashlib
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmeta.cohorts.cases import LONGEST_NAME, input_hash, named, same_name, stamp, usable, volumes_in
from medmeta.errors import CohortError, VolumeError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"voxels")


def dicom(path, more=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(128) + b"DICM" + more)


def test_a_folders_volumes_and_dicom_folders_are_its_cases_by_name(tmp_path):
    touch(tmp_path, "b.nii.gz", "a.NRRD", "notes.txt", "other/c.nii", ".hidden.nii")
    dicom(tmp_path / "series" / "1.dcm")
    cases, left_out = volumes_in(tmp_path, tmp_path / "out")
    assert [(case.name, case.path.name) for case in cases] == [
        ("a", "a.NRRD"),
        ("b", "b.nii.gz"),
        ("series", "series"),
    ]
    assert left_out == 0


def test_label_maps_and_segmentations_and_the_outputs_are_left_out_and_counted(tmp_path):
    touch(tmp_path, "a.nii.gz", "a_label.nii.gz", "a_confidence.nrrd", "b.seg.nrrd", "knee_label.nii.gz")
    dicom(tmp_path / "out" / "1.dcm")
    cases, left_out = volumes_in(tmp_path, tmp_path / "out")
    assert [case.name for case in cases] == ["a", "knee_label"]
    assert left_out == 3


def test_a_folder_of_dicom_segmentations_is_no_case(tmp_path):
    touch(tmp_path, "a.nii")
    storage = b"1.2.840.10008.5.1.4.1.1.66.4\0"
    dicom(tmp_path / "earlier" / "a_label.dcm", b"\x02\x00\x02\x00UI" + len(storage).to_bytes(2, "little") + storage)
    cases, _ = volumes_in(tmp_path, tmp_path / "out")
    assert [case.name for case in cases] == ["a"]


def test_volumes_that_differ_in_their_ending_alone_get_names_of_their_own(tmp_path):
    touch(tmp_path, "a.nii.gz", "A.mha", "b.nii")
    cases, _ = volumes_in(tmp_path, tmp_path / "out")
    assert [case.name for case in cases] == ["A.mha", "a.nii.gz", "b"]


def test_a_folder_without_volumes_and_one_that_is_the_output_are_refused(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(CohortError, match="holds no volume"):
        volumes_in(tmp_path, tmp_path / "out")
    with pytest.raises(CohortError, match="choose another --out-dir"):
        volumes_in(tmp_path, tmp_path)


def test_a_folder_without_permission_is_told_by_name(tmp_path, monkeypatch):
    touch(tmp_path, "in/a.nii")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(CohortError, match=r"in cannot be read \(Permission denied\): check the path"):
        volumes_in(tmp_path / "in", tmp_path / "out")


def test_the_same_name_twice_is_refused(tmp_path):
    with pytest.raises(CohortError, match="Two cases are called"):
        named([("a", "a", tmp_path / "1"), ("A", "a", tmp_path / "2")])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_name_becomes_one_that_files_can_have(text):
    name = usable(text)
    assert usable(name) == name
    assert name.strip(" .") == name != ""
    assert len(name.encode()) <= LONGEST_NAME + 1
    assert not set(name) & set('<>:"/\\|?*\0\n')
    assert os.path.basename(name) == name


def test_names_that_a_file_system_takes_for_one_are_the_same():
    assert same_name("Ö") == same_name(unicodedata.normalize("NFD", "ö"))


def test_the_hash_of_a_file_is_that_of_its_bytes_and_of_a_folder_changes_with_each_file(tmp_path):
    touch(tmp_path, "a.nii", "series/1.dcm", "series/2.dcm")
    assert input_hash(tmp_path / "a.nii") == hashlib.sha256(b"voxels").hexdigest()
    before = input_hash(tmp_path / "series")
    (tmp_path / "series" / "2.dcm").write_bytes(b"others")
    assert input_hash(tmp_path / "series") != before


def test_voxels_beside_a_header_belong_to_the_hash_and_stay_in_its_folder(tmp_path):
    header = tmp_path / "in" / "a.mhd"
    touch(tmp_path, "in/a.raw", "secret.raw")
    header.write_text("ElementDataFile = a.raw\n", encoding="utf-8")
    before = input_hash(header)
    (tmp_path / "in" / "a.raw").write_bytes(b"others")
    assert input_hash(header) != before
    header.write_text("ElementDataFile = ../secret.raw\n", encoding="utf-8")
    with pytest.raises(VolumeError, match="in another folder"):
        input_hash(header)


def test_a_missing_input_is_named(tmp_path):
    with pytest.raises(VolumeError, match=r"none\.nii does not exist"):
        input_hash(tmp_path / "none.nii")


def test_a_stamp_changes_with_size_time_and_files(tmp_path):
    touch(tmp_path, "a.nii", "series/1.dcm", "series/2.dcm")
    for path, inside in (
        (tmp_path / "a.nii", tmp_path / "a.nii"),
        (tmp_path / "series", tmp_path / "series" / "2.dcm"),
    ):
        stamps = [stamp(path)]
        assert stamp(path) == stamps[0]
        time = inside.stat().st_mtime_ns
        inside.write_bytes(b"other voxels")
        os.utime(inside, ns=(time, time))
        stamps.append(stamp(path))
        os.utime(inside, ns=(time, time + 1))
        stamps.append(stamp(path))
        inside.rename(inside.with_name("b.nii"))
        if path.is_dir():
            stamps.append(stamp(path))
        else:
            with pytest.raises(VolumeError, match=r"a\.nii does not exist"):
                stamp(path)
        assert len(set(stamps)) == len(stamps)
