"""`medmeta suggest`: which slice should be drawn next?"""

from __future__ import annotations

from pathlib import Path

import typer
from rich.table import Table

from medmeta.cli import inputs
from medmeta.cli.console import Console
from medmeta.cli.memory import fitting

QUICKEST = "siamese"
LEARNER = typer.Option(
    None, "--learner", help=f"auto, maml, siamese or lstm. Default: {QUICKEST}, the quickest, or that of --checkpoint."
)


def suggest(
    volume: Path = typer.Argument(help="The volume: NIfTI, NRRD, MetaImage, or a DICOM folder."),
    labels: Path = typer.Argument(help="Label map in which a few slices are drawn."),
    count: int = typer.Option(1, "--count", min=1, help="How many slices to suggest."),
    slices: str | None = inputs.SLICES,
    axis: str = inputs.AXIS,
    label: list[str] | None = inputs.LABELS,
    learner: str | None = LEARNER,
    device: str = inputs.DEVICE,
    seed: int = inputs.SEED,
    checkpoint: Path | None = inputs.CHECKPOINT,
    json: bool = inputs.JSON,
    debug: bool = inputs.DEBUG,
) -> None:
    """Says which slice to draw next; slices are numbered from 0, as for --slices."""
    console = Console(json)
    case = inputs.annotated_volume(volume, labels, axis, slices, label)
    if case.annotation.ignored:
        console.note(f"drawn but not named by --slices, so not used: {list(case.annotation.ignored)}")

    from medmeta.adaptation import AdaptationSettings, adapt
    from medmeta.adaptation import suggest as run

    with console.progress() as progress:
        adaptation = fitting(
            lambda device, batch: adapt(
                [case],
                learner=learner or ("auto" if checkpoint else QUICKEST),
                checkpoint=checkpoint,
                device=device,
                seed=seed,
                settings=AdaptationSettings(for_other_volumes=False, batch=batch),
                progress=progress,
            ),
            device,
            console,
        )
    suggestions = run(adaptation.predictions[0], case.annotation, count)
    table = Table(title=f"Slices to draw next, along axis {case.annotation.axis}")
    for heading in ("slice", "why"):
        table.add_column(heading)
    for suggestion in suggestions:
        table.add_row(str(suggestion.slice), suggestion.reason)
    rows = [
        {
            "slice": suggestion.slice,
            "score": round(suggestion.score, 3),
            "distance": suggestion.distance,
            "expected_wrong_voxels": round(suggestion.expected_wrong, 1),
            "reason": suggestion.reason,
        }
        for suggestion in suggestions
    ]
    result = {"axis": case.annotation.axis, "slices": list(case.annotation.slices), "suggestions": rows}
    console.result(result, *([table] if suggestions else []))
    if len(suggestions) < count:
        console.note(f"{len(suggestions)} of {count}: no other slice is left that could show the structure.")
