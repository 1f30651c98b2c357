import json

import pytest

from medmeta.cli import main


@pytest.fixture
def files(write_case, checkpoint, tmp_path):
    """A volume, a label map of which slices 2 and 4 are drawn, and weights that were never trained."""
    folder = write_case(tmp_path, [2, 4])
    (folder / "small.safetensors").write_bytes(checkpoint.read_bytes())
    return folder


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
    assert suggest(files, "--slices", "2,4,11", "--count", "20", "--json") == 0
    output = capsys.readouterr()
    numbers = [row["slice"] for row in json.loads(output.out)["suggestions"]]
    assert {3, 5, 6} <= set(numbers)
    assert not set(numbers) & {2, 4, 11}
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
