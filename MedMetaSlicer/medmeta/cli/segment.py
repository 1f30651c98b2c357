"""`medmeta segment`: the main job in one command."""

from __future__ import annotations

from pathlib import Path

import typer

from medmeta.cli import inputs
from medmeta.cli.console import Console, quality_rows, quality_table
from medmeta.errors import VolumeError
from medmeta.volumes import read_volume, write_label_map, write_volume


def segment(
    volume: Path = typer.Argument(help="The volume: NIfTI, NRRD, MetaImage, or a DICOM folder."),
    labels: Path = typer.Argument(help="Label map in which a few slices are drawn."),
    output: Path = typer.Option(..., "--output", "-o", help="Label map to write."),
    slices: str | None = inputs.SLICES,
    axis: str = inputs.AXIS,
    label: list[int] | None = inputs.LABELS,
    also: list[Path] | None = typer.Option(None, "--also", help="Another volume to predict; repeatable."),
    out_dir: Path | None = typer.Option(None, "--out-dir", help="Folder for the label maps of --also."),
    device: str = inputs.DEVICE,
    seed: int = inputs.SEED,
    confidence: Path | None = typer.Option(None, "--confidence", help="Also write the confidence, 0 to 1."),
    checkpoint: Path | None = inputs.CHECKPOINT,
    overwrite: bool = inputs.OVERWRITE,
    json: bool = inputs.JSON,
    debug: bool = inputs.DEBUG,
) -> None:
    """Completes a label map of which a few slices are drawn, and predicts other volumes."""
    console = Console(json)
    also = also or []
    if also and out_dir is None:
        raise VolumeError("--also needs a folder to write to: give --out-dir.")
    others = {path: inputs.output_for(path, out_dir) for path in also}
    outputs = [output, *([confidence] if confidence else []), *others.values()]
    for path in (output, *([confidence] if confidence else [])):
        inputs.check_ending(path)
    inputs.check_outputs(outputs, [volume, labels, *also], overwrite)
    case = inputs.annotated_volume(volume, labels, axis, slices, label)
    if case.annotation.ignored:
        console.note(f"drawn but not named by --slices, so not used: {list(case.annotation.ignored)}")
    other_volumes = {path: read_volume(path) for path in also}  # all read before work starts: no late surprise

    from medmeta.adaptation import AdaptationSettings, adapt, predict

    with console.progress() as progress:
        adaptation = adapt(
            [case],
            checkpoint=checkpoint,
            device=device,
            seed=seed,
            settings=AdaptationSettings(for_other_volumes=bool(also)),
            progress=progress,
        )
        prediction = adaptation.predictions[0]
        write_label_map(prediction.labels, output, case.annotation.segments)
        if confidence:
            write_volume(prediction.confidence, confidence)
        for path, other in other_volumes.items():
            predicted = predict(adaptation.task, other, device=device, checkpoint=checkpoint, progress=progress)
            write_label_map(predicted.labels, others[path], case.annotation.segments)
    console.result(
        {
            "output": str(output),
            "confidence": str(confidence) if confidence else None,
            "also": {str(path): str(target) for path, target in others.items()},
            "axis": case.annotation.axis,
            "slices": list(case.annotation.slices),
            "segments": quality_rows(adaptation.quality),
            "device": adaptation.task.provenance["device"],
            "seconds": round(adaptation.seconds, 2),
        },
        quality_table(adaptation.quality),
    )
    if not json:
        written = ", ".join(str(path) for path in outputs)
        console.note(f"wrote {written} ({adaptation.seconds:.1f} s on {adaptation.task.provenance['device']})")
