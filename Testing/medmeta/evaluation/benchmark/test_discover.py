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


def test_an_axis_along_which_nothing_is_long_enough_and_an_empty_folder_are_refused(data, tmp_path):
    with pytest.raises(MedMetaError, match="--axis"):
        discover(data / "tubes", axis=1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(MedMetaError, match="NAME_image"):
        discover(tmp_path / "empty")
