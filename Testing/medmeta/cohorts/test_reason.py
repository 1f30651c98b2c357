import os
from pathlib import Path

import pytest

from medmeta.cohorts.reason import reason_of
from medmeta.errors import VolumeError

HOME = Path("/data/Müller^Anna (1970)/ct")
PLACES = (HOME / "series", Path("/results/Müller Anna/out/series_label.dcm"), Path("/tasks/of Anna/kidney.safetensors"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{HOME}/series cannot be read: export it again.", "series cannot be read: export it again."),
        (f"{HOME}/series/IM 1.dcm is cut off", "IM 1.dcm is cut off"),
        (f"Task {PLACES[2]} is damaged", "Task kidney.safetensors is damaged"),
        (f"{PLACES[1]} cannot be written (disk full)", "series_label.dcm cannot be written (disk full)"),
        (f"{HOME.parent} cannot be entered", "a folder cannot be entered"),
        ("/data/Berta Maier/x.raw: No such file", "x.raw: No such file"),
        ("/data/Berta (1970)/x.raw: No such file", "x.raw: No such file"),
        (r"C:\Users\anna\x.nii is damaged", "x.nii is damaged"),
        ("3/4 of it, at 12 mm/s", "3/4 of it, at 12 mm/s"),
        ("one\n  line", "one line"),
    ],
)
def test_files_keep_their_names_and_lose_their_folders(text, told):
    assert reason_of(VolumeError(text), PLACES) == told


def test_an_error_of_the_system_names_no_folder_either():
    error = PermissionError(13, "Permission denied", os.fspath(HOME / "series" / "1.dcm"))
    assert reason_of(error, PLACES) == "unexpected PermissionError: [Errno 13] Permission denied: '1.dcm'"


def test_a_long_reason_is_cut():
    assert len(reason_of(VolumeError("x" * 10_000), PLACES)) == 500
