"""`medmeta demo`: the main job on volumes that come with the software."""

from __future__ import annotations

from pathlib import Path

import typer

from medmeta.cli import inputs
from medmeta.cli.console import Console


def demo(
    out_dir: Path = typer.Option(Path("medmeta-demo"), "--out-dir", help="Folder for the montage."),
    device: str = inputs.DEVICE,
    seed: int = inputs.SEED,
    quick: bool = typer.Option(False, "--quick", help="Fewer structures."),
    json: bool = inputs.JSON,
    debug: bool = inputs.DEBUG,
) -> None:
    """Simulates a few drawn slices, adapts, predicts, compares with interpolation, writes a PNG montage."""
    console = Console(json)

    from medmeta.evaluation import demo as demonstration

    with console.progress() as progress:
        result = demonstration.run(out_dir, seed=seed, device=device, quick=quick, progress=progress)
    console.result(result, *demonstration.tables(result))
