import pytest

from medmeta.errors import MedMetaError
from medmeta.evaluation.benchmark import Settings, discover, same_volume_jobs
from medmeta.evaluation.benchmark.methods import run_job


def test_a_folder_without_a_manifest_is_a_dataset(data):
    dataset = discover(data / "tubes")
    assert dataset.cases == ("one", "three", "two")
    # The ball spans 11 slices, the tube 12.
    assert [structure.name for structure in dataset.structures] == ["1", "2"]
    job = same_volume_jobs([dataset], methods=("interpolation",), k=(3,))[0]
    assert run_job(job, Settings(data))[0]["dice"] > 0.8


def test_a_structure_that_a_case_lacks_is_left_out_there(data):
    import SimpleITK as sitk

    path = str(data / "tubes" / "two_label.nii.gz")
    labels = sitk.ReadImage(path)
    sitk.WriteImage(labels * sitk.Cast(labels != 2, labels.GetPixelID()), path)
    assert discover(data / "tubes").left_out["two"] == ("2",)


def test_only_structures_that_are_long_enough_along_the_axis_are_taken(data):
    # Along axis 1 the tube spans 9 slices, the ball 11.
    assert [structure.name for structure in discover(data / "tubes", axis=1).structures] == ["2"]


def test_a_folder_without_a_structure_and_an_empty_one_are_refused(data, tmp_path):
    import SimpleITK as sitk

    for path in (data / "tubes").glob("*_label.nii.gz"):
        sitk.WriteImage(sitk.ReadImage(str(path)) * 0, str(path))
    with pytest.raises(MedMetaError, match="--axis"):
        discover(data / "tubes")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MedMetaError, match="NAME_image"):
        discover(tmp_path / "empty")
