import json
from functools import partial

import numpy as np
import pytest

from medmeta.cli import main
from medmeta.errors import Cancelled
from medmeta.volumes import Geometry, Volume, read_label_map, read_volume, write_volume


@pytest.fixture
def files(write_case, tmp_path):
    """A volume, a label map of which slices 3 and 8 are drawn, and the full label map."""
    return write_case(tmp_path, [3, 8])


def medmeta(*arguments):
    return main([str(a) for a in arguments])


def segment(files, checkpoint, *more, volume="volume.nii.gz", labels="drawn.nii.gz", output="out.nii.gz"):
    return medmeta("segment", files / volume, files / labels, "-o", files / output, "--checkpoint", checkpoint, *more)


def error_of(capsys):
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("medmeta: error: ")
    return lines[0]


def test_segment_completes_the_label_map_and_keeps_what_was_drawn(files, checkpoint, capsys):
    assert segment(files, checkpoint, "--confidence", files / "sure.nrrd") == 0
    out, drawn = read_label_map(files / "out.nii.gz"), read_label_map(files / "drawn.nii.gz")
    assert out.geometry == read_volume(files / "volume.nii.gz").geometry
    np.testing.assert_array_equal(out.array[:, :, [3, 8]], drawn.array[:, :, [3, 8]])
    assert out.array[:, :, 5].any()
    assert 0.5 <= read_volume(files / "sure.nrrd").array.min() <= 1
    assert "Segment_1" in capsys.readouterr().out


def test_json_output_is_one_object_that_says_what_was_done(files, checkpoint, capsys):
    assert segment(files, checkpoint, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["slices"] == [3, 8]
    assert result["axis"] == 2
    assert result["device"] in ("cpu", "cuda")
    assert result["segments"][0]["expected_dice"] is not None


def test_other_volumes_are_predicted_into_a_folder(files, checkpoint, geometry):
    write_volume(read_volume(files / "volume.nii.gz"), files / "next.mha")
    assert segment(files, checkpoint, "--also", files / "next.mha", "--out-dir", files / "cohort") == 0
    assert read_label_map(files / "cohort" / "next_label.mha").array.shape == geometry.size


def test_adapt_then_predict_goes_through_a_task_file(files, checkpoint, capsys):
    task = files / "task.safetensors"
    pairs = [files / "volume.nii.gz", files / "drawn.nii.gz"]
    assert medmeta("adapt", *pairs, "-o", task, "--checkpoint", checkpoint) == 0
    arguments = ("predict", task, files / "volume.nii.gz", "--out-dir", files / "cohort", "--checkpoint", checkpoint)
    assert medmeta(*arguments, "--json") == 0
    predicted = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["predicted"]
    assert [row["output"] for row in predicted] == [str(files / "cohort" / "volume_label.nii.gz")]


def test_a_task_holds_no_voxels_where_the_user_wants_none(files, checkpoint):
    from medmeta.adaptation import AdaptedTask

    pairs = [files / "volume.nii.gz", files / "drawn.nii.gz"]
    for more, count in (((), 1), (("--no-template",), 0)):
        task = files / f"task{count}.safetensors"
        assert medmeta("adapt", *pairs, "-o", task, "--checkpoint", checkpoint, *more) == 0
        assert len(AdaptedTask.load(task).templates) == count


def test_the_learner_and_the_budget_can_be_chosen_and_the_reason_is_told(files, capsys, monkeypatch):
    volume, drawn = files / "volume.nii.gz", files / "drawn.nii.gz"
    assert medmeta("segment", volume, drawn, "-o", files / "one.nii.gz", "--learner", "siamese", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["segments"]
    assert row["learner"] == "siamese"
    from medmeta import adaptation

    monkeypatch.setattr(adaptation, "AdaptationSettings", partial(adaptation.AdaptationSettings, good_enough=2.0))
    many = ",".join(map(str, range(1, 11)))
    more = ("--slices", many, "--budget", "0.001")
    assert medmeta("segment", volume, files / "full.nii.gz", "-o", files / "two.nii.gz", *more) == 0
    errors = capsys.readouterr().err
    assert "siamese, the only one tried" in errors
    assert "no time within the budget to try: maml, lstm" in errors


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--learner", "unet"], "'unet' is not known"), (["--budget", "-3"], "Budget -3.0 is not one")],
)
def test_an_unknown_learner_and_an_impossible_budget_are_refused(files, capsys, more, message):
    assert medmeta("segment", files / "volume.nii.gz", files / "drawn.nii.gz", "-o", files / "out.nii.gz", *more) == 2
    assert message in error_of(capsys)


def test_match_puts_the_task_that_suits_a_volume_first(files, checkpoint, capsys):
    volume = read_volume(files / "volume.nii.gz")
    stripes = np.broadcast_to(100.0 * (np.arange(volume.array.shape[0]) % 8 < 4)[:, None, None], volume.array.shape)
    write_volume(Volume(stripes.astype(np.float32), volume.geometry), files / "stripes.nii.gz")
    for name in ("volume", "stripes"):
        pair = (files / f"{name}.nii.gz", files / "drawn.nii.gz")
        assert medmeta("adapt", *pair, "-o", files / f"{name}.safetensors", "--checkpoint", checkpoint) == 0
    capsys.readouterr()
    tasks = [files / "stripes.safetensors", files / "volume.safetensors"]
    assert medmeta("match", files / "volume.nii.gz", *tasks, "--json") == 0
    first, second = json.loads(capsys.readouterr().out)["tasks"]
    assert first["task"] == str(files / "volume.safetensors")
    assert first["in_range"]
    assert first["distance"] < second["distance"]


def test_a_volume_out_of_range_is_warned_of(files, checkpoint, monkeypatch, capsys):
    from medmeta.transfer.similarity import Similarity

    task, pair = files / "task.safetensors", (files / "volume.nii.gz", files / "drawn.nii.gz")
    assert medmeta("adapt", *pair, "-o", task, "--checkpoint", checkpoint) == 0
    monkeypatch.setattr("medmeta.transfer.similarity.Signatures.compare", lambda *_: Similarity(1.3, 0.5))
    assert medmeta("predict", task, pair[0], "--out-dir", files / "cohort", "--checkpoint", checkpoint) == 0
    assert "warning" in (error := capsys.readouterr().err)
    assert "distance 1.30, in range up to 0.50" in error


def test_a_full_label_map_with_named_slices_uses_only_those(files, checkpoint, capsys):
    assert segment(files, checkpoint, "--slices", "3,8", "--axis", "2", "--json", labels="full.nii.gz") == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["slices"] == [3, 8]
    assert "not used" in output.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(volume="none.nii.gz"), r"none\.nii\.gz does not exist"),
        (dict(labels="volume.nii.gz"), "not a label map"),
        (dict(output="out.txt"), "unknown ending"),
        (dict(output="drawn.nii.gz"), "is an input"),
        (dict(more=["--label", "9"]), r"no label \[9\]"),
        (dict(more=["--slices", "3,x"]), "whole numbers"),
        (dict(more=["--slices", "3,99", "--axis", "2"]), r"no slice \[99\]"),
        (dict(more=["--axis", "up"]), "--axis up"),
        (dict(more=["--device", "cuda:9"]), "cuda:9"),
        (dict(more=["--device", "abacus"]), "abacus"),
        (dict(more=["--also", "x.nii.gz"]), "--out-dir"),
        (dict(labels="full.nii.gz"), "--axis"),
        (dict(more=["--seed", "-1"]), "--seed"),
        (dict(more=["--seed", "99999999999999999999"]), "--seed"),
        (dict(output="volume.nii.gz/out.nii.gz"), "not a folder"),
    ],
)
def test_wrong_input_gives_one_line_and_exit_code_two(files, checkpoint, capsys, arguments, message):
    import re

    more = arguments.pop("more", [])
    assert segment(files, checkpoint, *more, **arguments) == 2
    assert re.search(message, error_of(capsys))


def test_empty_labels_are_refused(files, checkpoint, capsys, geometry):
    write_volume(Volume(np.zeros(geometry.size, np.uint8), geometry), files / "empty.nii.gz")
    assert segment(files, checkpoint, labels="empty.nii.gz") == 2
    assert "empty" in error_of(capsys)


def test_a_geometry_that_differs_is_refused_and_the_difference_named(files, checkpoint, capsys, geometry):
    moved = Geometry(geometry.size, (1.0, 1.0, 3.0), geometry.origin, geometry.direction)
    write_volume(Volume(read_label_map(files / "drawn.nii.gz").array, moved), files / "moved.nii.gz")
    assert segment(files, checkpoint, labels="moved.nii.gz") == 2
    assert "spacing (1.0, 1.0, 3.0) against (1.0, 1.0, 2.5)" in error_of(capsys)


def test_a_damaged_checkpoint_is_refused(files, capsys):
    (files / "bad.safetensors").write_bytes(b"rubbish")
    assert segment(files, files / "bad.safetensors") == 2
    assert "bad.safetensors" in error_of(capsys)


def test_an_output_that_is_there_is_kept_unless_overwriting_is_asked_for(files, checkpoint, capsys):
    assert segment(files, checkpoint) == 0
    before = (files / "out.nii.gz").read_bytes()
    capsys.readouterr()
    assert segment(files, checkpoint) == 2
    assert "--overwrite" in error_of(capsys)
    assert (files / "out.nii.gz").read_bytes() == before
    assert segment(files, checkpoint, "--overwrite") == 0


def test_the_voxels_beside_a_metaimage_header_are_kept_too(files, checkpoint, capsys):
    (files / "out.zraw").write_text("somebody's")
    assert segment(files, checkpoint, output="out.mhd") == 2
    assert "out.zraw is there already" in error_of(capsys)
    assert (files / "out.zraw").read_text() == "somebody's"


def test_another_volume_that_cannot_be_used_is_refused_before_any_work(
    files, checkpoint, monkeypatch, capsys, geometry
):
    import medmeta.adaptation

    thick = Geometry(geometry.size, (1.0, 1.0, 11.0), geometry.origin, geometry.direction)
    write_volume(Volume(read_volume(files / "volume.nii.gz").array, thick), files / "thick.nii.gz")
    monkeypatch.setattr(medmeta.adaptation, "adapt", lambda *_, **__: pytest.fail("worked"))
    assert segment(files, checkpoint, "--also", files / "thick.nii.gz", "--out-dir", files / "cohort") == 2
    assert "thick.nii.gz has slices 11.0 mm apart" in error_of(capsys)


def test_a_single_drawn_slice_works(files, checkpoint):
    assert segment(files, checkpoint, "--slices", "3", "--axis", "2") == 0


def test_errors_are_json_too_when_asked_for(files, checkpoint, capsys):
    assert segment(files, checkpoint, "--json", volume="none.nii.gz") == 2
    assert "does not exist" in json.loads(capsys.readouterr().out)["error"]


def test_a_missing_argument_and_an_unknown_option_are_usage_errors(capsys):
    assert medmeta("segment") == 2
    assert "Missing" in error_of(capsys)
    assert medmeta("segment", "--nonsense") == 2
    assert "nonsense" in error_of(capsys)


def test_cancelling_gives_exit_code_130_and_leaves_no_file(files, checkpoint, monkeypatch):
    import medmeta.adaptation

    def cancelled(*_, **__):
        raise Cancelled("cancelled")

    monkeypatch.setattr(medmeta.adaptation, "adapt", cancelled)
    assert segment(files, checkpoint) == 130
    assert not (files / "out.nii.gz").exists()


def test_ctrl_c_gives_exit_code_130_and_says_so(files, checkpoint, monkeypatch, capsys):
    import medmeta.adaptation

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(medmeta.adaptation, "adapt", interrupted)
    assert segment(files, checkpoint, "--json") == 130
    output = capsys.readouterr()
    assert "cancelled" in output.err
    assert "cancelled" in json.loads(output.out)["error"]


def test_termination_cancels_as_ctrl_c_does(monkeypatch):
    import os
    import signal

    from medmeta import cli

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(cli, "main", lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(KeyboardInterrupt):
            cli.run()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_bug_gives_exit_code_one_and_no_traceback(files, checkpoint, monkeypatch, capsys):
    import medmeta.adaptation

    def broken(*_, **__):
        raise RuntimeError("inner trouble")

    monkeypatch.setattr(medmeta.adaptation, "adapt", broken)
    assert segment(files, checkpoint) == 1
    error = error_of(capsys)
    assert "inner trouble" in error
    assert "Traceback" not in error


def test_the_version_is_printed(capsys):
    from medmeta import __version__

    assert medmeta("--version") == 0
    assert capsys.readouterr().out.strip() == f"medmeta {__version__}"


def test_meta_training_and_meta_test_run_from_the_command_line(tmp_path, capsys):
    out = tmp_path / "tiny.safetensors"
    train = ["meta-train", "--learner", "siamese", "--out", str(out), "--minutes", "0.01", "--batch", "1"]
    assert main([*train, "--sizes", "32", "--workers", "0", "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] >= 1
    test = ["meta-test", "--learner", str(out), "--k", "2", "--episodes", "2", "--no-baselines", "--json"]
    assert main(test) == 0
    same, other = json.loads(capsys.readouterr().out)["rows"]
    assert len(same["scores"]["tiny"]) == len(other["scores"]["tiny"]) == 2
    assert main(["meta-test", "--learner", str(out), "--k", "2", "--episodes", "2", "--card"]) == 0
    assert "before the inner loop" in out.with_suffix(".md").read_text(encoding="utf-8")


def test_the_image_level_network_is_trained_and_judged_on_pairs(tmp_path, capsys):
    out = tmp_path / "pairs.safetensors"
    train = ["meta-train", "--learner", "image-siamese", "--out", str(out), "--minutes", "0.01", "--batch", "1"]
    assert main([*train, "--sizes", "32", "--workers", "0", "--device", "cpu"]) == 0
    assert main(["meta-test", "--learner", str(out), "--episodes", "2", "--json"]) == 0
    pairs = json.loads(capsys.readouterr().out.splitlines()[-1])["pairs"]
    assert [pair["same"] for pair in pairs] == [True, True, False, False, False, False]
    assert all(len(pair["distances"]) == 2 for pair in pairs)
    assert main(["meta-test", "--learner", str(out), "--episodes", "2", "--card"]) == 0
    assert "another cohort" in out.with_suffix(".md").read_text(encoding="utf-8")
    assert main(["meta-test", "--learner", str(out), "--learner", "maml", "--episodes", "2"]) == 2
    assert "segments nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["meta-train", "--learner", "oracle", "--out", "x", "--minutes", "1"], "oracle"),
        (["meta-train", "--learner", "maml", "--out", "x", "--minutes", "1", "--sizes", "17"], "--sizes 17"),
        (["meta-train", "--learner", "maml", "--out", "x", "--minutes", "1", "--tasks", "mine"], "--tasks mine"),
        (["meta-test", "--k", "0,3"], "--k 0,3"),
        (["meta-test", "--learner", "no-such-weights"], "no-such-weights"),
        (["meta-test", "--learner", "maml", "--learner", "joint", "--card"], "--card"),
    ],
)
def test_meta_training_and_meta_test_refuse_what_they_cannot_do(capsys, arguments, message):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
