"""`medmeta meta-train`: weights from random initialisation, on procedural cohorts."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import typer

from medmeta.cli import inputs
from medmeta.cli.console import Console
from medmeta.errors import MedMetaError


def meta_train(
    learner: str = typer.Option(..., "--learner", "--stage", help="joint, maml, lstm, siamese or image-siamese."),
    out: Path = typer.Option(..., "--out", help="Checkpoint to write; the state to go on from lies beside it."),
    minutes: float = typer.Option(..., "--minutes", min=0.01, help="Length of the whole schedule."),
    tasks: str = typer.Option("meta-training", "--tasks", help="Task set."),
    init: Path | None = typer.Option(None, "--init", help="Checkpoint to start from."),
    stop_after: float | None = typer.Option(None, "--stop-after", help="Minutes after which this run stops."),
    learning_rate: float | None = typer.Option(None, "--learning-rate", help="Default: the learner's usual one."),
    batch: int = typer.Option(4, "--batch", min=1, help="Episodes a batch."),
    query: int = typer.Option(5, "--query", min=1, help="Query slices an episode."),
    without_prior: float = typer.Option(
        0.4, "--without-prior", min=0, max=1, help="Share of episodes whose query comes from another volume."
    ),
    sizes: str = typer.Option("48,56,64", "--sizes", help="Window sides, pixels, multiples of 8."),
    episodes_per_cohort: int = typer.Option(12, "--episodes-per-cohort", min=1),
    workers: int = typer.Option(1, "--workers", min=0, help="Processes that draw episodes."),
    steps: int = typer.Option(3, "--steps", min=1, help="Inner steps (maml, lstm)."),
    log_dir: Path | None = typer.Option(None, "--log-dir", help="TensorBoard files."),
    device: str = inputs.DEVICE,
    seed: int = inputs.SEED,
    json: bool = inputs.JSON,
    debug: bool = inputs.DEBUG,
) -> None:
    """Meta-trains a learner. Started again with the same --out it goes on where it stopped."""
    console = Console(json)

    from medmeta.devices import resolve_device
    from medmeta.training.run import STAGES, MetaTraining

    if learner not in STAGES:
        raise MedMetaError(f"--learner {learner} is not known: choose one of {', '.join(STAGES)}.")
    try:
        sides = tuple(int(side) for side in sizes.split(","))
    except ValueError:
        sides = ()
    if not sides or any(side < 16 or side % 8 for side in sides):
        raise MedMetaError(f"--sizes {sizes} is not a list of multiples of 8 from 16 on: write it like 48,56,64.")
    training = MetaTraining(
        learner, out, minutes, inputs.task_set(tasks), init, learning_rate, batch, query,
        without_prior, sides, episodes_per_cohort, workers, steps, str(resolve_device(device)), seed, log_dir,
        command=shlex.join(["medmeta", *sys.argv[1:]]),
    )  # fmt: skip
    trainer = training.run(lambda text: None if json else print(text, flush=True), stop_after)
    if json:
        console.result({"checkpoint": str(out), "steps": trainer.step, "minutes": round(trainer.seconds / 60, 2)})
