import json

import numpy as np
import pytest
import torch

from medmeta.cli import main
from medmeta.learners.checkpoint import save_checkpoint
from medmeta.learners.factory import create_learner
from medmeta.volumes import Geometry, Volume, write_volume

GEOMETRY = Geometry((36, 40, 14), (1.0, 1.0, 2.5), (3.0, -20.0, 7.5), (1, 0, 0, 0, 0, 1, 0, -1, 0))


@pytest.fixture
def files(tmp_path):
    """A volume, a label map of which slices 2 and 4 are drawn, and weights that were never trained."""
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in GEOMETRY.size), indexing="ij")
    labels = ((i / 0.5) ** 2 + (j / 0.4) ** 2 + (k / 0.95) ** 2 < 1).astype(np.uint8)
    image = 100 * labels + np.random.default_rng(0).normal(0, 5, GEOMETRY.size)
    drawn = np.zeros_like(labels)
    drawn[:, :, [2, 4]] = labels[:, :, [2, 4]]
    for name, array in (("volume", image.astype(np.float32)), ("drawn", drawn)):
        write_volume(Volume(array, GEOMETRY), tmp_path / f"{name}.nii.gz")
    torch.manual_seed(0)
    learner = create_learner(
        network={"encoder_channels": [8, 16], "branch_channels": [8, 16]},
        settings={"steps": 1, "step_weights": (0.0, 1.0)},
    )
    save_checkpoint(learner, tmp_path / "small.safetensors", {})
    return tmp_path


def suggest(files, *more):
    given = ("suggest", files / "volume.nii.gz", files / "drawn.nii.gz", "--checkpoint", files / "small.safetensors")
    return main([str(a) for a in (*given, *more)])


def test_json_names_axis_drawn_slices_and_suggestions_with_their_reasons(files, capsys):
    assert suggest(files, "--count", "3", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["axis"], result["slices"]) == (2, [2, 4])
    numbers = [row["slice"] for row in result["suggestions"]]
    assert len(set(numbers)) == 3
    assert not set(numbers) & {2, 4}
    first = result["suggestions"][0]
    assert first["slice"] > 4, "the structure goes on there to slice 12"
    assert first["distance"] == first["slice"] - 4
    assert first["reason"] in suggest_text(files, capsys)


def suggest_text(files, capsys):
    assert suggest(files) == 0
    return " ".join(capsys.readouterr().out.replace("│", " ").replace("┃", " ").split())


def test_a_slice_that_was_named_as_empty_is_not_suggested(files, capsys):
    assert suggest(files, "--slices", "2,4,13", "--count", "20", "--json") == 0
    output = capsys.readouterr()
    numbers = [row["slice"] for row in json.loads(output.out)["suggestions"]]
    assert {3, 5, 6} <= set(numbers)
    assert not set(numbers) & {2, 4, 13}
    assert f"{len(numbers)} of 20" in output.err


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--count", "0"], "--count"), (["--axis", "up"], "--axis up"), (["--slices", "x"], "numbers")],
)
def test_wrong_input_gives_one_line_and_exit_code_two(files, capsys, more, message):
    assert suggest(files, *more) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("medmeta: error: ")
    assert message in line
