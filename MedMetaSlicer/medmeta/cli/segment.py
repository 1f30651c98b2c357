"""`medmeta segment`: the main job in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from medmeta.cli import inputs, outputs
from medmeta.cli.console import Console, explain, quality_table, similarity_row, warn_if_far
from medmeta.cli.memory import fitting
from medmeta.errors import VolumeError
from medmeta.volumes import Volume, read_volume, write_volume

if TYPE_CHECKING:
    from medmeta.adaptation import Adaptation, Prediction


def segment(
    volume: Path = typer.Argument(help="The volume: NIfTI, NRRD, MetaImage, or a DICOM folder."),
    labels: Path = typer.Argument(help="Label map in which a few slices are drawn."),
    more: list[Path] | None = typer.Argument(None, metavar="", hidden=True),
    output: Path = typer.Option(..., "--output", "-o", help="Label map to write; .dcm for a DICOM segmentation."),
    slices: str | None = inputs.SLICES,
    axis: str = inputs.AXIS,
    label: list[str] | None = inputs.LABELS,
    also: list[Path] | None = typer.Option(None, "--also", help="Other volumes to predict."),
    out_dir: Path | None = typer.Option(None, "--out-dir", help="Folder for the label maps of --also."),
    learner: str = inputs.LEARNER,
    budget: float | None = inputs.BUDGET,
    device: str = inputs.DEVICE,
    seed: int = inputs.SEED,
    confidence: Path | None = typer.Option(None, "--confidence", help="Also write the confidence, 0 to 1."),
    clean_up: bool = inputs.CLEAN_UP,
    checkpoint: Path | None = inputs.CHECKPOINT,
    overwrite: bool = inputs.OVERWRITE,
    json: bool = inputs.JSON,
    debug: bool = inputs.DEBUG,
) -> None:
    """Completes a label map of which a few slices are drawn, and predicts other volumes."""
    console = Console(json)
    also, more = also or [], more or []
    if more and not also:
        raise VolumeError(f"{more[0]} is one file too many: give other volumes with --also.")
    also = [*also, *more]  # --also A B: an option takes one value, what follows lands among the arguments
    if bool(also) != (out_dir is not None):
        raise VolumeError("--also and --out-dir go together: the label maps of the other volumes go to that folder.")
    others = {path: outputs.output_for(path, out_dir, dicom=output.suffix.lower() == outputs.DICOM) for path in also}
    written = [output, *([confidence] if confidence else []), *others.values()]
    for path, source in {output: volume, **({confidence: None} if confidence else {})}.items():
        outputs.check_ending(path, source)
    outputs.check_outputs(written, [volume, labels, *also, *([checkpoint] if checkpoint else [])], overwrite)
    case = inputs.annotated_volume(volume, labels, axis, slices, label)
    if case.annotation.ignored:
        console.note(f"drawn but not named by --slices, so not used: {list(case.annotation.ignored)}")

    from medmeta.adaptation import AdaptationSettings, adapt, predict
    from medmeta.adaptation.frame import SliceFrame

    geometry = case.volume.geometry
    frame = SliceFrame.along(case.annotation.axis, geometry.spacing, geometry.direction)
    inputs.check_others(list(others), frame.direction)
    with console.progress() as progress:
        options = {"checkpoint": checkpoint, "progress": progress}

        def adapted(device: str, batch: int) -> Adaptation:
            settings = AdaptationSettings(for_other_volumes=bool(also), clean_up=clean_up, batch=batch)
            more = {"learner": learner, "budget": budget, "seed": seed, **options}
            return adapt([case], device=device, settings=settings, **more)

        def other_labels(volume: Volume) -> Prediction:
            def run(device: str, batch: int) -> Prediction:
                return predict(adaptation.task, volume, device=device, batch=batch, clean_up=clean_up, **options)

            return fitting(run, device, console)

        adaptation = fitting(adapted, device, console)
        predicted = {path: other_labels(read_volume(path)) for path in others}
    # Written when all is computed, so that cancelling leaves nothing behind.
    prediction = adaptation.predictions[0]
    outputs.write_labels(prediction.labels, output, case.annotation.segments, volume)
    if confidence:
        write_volume(prediction.confidence, confidence)
    for path, other in predicted.items():
        outputs.write_labels(other.labels, others[path], case.annotation.segments, path)
        warn_if_far(console, path, other.similarity)
    console.result(
        {
            "output": str(output),
            "confidence": str(confidence) if confidence else None,
            "also": {
                str(path): {"output": str(target), **similarity_row(predicted[path].similarity)}
                for path, target in others.items()
            },
            "axis": case.annotation.axis,
            "slices": list(case.annotation.slices),
            "ignored_slices": list(case.annotation.ignored),
            "segments": [
                {**quality.row(), "expected_dice_of_slices": [None if d != d else round(float(d), 3) for d in slices]}
                for quality, slices in zip(adaptation.quality, prediction.expected.slices, strict=True)
            ],
            "learners_left_out": list(adaptation.left_out),
            "device": adaptation.task.provenance["device"],
            "seconds": round(adaptation.seconds, 2),
        },
        quality_table(adaptation.quality),
    )
    if not json:
        explain(console, adaptation)
        names = ", ".join(map(str, written))
        console.note(f"wrote {names} ({adaptation.seconds:.1f} s on {adaptation.task.provenance['device']})")
