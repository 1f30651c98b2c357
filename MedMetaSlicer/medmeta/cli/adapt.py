"""`medmeta adapt`: learn the structures, keep them in a file."""

from __future__ import annotations

from pathlib import Path

import typer

from medmeta.cli import inputs, outputs
from medmeta.cli.console import Console, explain, quality_table
from medmeta.cli.memory import fitting
from medmeta.errors import AnnotationError


def adapt(
    files: list[Path] = typer.Argument(help="VOLUME LABELS [VOLUME LABELS ...]", metavar="VOLUME LABELS ..."),
    output: Path = typer.Option(..., "--output", "-o", help="Task file to write (.safetensors)."),
    slices: str | None = inputs.SLICES,
    axis: str = inputs.AXIS,
    label: list[str] | None = inputs.LABELS,
    learner: str = inputs.LEARNER,
    budget: float | None = inputs.BUDGET,
    device: str = inputs.DEVICE,
    seed: int = inputs.SEED,
    template: bool = typer.Option(
        True,
        "--template/--no-template",
        help="Keep the annotated volumes in the task file, reduced to 96 samples a side, round the structures to 128, "
        "to lay them over others; without them other volumes are segmented much worse.",
    ),
    checkpoint: Path | None = inputs.CHECKPOINT,
    overwrite: bool = inputs.OVERWRITE,
    json: bool = inputs.JSON,
    debug: bool = inputs.DEBUG,
) -> None:
    """Adapts to one or more volumes with a few drawn slices and writes the adapted task."""
    console = Console(json)
    if len(files) % 2:
        raise AnnotationError(f"{files[-1]} has no label map: give volumes and label maps in pairs.")
    if slices is not None and len(files) > 2:
        raise AnnotationError(
            "--slices goes with one volume; draw on the annotated slices of the others, and leave it out."
        )
    outputs.check_outputs([output], [*files, *([checkpoint] if checkpoint else [])], overwrite)
    cases = [
        inputs.annotated_volume(volume, labels, axis, slices, label)
        for volume, labels in zip(files[::2], files[1::2], strict=True)
    ]

    from medmeta.adaptation import AdaptationSettings
    from medmeta.adaptation import adapt as run

    with console.progress() as progress:
        options = {"learner": learner, "checkpoint": checkpoint, "budget": budget, "seed": seed, "progress": progress}
        adaptation = fitting(
            lambda device, batch: run(
                cases, device=device, settings=AdaptationSettings(template=template, batch=batch), **options
            ),
            device,
            console,
        )
    adaptation.task.save(output)
    console.result(
        {
            "task": str(output),
            "segments": [quality.row() for quality in adaptation.quality],
            "learner_for_other_volumes": adaptation.task.provenance["learner"],
            "learners_left_out": list(adaptation.left_out),
            "device": adaptation.task.provenance["device"],
            "seconds": round(adaptation.seconds, 2),
        },
        quality_table(adaptation.quality),
    )
    if not json:
        explain(console, adaptation)
        console.note(f"wrote {output} ({adaptation.seconds:.1f} s)")
