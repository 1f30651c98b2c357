"""`medmeta match`: which saved task suits a volume?"""

from __future__ import annotations

from pathlib import Path

import typer
from rich.table import Table

from medmeta.cli import inputs
from medmeta.cli.console import Console, similarity_row
from medmeta.cli.memory import fitting
from medmeta.volumes import read_volume


def match(
    volume: Path = typer.Argument(help="The volume: NIfTI, NRRD, MetaImage, or a DICOM folder."),
    tasks: list[Path] = typer.Argument(help="Task files that `medmeta adapt` wrote."),
    device: str = inputs.DEVICE,
    json: bool = inputs.JSON,
    debug: bool = inputs.DEBUG,
) -> None:
    """Ranks saved tasks by how close the volume is to those that they were adapted on, the best first."""
    console = Console(json)
    read = read_volume(volume)

    from medmeta.adaptation import AdaptedTask
    from medmeta.transfer.similarity import rank

    loaded = {str(path): AdaptedTask.load(path) for path in tasks}
    ranked = fitting(lambda device, _: rank(loaded, read, device), device, console, batch=1)
    table = Table(title=f"Tasks for {volume}")
    for heading in ("task", "distance", "in range"):
        table.add_column(heading)
    for name, similarity in ranked:
        table.add_row(name, f"{similarity.distance:.2f}", "yes" if similarity.in_range else "no")
    rows = [{"task": name, **similarity_row(similarity)} for name, similarity in ranked]
    console.result({"volume": str(volume), "tasks": rows}, table)
